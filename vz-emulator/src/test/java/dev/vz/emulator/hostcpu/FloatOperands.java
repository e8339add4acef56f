package dev.vz.emulator.hostcpu;

import java.util.SplittableRandom;

/** Makes up single and double-precision operands, leaning toward zeros, denormals, infinities, NaNs and boundaries. */
public final class FloatOperands {

    private FloatOperands() {}

    /** The bits of a single-precision number. */
    public static int single(SplittableRandom random) {
        int bits = random.nextInt();
        int sign = bits & 0x8000_0000;
        return switch (random.nextInt(16)) {
            case 0 -> sign;
            case 1 -> sign | 0x7F80_0000;
            case 2 -> sign | 0x7FC0_0000 | bits & 0x3F_FFFF;
            case 3 -> sign | 0x7F80_0001 | bits & 0x3F_FFFF;
            case 4 -> sign | (bits & 0x7F_FFFF) >>> random.nextInt(23);
            case 5 -> sign | 0x0080_0000 | (random.nextBoolean() ? 0 : bits & 0x0FF_FFFF);
            case 6 -> sign | 0x7F7F_FFFF - random.nextInt(3);
            case 7 -> Float.floatToRawIntBits(random.nextInt(33) - 16);
            case 8 -> Float.floatToRawIntBits((random.nextInt(65) - 32) * 0.5f);
            case 9 -> Float.floatToRawIntBits(random.nextBoolean() ? 0x1p31f : 0x1p63f) - 2 + random.nextInt(4) | sign;
            case 10 -> Float.floatToRawIntBits((float) random.nextInt());
            case 11, 12 -> sign | 0x3F80_0000 + (random.nextInt(13) - 6 << 23) + (bits & 0x7F_FFFF);
            case 13 -> sign
                    | 0x3F80_0000 + (random.nextInt(61) - 30 << 23) + (bits & -1 << random.nextInt(23) & 0x7F_FFFF);
            default -> bits;
        };
    }

    /** The bits of a double-precision number. */
    public static long doubleBits(SplittableRandom random) {
        long bits = random.nextLong();
        long sign = bits & Long.MIN_VALUE;
        long fraction = bits & 0xF_FFFF_FFFF_FFFFL;
        return switch (random.nextInt(18)) {
            case 0 -> sign;
            case 1 -> sign | 0x7FF0_0000_0000_0000L;
            case 2 -> sign | 0x7FF8_0000_0000_0000L | fraction;
            case 3 -> sign | 0x7FF0_0000_0000_0001L | fraction >>> 1;
            case 4 -> sign | fraction >>> random.nextInt(52);
            case 5 -> sign | 0x0010_0000_0000_0000L | (random.nextBoolean() ? 0 : fraction);
            case 6 -> sign | 0x7FEF_FFFF_FFFF_FFFFL - random.nextInt(3);
            case 7 -> Double.doubleToRawLongBits(random.nextInt(33) - 16);
            case 8 -> Double.doubleToRawLongBits((random.nextInt(65) - 32) * 0.5);
            case 9 -> Double.doubleToRawLongBits(random.nextBoolean() ? 0x1p31 : 0x1p63) - 2 + random.nextInt(4) | sign;
            case 10 -> Double.doubleToRawLongBits(random.nextInt() + random.nextInt(5) * 0.25);
            case 11, 12 -> sign | (1023L + random.nextInt(13) - 6 << 52) + fraction;
            case 13 -> sign | (1023L + random.nextInt(121) - 60 << 52) + (fraction & -1L << random.nextInt(52));
            // Around the limits of single precision.
            case 14 -> sign | (1023L + 127 << 52) + (0xF_FFFF_C000_0000L | fraction >>> 22);
            case 15 -> sign | (1023L - 126 - random.nextInt(26) << 52) + (fraction & -1L << random.nextInt(52));
            case 16 -> sign | (1023L + random.nextInt(41) - 20 << 52) + (fraction & -1L << 29)
                    + (random.nextBoolean() ? 1L << 28 : 0);
            default -> bits;
        };
    }

    /** Sixteen decimal digits, now and then with one that is not. */
    public static long decimal(SplittableRandom random) {
        long digits = 0;
        for (int i = 0; i < 16; i++) {
            digits = digits << 4 | random.nextInt(10);
        }
        return digits;
    }

    /** Two single-precision numbers side by side. */
    public static long singles(SplittableRandom random) {
        return (long) single(random) << 32 | single(random) & 0xFFFF_FFFFL;
    }
}
