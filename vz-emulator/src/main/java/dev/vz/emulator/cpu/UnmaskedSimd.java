package dev.vz.emulator.cpu;

/** What a vector function throws for an unmasked floating-point exception; see {@link dev.vz.emulator.fpu.FpuState#simdException}. */
final class UnmaskedSimd extends RuntimeException {

    private static final long serialVersionUID = 1L;

    UnmaskedSimd() {
        super("unmasked SSE floating-point exception", null, false, false);
    }
}
