package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Alu;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.fault.Vector;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Instructions on single flags, sign extension of the accumulator, decimal adjustment. */
final class FlagOps {

    private FlagOps() {}

    static void register(Operations all) {
        all.simple(Mnemonic.CLC, c -> Alu.setCarry(c, false));
        all.simple(Mnemonic.STC, c -> Alu.setCarry(c, true));
        all.simple(Mnemonic.CMC, c -> Alu.setCarry(c, c.flagCarry >= 0));
        all.simple(Mnemonic.CLD, c -> c.flags &= ~Flags.DF);
        all.simple(Mnemonic.STD, c -> c.flags |= Flags.DF);
        all.simple(Mnemonic.LAHF, c -> c.gpr[0] = c.gpr[0] & ~0xFF00L
                | (Flags.arithmetic(c) & 0xD5 | 2) << 8);
        all.simple(Mnemonic.SAHF, c -> Flags.setArithmetic(c, (int) (c.gpr[0] >>> 8) & 0xD5
                | Flags.arithmetic(c) & Flags.OF));
        all.simple(Mnemonic.SALC, c -> Width.set(c.gpr, Width.BYTE, 0, c.flagCarry >> 63));
        all.simple(Mnemonic.DAA, c -> decimal(c, false));
        all.simple(Mnemonic.DAS, c -> decimal(c, true));
        all.simple(Mnemonic.AAA, c -> ascii(c, false));
        all.simple(Mnemonic.AAS, c -> ascii(c, true));
        all.add(Mnemonic.AAM, (in, ip, nextIp) -> {
            int base = (int) in.immediate & 0xFF;
            return new Simple(c -> multiply(c, base), ip, nextIp);
        });
        all.add(Mnemonic.AAD, (in, ip, nextIp) -> {
            int base = (int) in.immediate & 0xFF;
            return new Simple(c -> divide(c, base), ip, nextIp);
        });
        all.add(Mnemonic.CBW, (in, ip, nextIp) -> new Extend(in, ip, nextIp, false));
        all.add(Mnemonic.CWD, (in, ip, nextIp) -> new Extend(in, ip, nextIp, true));
    }

    /** An instruction without operands that always goes on behind itself. */
    static final class Simple extends Op {
        private final Consumer<Cpu> action;

        Simple(Consumer<Cpu> action, long ip, long nextIp) {
            this.action = action;
            this.ip = ip;
            this.nextIp = nextIp;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            action.accept(c);
            return next;
        }
    }

    /** CBW, CWDE, CDQE, CWD, CDQ, CQO. */
    private static final class Extend extends Op {
        private final int s;
        private final boolean intoData;

        Extend(Instruction in, long ip, long nextIp, boolean intoData) {
            this.ip = ip;
            this.nextIp = nextIp;
            this.intoData = intoData;
            s = Width.of(in.operandSize);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long a = c.gpr[0];
            if (intoData) {
                Width.set(c.gpr, s, 2, a << s >> 63);
            } else {
                int from = s + (64 - s) / 2;
                Width.set(c.gpr, s, 0, a << from >> from);
            }
            return next;
        }
    }

    private static void decimal(Cpu c, boolean subtract) {
        int al = (int) c.gpr[0] & 0xFF;
        int flags = Flags.arithmetic(c);
        boolean half = (flags & Flags.AF) != 0 || (al & 0xF) > 9;
        boolean carry = (flags & Flags.CF) != 0 || al > 0x99;
        int value = al;
        if (half) {
            value += subtract ? -6 : 6;
        }
        if (carry) {
            value += subtract ? -0x60 : 0x60;
        } else if (subtract && half && al < 6) {
            carry = true;
        }
        adjusted(c, value, half, carry);
    }

    private static void adjusted(Cpu c, int al, boolean half, boolean carry) {
        Width.set(c.gpr, Width.BYTE, 0, al);
        Alu.and(c, Width.BYTE, al, -1);
        c.flagCarry = (carry ? 3L << 62 : 0) | (half ? 8 : 0);
    }

    private static void ascii(Cpu c, boolean subtract) {
        long ax = c.gpr[0] & 0xFFFF;
        boolean adjust = (Flags.arithmetic(c) & Flags.AF) != 0 || (ax & 0xF) > 9;
        if (adjust) {
            ax = subtract ? ax - 0x106 : ax + 0x106;
        }
        Width.set(c.gpr, Width.WORD, 0, ax & 0xFF0F);
        Alu.and(c, Width.BYTE, ax & 0xF, -1);
        c.flagCarry = adjust ? 3L << 62 | 8 : 0;
    }

    private static void multiply(Cpu c, int base) {
        if (base == 0) {
            throw c.raise(Vector.DE);
        }
        int al = (int) c.gpr[0] & 0xFF;
        Width.set(c.gpr, Width.WORD, 0, al / base << 8 | al % base);
        Alu.and(c, Width.BYTE, al % base, -1);
    }

    private static void divide(Cpu c, int base) {
        int ax = (int) c.gpr[0] & 0xFFFF;
        int al = (ax & 0xFF) + (ax >>> 8) * base & 0xFF;
        Width.set(c.gpr, Width.WORD, 0, al);
        Alu.and(c, Width.BYTE, al, -1);
    }
}
