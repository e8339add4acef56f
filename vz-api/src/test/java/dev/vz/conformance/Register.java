package dev.vz.conformance;

/** The general registers by their encoding; an instruction's operand size says how much of one it means. */
public enum Register {
    /** AL, AX, EAX, RAX. */
    AX,
    /** CL, CX, ECX, RCX. */
    CX,
    /** DL, DX, EDX, RDX. */
    DX,
    /** BL, BX, EBX, RBX. */
    BX,
    /** SP, ESP, RSP. */
    SP,
    /** BP, EBP, RBP. */
    BP,
    /** SI, ESI, RSI. */
    SI,
    /** DI, EDI, RDI. */
    DI,
    /** R8; 64-bit mode only, as all that follow. */
    R8,
    /** R9. */
    R9,
    /** R10. */
    R10,
    /** R11. */
    R11,
    /** R12. */
    R12,
    /** R13. */
    R13,
    /** R14. */
    R14,
    /** R15. */
    R15
}
