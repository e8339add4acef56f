package dev.vz.kvm;

import dev.vz.error.ConfigurationException;
import dev.vz.kvm.generated.kvm_fpu;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The x87 and SSE registers as KVM_GET_FPU has them. For the whole vector state see {@link KvmVcpu#xsave()}.
 *
 * @param fpr        ST(0) to ST(7), 16 bytes each, of which 10 count
 * @param fcw        control word
 * @param fsw        status word
 * @param ftwx       abridged tag word
 * @param lastOpcode opcode of the last instruction
 * @param lastIp     address of the last instruction
 * @param lastDp     address of its operand
 * @param xmm        XMM0 to XMM15, 16 bytes each
 * @param mxcsr      SSE control and status
 */
public record KvmFpu(byte[] fpr, int fcw, int fsw, int ftwx, int lastOpcode, long lastIp, long lastDp, byte[] xmm,
        int mxcsr) {

    private static final int FPR_SIZE = 8 * 16;
    private static final int XMM_SIZE = 16 * 16;

    /** Checks the sizes and copies the registers. */
    public KvmFpu {
        if (fpr.length != FPR_SIZE || xmm.length != XMM_SIZE) {
            throw new ConfigurationException("There are " + FPR_SIZE + " bytes of x87 and " + XMM_SIZE
                    + " bytes of SSE registers, got " + fpr.length + " and " + xmm.length);
        }
        fpr = fpr.clone();
        xmm = xmm.clone();
    }

    @Override
    public byte[] fpr() {
        return fpr.clone();
    }

    @Override
    public byte[] xmm() {
        return xmm.clone();
    }

    static KvmFpu read(MemorySegment s) {
        return new KvmFpu(kvm_fpu.fpr(s).toArray(ValueLayout.JAVA_BYTE), kvm_fpu.fcw(s) & 0xFFFF,
                kvm_fpu.fsw(s) & 0xFFFF, kvm_fpu.ftwx(s) & 0xFF, kvm_fpu.last_opcode(s) & 0xFFFF, kvm_fpu.last_ip(s),
                kvm_fpu.last_dp(s), kvm_fpu.xmm(s).toArray(ValueLayout.JAVA_BYTE), kvm_fpu.mxcsr(s));
    }

    void write(MemorySegment s) {
        kvm_fpu.fpr(s).copyFrom(MemorySegment.ofArray(fpr));
        kvm_fpu.fcw(s, (short) fcw);
        kvm_fpu.fsw(s, (short) fsw);
        kvm_fpu.ftwx(s, (byte) ftwx);
        kvm_fpu.last_opcode(s, (short) lastOpcode);
        kvm_fpu.last_ip(s, lastIp);
        kvm_fpu.last_dp(s, lastDp);
        kvm_fpu.xmm(s).copyFrom(MemorySegment.ofArray(xmm));
        kvm_fpu.mxcsr(s, mxcsr);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KvmFpu that && Arrays.equals(fpr, that.fpr) && Arrays.equals(xmm, that.xmm)
                && fcw == that.fcw && fsw == that.fsw && ftwx == that.ftwx && lastOpcode == that.lastOpcode
                && lastIp == that.lastIp && lastDp == that.lastDp && mxcsr == that.mxcsr;
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(fpr) * 31 + Arrays.hashCode(xmm);
    }

    @Override
    public String toString() {
        return String.format("KvmFpu[fcw=%x fsw=%x ftwx=%x mxcsr=%x]", fcw, fsw, ftwx, mxcsr);
    }
}
