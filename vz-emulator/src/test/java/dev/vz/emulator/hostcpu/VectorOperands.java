package dev.vz.emulator.hostcpu;

import dev.vz.emulator.fpu.FpuState;
import java.util.SplittableRandom;

/** Makes up states for MMX and SSE instructions. */
public final class VectorOperands {

    private VectorOperands() {}

    /** Doubles in XMM0 and XMM1, any rounding mode, DAZ and FTZ, all exceptions masked. */
    public static void doubles(MachineCase c, SplittableRandom random) {
        control(c, random, false);
        fillDoubles(c, random);
    }

    /** The same with random exception masks. */
    public static void doublesUnmasked(MachineCase c, SplittableRandom random) {
        control(c, random, true);
        fillDoubles(c, random);
    }

    /** Singles in XMM0 and XMM1, any rounding mode, DAZ and FTZ, all exceptions masked. */
    public static void singles(MachineCase c, SplittableRandom random) {
        control(c, random, false);
        fillSingles(c, random);
    }

    /** The same with random exception masks. */
    public static void singlesUnmasked(MachineCase c, SplittableRandom random) {
        control(c, random, true);
        fillSingles(c, random);
    }

    /** Integers of all widths, and sometimes floating-point numbers, for conversions from integers. */
    public static void integers(MachineCase c, SplittableRandom random) {
        control(c, random, false);
        fillIntegers(c, random);
    }

    /** The same with random exception masks. */
    public static void integersUnmasked(MachineCase c, SplittableRandom random) {
        control(c, random, true);
        fillIntegers(c, random);
    }

    private static void control(MachineCase c, SplittableRandom random, boolean unmasked) {
        FpuState s = c.fpu;
        s.reset();
        int flags = random.nextInt(3) == 0 ? 0x20 : random.nextInt(64);
        int rounding = random.nextBoolean() ? 0 : random.nextInt(4) << 13;
        int zeros = random.nextInt(4) == 0 ? random.nextInt() & 0x8040 : 0;
        int masks = unmasked ? random.nextInt(64) : 0x3F;
        s.mxcsr = flags | rounding | zeros | masks << 7;
        for (int i = 0; i < 8; i++) {
            s.significand[i] = random.nextLong();
            s.signExponent[i] = 0xFFFF;
        }
        s.setStatusWord(random.nextInt(8) << 11 | random.nextInt() & 0x4700);
        s.ftw = random.nextInt(256);
        c.rax = integer(random);
        c.rcx = random.nextLong();
        c.rdx = random.nextLong();
        c.rbx = integer(random);
        c.flags = random.nextInt() & MachineCase.ARITHMETIC_FLAGS;
        c.memory[0] = random.nextLong();
        c.memory[1] = random.nextLong();
    }

    private static void fillDoubles(MachineCase c, SplittableRandom random) {
        for (int i = 0; i < 2; i++) {
            long a = FloatOperands.doubleBits(random);
            c.fpu.xmm[i] = a;
            c.fpu.xmm[2 + i] = switch (random.nextInt(8)) {
                case 0 -> a;
                case 1 -> a ^ Long.MIN_VALUE;
                case 2 -> a + random.nextInt(5) - 2;
                case 3 -> (a ^ Long.MIN_VALUE) + ((long) random.nextInt(5) - 2 << random.nextInt(56));
                // Exponents that make a product or quotient land at the limits of the format.
                case 4 -> (2L * 1023 + random.nextInt(4) - (a >>> 52 & 0x7FF) & 0x7FF) << 52 | a & 0xF_FFFF_FFFF_FFFFL;
                case 5 -> (1025L - random.nextInt(56) - (a >>> 52 & 0x7FF) & 0x7FF) << 52
                        | random.nextLong() & 0xF_FFFF_FFFF_FFFFL;
                default -> FloatOperands.doubleBits(random);
            };
        }
    }

    private static void fillSingles(MachineCase c, SplittableRandom random) {
        for (int i = 0; i < 2; i++) {
            int a0 = FloatOperands.single(random);
            int a1 = FloatOperands.single(random);
            c.fpu.xmm[i] = (long) a1 << 32 | a0 & 0xFFFF_FFFFL;
            c.fpu.xmm[2 + i] = (long) partner(a1, random) << 32 | partner(a0, random) & 0xFFFF_FFFFL;
        }
    }

    private static int partner(int a, SplittableRandom random) {
        return switch (random.nextInt(8)) {
            case 0 -> a;
            case 1 -> a ^ Integer.MIN_VALUE;
            case 2 -> a + random.nextInt(5) - 2;
            case 3 -> (a ^ Integer.MIN_VALUE) + (random.nextInt(5) - 2 << random.nextInt(26));
            case 4 -> (2 * 127 + random.nextInt(4) - (a >>> 23 & 0xFF) & 0xFF) << 23 | a & 0x7F_FFFF;
            case 5 -> (129 - random.nextInt(27) - (a >>> 23 & 0xFF) & 0xFF) << 23 | random.nextInt() & 0x7F_FFFF;
            default -> FloatOperands.single(random);
        };
    }

    private static void fillIntegers(MachineCase c, SplittableRandom random) {
        boolean similar = random.nextInt(4) == 0;
        for (int i = 0; i < 4; i++) {
            c.fpu.xmm[i] = similar && i >= 2 ? blend(c.fpu.xmm[i - 2], integer(random), random) : integer(random);
        }
        for (int i = 0; i < 8; i++) {
            long value = integer(random);
            c.fpu.significand[i] = similar && i == 1 ? blend(c.fpu.significand[0], value, random) : value;
        }
    }

    /** Takes some bytes of one number and the others of another. */
    private static long blend(long a, long b, SplittableRandom random) {
        long mask = 0;
        for (int i = 0; i < 8; i++) {
            mask = mask << 8 | (random.nextBoolean() ? 0xFF : 0);
        }
        return a & mask | b & ~mask;
    }

    /** Sixty-four bits that are interesting as elements of some width. */
    public static long integer(SplittableRandom random) {
        long bits = random.nextLong();
        return switch (random.nextInt(9)) {
            case 0 -> 0;
            case 1 -> random.nextInt(70);
            case 2 -> elements(random, 8);
            case 3 -> elements(random, 16);
            case 4 -> elements(random, 32);
            case 5 -> bits >> random.nextInt(64);
            case 6 -> (1L << random.nextInt(64)) - random.nextInt(2);
            default -> bits;
        };
    }

    /** Elements that are each random or near a limit of their width. */
    private static long elements(SplittableRandom random, int width) {
        long value = 0;
        long mask = (1L << width) - 1;
        for (int shift = 0; shift < 64; shift += width) {
            long element = switch (random.nextInt(5)) {
                case 0 -> random.nextInt(4);
                case 1 -> (1L << width - 1) - random.nextInt(3);
                case 2 -> (1L << width - 1) + random.nextInt(3);
                case 3 -> -1 - random.nextInt(3);
                default -> random.nextLong();
            };
            value |= (element & mask) << shift;
        }
        return value;
    }
}
