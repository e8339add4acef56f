package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * The bits of MXCSR and what they decide. Exception flags have the places they have in the x87 status word.
 *
 * <p>
 * Intel SDM volume 1, 10.2.3 (MXCSR), 11.5 (SSE floating-point exceptions).
 */
public final class Mxcsr {

    /** Denormal operands count as zeros. */
    public static final int DAZ = 0x0040;
    /** Mask of the overflow exception. */
    public static final int OM = 0x0400;
    /** Mask of the underflow exception. */
    public static final int UM = 0x0800;
    /** Mask of the precision exception. */
    public static final int PM = 0x1000;
    /** Rounding control. */
    public static final int RC = 0x6000;
    /** Tiny results become zeros, as long as underflow is masked. */
    public static final int FTZ = 0x8000;

    /** The bits that decide whether an ordinary result can be taken from the host as it is. */
    static final int QUICK_BITS = RC | PM | FpuState.PE;
    /** Their value if so: to nearest, and inexactness neither traps nor needs recording any more. */
    static final int QUICK = PM | FpuState.PE;

    private static final int BEFORE_COMPUTING = FpuState.IE | FpuState.DE | FpuState.ZE;
    private static final int ALL = 0x3F;
    private static final int MASKS = 7;

    private Mxcsr() {}

    static int roundingMode(FpuState s) {
        return s.mxcsr >>> 13 & 3;
    }

    static boolean denormalsAreZeros(FpuState s) {
        return (s.mxcsr & DAZ) != 0;
    }

    static boolean flushToZero(FpuState s) {
        return (s.mxcsr & (FTZ | UM)) == (FTZ | UM);
    }

    /**
     * Moves the exceptions that were gathered into MXCSR. If one that is found before computing is unmasked, those that
     * results would have raised are not reported.
     *
     * <p>
     * Throws {@link FpuState#simdException} if one of them is unmasked.
     */
    static void commit(FpuState s) {
        int raised = s.exceptions;
        if (raised == 0) {
            return;
        }
        int unmasked = ~(s.mxcsr >>> MASKS) & ALL;
        if ((raised & BEFORE_COMPUTING & unmasked) != 0) {
            s.mxcsr |= raised & BEFORE_COMPUTING;
            throw s.simdException;
        }
        s.mxcsr |= raised;
        if ((raised & unmasked) != 0) {
            throw s.simdException;
        }
    }
}
