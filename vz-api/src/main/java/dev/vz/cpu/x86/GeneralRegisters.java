package dev.vz.cpu.x86;

/**
 * The general registers, the instruction pointer and the flags, in KVM's order.
 *
 * <p>
 * Start from {@link #reset()} or from what a vCPU holds, and change what differs: {@code registers.withRip(0x1000)}.
 */
public record GeneralRegisters(long rax, long rbx, long rcx, long rdx, long rsi, long rdi, long rsp, long rbp, long r8,
        long r9, long r10, long r11, long r12, long r13, long r14, long r15, long rip, long rflags) {

    /** All zero, but for the flag that always is 1. */
    public static GeneralRegisters zero() {
        return new GeneralRegisters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
    }

    /** After reset: execution starts at offset 0xFFF0. */
    public static GeneralRegisters reset() {
        return zero().withRip(0xFFF0);
    }

    /** The same with another RAX. */
    public GeneralRegisters withRax(long rax) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another RBX. */
    public GeneralRegisters withRbx(long rbx) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another RCX. */
    public GeneralRegisters withRcx(long rcx) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another RDX. */
    public GeneralRegisters withRdx(long rdx) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another RSI. */
    public GeneralRegisters withRsi(long rsi) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another RDI. */
    public GeneralRegisters withRdi(long rdi) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another RSP. */
    public GeneralRegisters withRsp(long rsp) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another RBP. */
    public GeneralRegisters withRbp(long rbp) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another R8. */
    public GeneralRegisters withR8(long r8) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another R9. */
    public GeneralRegisters withR9(long r9) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another R10. */
    public GeneralRegisters withR10(long r10) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another R11. */
    public GeneralRegisters withR11(long r11) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another R12. */
    public GeneralRegisters withR12(long r12) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another R13. */
    public GeneralRegisters withR13(long r13) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another R14. */
    public GeneralRegisters withR14(long r14) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another R15. */
    public GeneralRegisters withR15(long r15) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another RIP. */
    public GeneralRegisters withRip(long rip) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** The same with another RFLAGS. */
    public GeneralRegisters withRflags(long rflags) {
        return new GeneralRegisters(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
                rflags);
    }

    /** Every register in hexadecimal. */
    @Override
    public String toString() {
        var text = new StringBuilder("GeneralRegisters[");
        text.append("rax=").append(Long.toHexString(rax));
        text.append(" rbx=").append(Long.toHexString(rbx));
        text.append(" rcx=").append(Long.toHexString(rcx));
        text.append(" rdx=").append(Long.toHexString(rdx));
        text.append(" rsi=").append(Long.toHexString(rsi));
        text.append(" rdi=").append(Long.toHexString(rdi));
        text.append(" rsp=").append(Long.toHexString(rsp));
        text.append(" rbp=").append(Long.toHexString(rbp));
        text.append(" r8=").append(Long.toHexString(r8));
        text.append(" r9=").append(Long.toHexString(r9));
        text.append(" r10=").append(Long.toHexString(r10));
        text.append(" r11=").append(Long.toHexString(r11));
        text.append(" r12=").append(Long.toHexString(r12));
        text.append(" r13=").append(Long.toHexString(r13));
        text.append(" r14=").append(Long.toHexString(r14));
        text.append(" r15=").append(Long.toHexString(r15));
        text.append(" rip=").append(Long.toHexString(rip));
        text.append(" rflags=").append(Long.toHexString(rflags));
        return text.append(']').toString();
    }
}
