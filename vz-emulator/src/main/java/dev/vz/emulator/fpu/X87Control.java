package dev.vz.emulator.fpu;

/**
 * x87 control instructions and the MMX/x87 switch.
 *
 * <p>
 * Intel SDM volume 2, FINIT, FCLEX, FLDCW, FSTCW, FSTSW, EMMS; volume 1, 9.5 (MMX and tags).
 */
public final class X87Control {

    /** Control word bits that can be written; bit 6 always reads as one. */
    private static final int FCW_WRITABLE = 0x1F3F;
    private static final int FCW_FIXED = 0x0040;

    private X87Control() {}

    /** FNINIT: registers keep their contents but become empty. */
    public static void fninit(FpuState s) {
        s.fcw = FpuState.INITIAL_FCW;
        s.fsw = 0;
        s.top = 0;
        s.ftw = 0;
        s.fip = 0;
        s.fdp = 0;
        s.fcs = 0;
        s.fds = 0;
        s.fop = 0;
    }

    /** FNCLEX: clears exceptions, not condition codes. */
    public static void fnclex(FpuState s) {
        s.fsw &= FpuState.C0 | FpuState.C1 | FpuState.C2 | FpuState.C3;
    }

    /** FLDCW: an exception flag that the new masks uncover becomes pending. */
    public static void fldcw(FpuState s, int word) {
        s.fcw = word & FCW_WRITABLE | FCW_FIXED;
        s.updateSummary();
    }

    /** FNSTCW. */
    public static int fnstcw(FpuState s) {
        return s.fcw;
    }

    /** FNSTSW. */
    public static int fnstsw(FpuState s) {
        return s.statusWord();
    }

    /** What every MMX instruction but EMMS does to the stack: TOP zero, no register empty. */
    public static void enterMmx(FpuState s) {
        s.top = 0;
        s.ftw = 0xFF;
    }

    /** Writes MMi; the part of the register that MMX does not see becomes all ones. */
    public static void setMm(FpuState s, int i, long value) {
        s.significand[i] = value;
        s.signExponent[i] = 0xFFFF;
    }

    /** EMMS: all registers empty. */
    public static void emms(FpuState s) {
        s.top = 0;
        s.ftw = 0;
    }
}
