package dev.vz.emulator.simd;

/**
 * An unmasked SSE floating-point exception: the flags in MXCSR are set, the destination is unchanged, and the processor is
 * to raise #XM (or #UD when CR4.OSXMMEXCPT is clear). There is one instance, without a stack trace, so that throwing costs
 * nothing but the jump.
 */
public final class SimdException extends RuntimeException {

    /** The one instance, shared on purpose: it carries no stack trace and no state. */
    @SuppressWarnings("StaticAssignmentOfThrowable")
    static final SimdException UNMASKED = new SimdException();

    private static final long serialVersionUID = 1L;

    private SimdException() {
        super("unmasked SSE floating-point exception", null, false, false);
    }
}
