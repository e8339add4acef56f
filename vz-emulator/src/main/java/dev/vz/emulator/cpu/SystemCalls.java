package dev.vz.emulator.cpu;

import static dev.vz.emulator.cpu.Segments.*;

import dev.vz.emulator.fault.Vector;

/** SYSCALL, SYSRET, SYSENTER, SYSEXIT: privilege changes to fixed flat segments (Intel SDM volume 3A, section 5.8.7 on). */
public final class SystemCalls {

    private static final int CODE_ATTRIBUTES = G | P | S | CODE | WRITABLE | ACCESSED;
    private static final int STACK_ATTRIBUTES = G | D | P | S | WRITABLE | ACCESSED;

    private SystemCalls() {}

    private static void flat(Cpu c, int segment, int selector, int attributes) {
        c.segmentSelector[segment] = selector;
        c.segmentBase[segment] = 0;
        c.segmentLimit[segment] = -1;
        c.segmentAttributes[segment] = attributes;
    }

    /** SYSCALL. {@link Cpu#rip} is that of the next instruction. */
    public static void syscall(Cpu c) {
        if ((c.efer & Modes.EFER_SCE) == 0 || !c.protectedMode) {
            throw c.raise(Vector.UD);
        }
        int selector = (int) (c.msrs.star >>> 32) & 0xFFFC;
        if (c.longMode) {
            boolean from64 = c.codeSize == 64;
            c.gpr[1] = c.rip;
            c.gpr[11] = Flags.get(c) & ~Flags.RF;
            int kept = Flags.get(c) & ~(int) c.msrs.syscallMask & ~Flags.RF;
            Flags.setArithmetic(c, kept);
            c.flags = kept & ~(Flags.ARITHMETIC | 2);
            c.rip = from64 ? c.msrs.lstar : c.msrs.cstar;
            c.cpl = 0;
            flat(c, CS, selector, CODE_ATTRIBUTES | L);
            flat(c, SS, selector + 8, STACK_ATTRIBUTES);
            trap(c);
            if (from64) {
                Modes.privilege(c);
                return;
            }
        } else {
            c.gpr[1] = c.rip;
            c.flags &= ~(Flags.VM | Flags.IF | Flags.RF);
            c.rip = c.msrs.star & 0xFFFF_FFFFL;
            c.cpl = 0;
            flat(c, CS, selector, CODE_ATTRIBUTES | D);
            flat(c, SS, selector + 8, STACK_ATTRIBUTES);
        }
        Modes.segments(c);
    }

    /** SYSRET with operands of {@code size} bytes. */
    public static void sysret(Cpu c, int size) {
        if ((c.efer & Modes.EFER_SCE) == 0 || !c.protectedMode) {
            throw c.raise(Vector.UD);
        }
        long target = c.gpr[1];
        if (c.cpl != 0 || c.longMode && size == 8 && target << 16 >> 16 != target) {
            throw c.raise(Vector.GP);
        }
        int selector = (int) (c.msrs.star >>> 48) & 0xFFFF;
        if (c.longMode) {
            int image = (int) c.gpr[11] & 0x3C_7FD7 | 2;
            Flags.setArithmetic(c, image);
            c.flags = image & ~(Flags.ARITHMETIC | 2);
        } else {
            c.flags |= Flags.IF;
        }
        boolean was64 = c.codeSize == 64;
        c.cpl = 3;
        if (c.longMode && size == 8) {
            flat(c, CS, selector + 16 | 3, CODE_ATTRIBUTES | L | 3 << 5);
            c.rip = target;
        } else {
            flat(c, CS, selector | 3, CODE_ATTRIBUTES | D | 3 << 5);
            c.rip = target & 0xFFFF_FFFFL;
        }
        flat(c, SS, selector + 8 | 3, STACK_ATTRIBUTES | 3 << 5);
        if (was64 && size == 8) {
            Modes.privilege(c);
        } else {
            Modes.segments(c);
        }
        trap(c);
        c.flagsLoaded();
    }

    /** SYSCALL and SYSRET look at TF when they end, and trap at once (AMD APM volume 2, 13.1.4). */
    private static void trap(Cpu c) {
        c.untraced = true;
        if ((c.flags & Flags.TF) != 0) {
            c.pendingDebug |= Interpreter.DR6_SINGLE_STEP;
            c.attend(Cpu.ATTEND_STEP);
        }
    }

    /** SYSENTER. */
    public static void sysenter(Cpu c) {
        int selector = (int) c.msrs.sysenterCs & 0xFFFC;
        if (!isProtected(c) || selector == 0) {
            throw c.raise(Vector.GP);
        }
        c.flags &= ~(Flags.VM | Flags.IF | Flags.RF);
        c.cpl = 0;
        flat(c, CS, selector, CODE_ATTRIBUTES | (c.longMode ? L : D));
        flat(c, SS, selector + 8, STACK_ATTRIBUTES);
        c.gpr[4] = c.longMode ? c.msrs.sysenterEsp : c.msrs.sysenterEsp & 0xFFFF_FFFFL;
        c.rip = c.longMode ? c.msrs.sysenterEip : c.msrs.sysenterEip & 0xFFFF_FFFFL;
        Modes.segments(c);
    }

    private static boolean isProtected(Cpu c) {
        return (c.cr0 & Modes.CR0_PE) != 0;
    }

    /** SYSEXIT with operands of {@code size} bytes. */
    public static void sysexit(Cpu c, int size) {
        int selector = (int) c.msrs.sysenterCs & 0xFFFC;
        if (!isProtected(c) || selector == 0 || c.cpl != 0) {
            throw c.raise(Vector.GP);
        }
        long target = c.gpr[2];
        long stack = c.gpr[1];
        if (size == 8 && (target << 16 >> 16 != target || stack << 16 >> 16 != stack)) {
            throw c.raise(Vector.GP);
        }
        c.cpl = 3;
        if (size == 8) {
            flat(c, CS, selector + 32 | 3, CODE_ATTRIBUTES | L | 3 << 5);
            flat(c, SS, selector + 40 | 3, STACK_ATTRIBUTES | 3 << 5);
            c.gpr[4] = stack;
            c.rip = target;
        } else {
            flat(c, CS, selector + 16 | 3, CODE_ATTRIBUTES | D | 3 << 5);
            flat(c, SS, selector + 24 | 3, STACK_ATTRIBUTES | 3 << 5);
            c.gpr[4] = stack & 0xFFFF_FFFFL;
            c.rip = target & 0xFFFF_FFFFL;
        }
        Modes.segments(c);
    }
}
