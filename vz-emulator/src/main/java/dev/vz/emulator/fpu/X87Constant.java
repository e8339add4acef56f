package dev.vz.emulator.fpu;

/**
 * Loads of constants, rounded as the control word says from more than 64 bits.
 *
 * <p>
 * Intel SDM volume 2, FLD1/FLDL2T/FLDL2E/FLDPI/FLDLG2/FLDLN2/FLDZ; volume 1, 8.3.8 (pi).
 */
public final class X87Constant {

    private X87Constant() {}

    /** Pushes +1.0. */
    public static void fld1(FpuState s) {
        X87Stack.push(s, 0x3FFF, Long.MIN_VALUE);
    }

    /** Pushes log2(10). */
    public static void fldl2t(FpuState s) {
        push(s, 0x4000, 0xD49A_784B_CD1B_8AFEL, false);
    }

    /** Pushes log2(e). */
    public static void fldl2e(FpuState s) {
        push(s, 0x3FFF, 0xB8AA_3B29_5C17_F0BBL, true);
    }

    /** Pushes pi. */
    public static void fldpi(FpuState s) {
        push(s, 0x4000, 0xC90F_DAA2_2168_C234L, true);
    }

    /** Pushes log10(2). */
    public static void fldlg2(FpuState s) {
        push(s, 0x3FFD, 0x9A20_9A84_FBCF_F798L, true);
    }

    /** Pushes ln(2). */
    public static void fldln2(FpuState s) {
        push(s, 0x3FFE, 0xB172_17F7_D1CF_79ABL, true);
    }

    /** Pushes +0.0. */
    public static void fldz(FpuState s) {
        X87Stack.push(s, 0, 0);
    }

    /**
     * Pushes a positive constant that is not representable.
     *
     * @param truncated the constant cut off to 64 bits
     * @param aboveHalf whether the rest exceeds half a unit in the last place
     */
    private static void push(FpuState s, int signExponent, long truncated, boolean aboveHalf) {
        int mode = X87Stack.roundingMode(s);
        boolean up = mode == SoftFloat.UP || mode == SoftFloat.NEAREST && aboveHalf;
        X87Stack.push(s, signExponent, up ? truncated + 1 : truncated);
    }
}
