package dev.vz.emulator.fpu;

/** What an unmasked SSE exception throws as long as nobody has set {@link FpuState#simdException} to something better. */
final class UnmaskedSimdException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    UnmaskedSimdException() {
        super("unmasked SSE floating-point exception; see FpuState.simdException", null, false, false);
    }
}
