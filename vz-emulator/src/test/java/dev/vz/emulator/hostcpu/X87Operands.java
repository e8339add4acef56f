package dev.vz.emulator.hostcpu;

import dev.vz.emulator.fpu.FpuState;
import java.util.SplittableRandom;

/** Makes up x87 states: all classes of operands, exponents near each other, boundaries of every format, any control word. */
public final class X87Operands {

    private X87Operands() {}

    /** A whole x87 state and memory operand with random control word, all exceptions masked. */
    public static void masked(MachineCase c, SplittableRandom random) {
        fill(c, random);
        c.fpu.fcw |= 0x3F;
        settle(c.fpu, random);
    }

    /** The same with random exception masks; no exception is pending. */
    public static void unmasked(MachineCase c, SplittableRandom random) {
        fill(c, random);
        c.fpu.fcw = c.fpu.fcw & ~0x3F | random.nextInt(64);
        settle(c.fpu, random);
    }

    private static void settle(FpuState s, SplittableRandom random) {
        int word = random.nextInt() & 0x477F & (s.fcw | ~0x3F);
        s.setStatusWord(word | random.nextInt(8) << 11);
        s.ftw = switch (random.nextInt(8)) {
            case 0 -> random.nextInt(256);
            case 1 -> 0xFF;
            // The commonest case: room for one push.
            default -> 0xFF & ~(1 << (s.top + 7 & 7));
        };
    }

    private static void fill(MachineCase c, SplittableRandom random) {
        FpuState s = c.fpu;
        s.mxcsr = FpuState.INITIAL_MXCSR;
        s.fcw = 0x40 | random.nextInt() & 0x0F3F;
        if (random.nextInt(4) == 0) {
            s.fcw |= 0x0300;
        }
        int center = center(random);
        for (int i = 0; i < 8; i++) {
            if (random.nextInt(3) == 0) {
                center = center(random);
            }
            extended(s, i, center, random);
        }
        c.memory[0] = memory(random);
        c.memory[1] = random.nextLong();
        c.rax = random.nextLong();
        c.flags = random.nextInt() & MachineCase.ARITHMETIC_FLAGS;
    }

    /** An exponent that something interesting happens around: formats' limits, one, integers' sizes. */
    private static int center(SplittableRandom random) {
        return switch (random.nextInt(14)) {
            case 0 -> 0;
            case 1 -> 1 + random.nextInt(70);
            case 2 -> 0x7FFE - random.nextInt(70);
            case 3 -> 16383 - 16445 / 2;
            case 4 -> 16383 + 127;
            case 5 -> 16383 - 126 - random.nextInt(25);
            case 6 -> 16383 + 1023;
            case 7 -> 16383 - 1022 - random.nextInt(54);
            case 8 -> 16383 + 14 + random.nextInt(3);
            case 9 -> 16383 + 30 + random.nextInt(3);
            case 10 -> 16383 + 57 + random.nextInt(8);
            case 11 -> random.nextInt(0x7FFF);
            default -> 16383;
        };
    }

    private static void extended(FpuState s, int register, int center, SplittableRandom random) {
        int exponent = switch (random.nextInt(16)) {
            case 0 -> 0;
            case 1 -> 0x7FFF;
            case 2 -> random.nextInt(0x8000);
            case 3 -> center + random.nextInt(140) - 70;
            default -> center + random.nextInt(7) - 3;
        };
        exponent = Math.clamp(exponent, 0, 0x7FFF);
        long significand = significand(random);
        if (exponent != 0 && random.nextInt(24) != 0) {
            significand |= Long.MIN_VALUE;
        } else if (exponent == 0 && random.nextInt(3) != 0) {
            significand &= Long.MAX_VALUE;
        }
        if (exponent == 0 && random.nextInt(2) == 0 || random.nextInt(30) == 0) {
            exponent = 0;
            significand = 0;
        }
        if (random.nextInt(16) == 0) {
            exponent = 0x7FFF;
            significand = Long.MIN_VALUE;
        }
        s.signExponent[register] = exponent | random.nextInt(2) << 15;
        s.significand[register] = significand;
    }

    private static long significand(SplittableRandom random) {
        long bits = random.nextLong();
        return switch (random.nextInt(9)) {
            case 0 -> Long.MIN_VALUE;
            case 1 -> -1;
            case 2 -> bits & 0xFFFF_FF00_0000_0000L;
            case 3 -> bits & 0xFFFF_FFFF_FFFF_F800L;
            case 4 -> bits & -1L << random.nextInt(64);
            case 5 -> Long.MIN_VALUE | bits >>> random.nextInt(64);
            case 6 -> bits & -1L << 40 | 1L << 39 | random.nextInt(2);
            case 7 -> bits & -1L << 11 | 1L << 10 | random.nextInt(2);
            default -> bits;
        };
    }

    /** Eight bytes that make sense as integer, single and double. */
    private static long memory(SplittableRandom random) {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextInt(7) - 3L;
            case 2 -> FloatOperands.single(random) & 0xFFFF_FFFFL;
            case 3 -> FloatOperands.decimal(random);
            default -> FloatOperands.doubleBits(random);
        };
    }
}
