package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.ControlRegisters;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Modes;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.OperandKind.Place;
import dev.vz.emulator.fault.Vector;
import org.jspecify.annotations.Nullable;

/** MOV to and from control and debug registers. */
final class ControlMoves extends Op {

    private final boolean debug;
    private final boolean write;
    private final int special;
    private final int register;
    private final boolean wide;

    private ControlMoves(Instruction in, long ip, long nextIp) {
        this.ip = ip;
        this.nextIp = nextIp;
        Place first = in.form.operands().get(0).place();
        Place second = in.form.operands().get(1).place();
        debug = first == Place.DEBUG || second == Place.DEBUG;
        write = first == Place.DEBUG || first == Place.CONTROL;
        special = in.reg;
        register = in.rm;
        wide = in.codeSize == 64;
    }

    static Op build(Instruction in, long ip, long nextIp) {
        boolean control = in.form.operands().stream().anyMatch(k -> k.place() == Place.CONTROL);
        boolean known = control ? in.reg == 0 || in.reg == 2 || in.reg == 3 || in.reg == 4 || in.reg == 8
                : in.reg < 8;
        return known ? new ControlMoves(in, ip, nextIp) : new Flow.Raise(Vector.UD, ip);
    }

    @Override
    public boolean endsBlock() {
        return write;
    }

    @Override
    public @Nullable Op execute(Cpu c) {
        SystemOps.privileged(c);
        if (write) {
            long value = wide ? c.gpr[register] : c.gpr[register] & 0xFFFF_FFFFL;
            if (debug) {
                writeDebug(c, value);
            } else {
                writeControl(c, value);
            }
            c.rip = nextIp;
            return null;
        }
        long value = debug ? readDebug(c) : readControl(c);
        c.gpr[register] = wide ? value : value & 0xFFFF_FFFFL;
        return next;
    }

    private long readControl(Cpu c) {
        return switch (special) {
            case 0 -> c.cr0;
            case 2 -> c.cr2;
            case 3 -> c.cr3;
            case 4 -> c.cr4;
            default -> c.outside.interrupts().taskPriority();
        };
    }

    private void writeControl(Cpu c, long value) {
        switch (special) {
            case 0 -> ControlRegisters.setCr0(c, value);
            case 2 -> c.cr2 = value;
            case 3 -> ControlRegisters.setCr3(c, value);
            case 4 -> ControlRegisters.setCr4(c, value);
            default -> {
                if ((value & ~0xFL) != 0) {
                    throw c.raise(Vector.GP);
                }
                c.outside.interrupts().setTaskPriority((int) value);
                c.flagsLoaded();
            }
        }
    }

    /** DR4 and DR5 are DR6 and DR7 under other names, unless CR4.DE is set. */
    private int debugRegister(Cpu c) {
        if (special == 4 || special == 5) {
            if ((c.cr4 & Modes.CR4_DE) != 0) {
                throw c.raise(Vector.UD);
            }
            return special + 2;
        }
        return special;
    }

    private void detect(Cpu c) {
        if ((c.dr[7] & 0x2000) != 0) {
            c.dr[7] &= ~0x2000L;
            c.dr[6] |= 0x2000;
            throw c.raise(Vector.DB);
        }
    }

    private long readDebug(Cpu c) {
        int number = debugRegister(c);
        detect(c);
        return c.dr[number];
    }

    private void writeDebug(Cpu c, long value) {
        int number = debugRegister(c);
        detect(c);
        if (number >= 6) {
            if (value >>> 32 != 0) {
                throw c.raise(Vector.GP);
            }
            c.dr[number] = number == 6 ? value & 0xE00F | 0xFFFF_0FF0L : value & 0xFFFF_2FFFL | 0x400;
        } else {
            c.dr[number] = value;
        }
        c.debug.changed();
    }
}
