package dev.vz.cpu.x86;

/** Features by the bit of CPUID that announces them. The names are those that Linux shows, in upper case. */
public enum CpuFeature {
    /** Leaf 0x1, EDX bit 0. */
    FPU(0x1, 0, Cpuid.Register.EDX, 0),
    /** Leaf 0x1, EDX bit 1. */
    VME(0x1, 0, Cpuid.Register.EDX, 1),
    /** Leaf 0x1, EDX bit 2. */
    DE(0x1, 0, Cpuid.Register.EDX, 2),
    /** Leaf 0x1, EDX bit 3. */
    PSE(0x1, 0, Cpuid.Register.EDX, 3),
    /** Leaf 0x1, EDX bit 4. */
    TSC(0x1, 0, Cpuid.Register.EDX, 4),
    /** Leaf 0x1, EDX bit 5. */
    MSR(0x1, 0, Cpuid.Register.EDX, 5),
    /** Leaf 0x1, EDX bit 6. */
    PAE(0x1, 0, Cpuid.Register.EDX, 6),
    /** Leaf 0x1, EDX bit 7. */
    MCE(0x1, 0, Cpuid.Register.EDX, 7),
    /** Leaf 0x1, EDX bit 8. */
    CX8(0x1, 0, Cpuid.Register.EDX, 8),
    /** Leaf 0x1, EDX bit 9. */
    APIC(0x1, 0, Cpuid.Register.EDX, 9),
    /** Leaf 0x1, EDX bit 11. */
    SEP(0x1, 0, Cpuid.Register.EDX, 11),
    /** Leaf 0x1, EDX bit 12. */
    MTRR(0x1, 0, Cpuid.Register.EDX, 12),
    /** Leaf 0x1, EDX bit 13. */
    PGE(0x1, 0, Cpuid.Register.EDX, 13),
    /** Leaf 0x1, EDX bit 14. */
    MCA(0x1, 0, Cpuid.Register.EDX, 14),
    /** Leaf 0x1, EDX bit 15. */
    CMOV(0x1, 0, Cpuid.Register.EDX, 15),
    /** Leaf 0x1, EDX bit 16. */
    PAT(0x1, 0, Cpuid.Register.EDX, 16),
    /** Leaf 0x1, EDX bit 17. */
    PSE36(0x1, 0, Cpuid.Register.EDX, 17),
    /** Leaf 0x1, EDX bit 19. */
    CLFLUSH(0x1, 0, Cpuid.Register.EDX, 19),
    /** Leaf 0x1, EDX bit 23. */
    MMX(0x1, 0, Cpuid.Register.EDX, 23),
    /** Leaf 0x1, EDX bit 24. */
    FXSR(0x1, 0, Cpuid.Register.EDX, 24),
    /** Leaf 0x1, EDX bit 25. */
    SSE(0x1, 0, Cpuid.Register.EDX, 25),
    /** Leaf 0x1, EDX bit 26. */
    SSE2(0x1, 0, Cpuid.Register.EDX, 26),
    /** Leaf 0x1, EDX bit 28. */
    HTT(0x1, 0, Cpuid.Register.EDX, 28),
    /** Leaf 0x1, ECX bit 0. */
    SSE3(0x1, 0, Cpuid.Register.ECX, 0),
    /** Leaf 0x1, ECX bit 1. */
    PCLMULQDQ(0x1, 0, Cpuid.Register.ECX, 1),
    /** Leaf 0x1, ECX bit 3. */
    MONITOR(0x1, 0, Cpuid.Register.ECX, 3),
    /** Leaf 0x1, ECX bit 5. */
    VMX(0x1, 0, Cpuid.Register.ECX, 5),
    /** Leaf 0x1, ECX bit 9. */
    SSSE3(0x1, 0, Cpuid.Register.ECX, 9),
    /** Leaf 0x1, ECX bit 12. */
    FMA(0x1, 0, Cpuid.Register.ECX, 12),
    /** Leaf 0x1, ECX bit 13. */
    CX16(0x1, 0, Cpuid.Register.ECX, 13),
    /** Leaf 0x1, ECX bit 17. */
    PCID(0x1, 0, Cpuid.Register.ECX, 17),
    /** Leaf 0x1, ECX bit 19. */
    SSE4_1(0x1, 0, Cpuid.Register.ECX, 19),
    /** Leaf 0x1, ECX bit 20. */
    SSE4_2(0x1, 0, Cpuid.Register.ECX, 20),
    /** Leaf 0x1, ECX bit 21. */
    X2APIC(0x1, 0, Cpuid.Register.ECX, 21),
    /** Leaf 0x1, ECX bit 22. */
    MOVBE(0x1, 0, Cpuid.Register.ECX, 22),
    /** Leaf 0x1, ECX bit 23. */
    POPCNT(0x1, 0, Cpuid.Register.ECX, 23),
    /** Leaf 0x1, ECX bit 24. */
    TSC_DEADLINE(0x1, 0, Cpuid.Register.ECX, 24),
    /** Leaf 0x1, ECX bit 25. */
    AES(0x1, 0, Cpuid.Register.ECX, 25),
    /** Leaf 0x1, ECX bit 26. */
    XSAVE(0x1, 0, Cpuid.Register.ECX, 26),
    /** Leaf 0x1, ECX bit 27. */
    OSXSAVE(0x1, 0, Cpuid.Register.ECX, 27),
    /** Leaf 0x1, ECX bit 28. */
    AVX(0x1, 0, Cpuid.Register.ECX, 28),
    /** Leaf 0x1, ECX bit 29. */
    F16C(0x1, 0, Cpuid.Register.ECX, 29),
    /** Leaf 0x1, ECX bit 30. */
    RDRAND(0x1, 0, Cpuid.Register.ECX, 30),
    /** Leaf 0x1, ECX bit 31. */
    HYPERVISOR(0x1, 0, Cpuid.Register.ECX, 31),
    /** Leaf 0x6, EAX bit 2. */
    ARAT(0x6, 0, Cpuid.Register.EAX, 2),
    /** Leaf 0x7, EBX bit 0. */
    FSGSBASE(0x7, 0, Cpuid.Register.EBX, 0),
    /** Leaf 0x7, EBX bit 1. */
    TSC_ADJUST(0x7, 0, Cpuid.Register.EBX, 1),
    /** Leaf 0x7, EBX bit 3. */
    BMI1(0x7, 0, Cpuid.Register.EBX, 3),
    /** Leaf 0x7, EBX bit 5. */
    AVX2(0x7, 0, Cpuid.Register.EBX, 5),
    /** Leaf 0x7, EBX bit 7. */
    SMEP(0x7, 0, Cpuid.Register.EBX, 7),
    /** Leaf 0x7, EBX bit 8. */
    BMI2(0x7, 0, Cpuid.Register.EBX, 8),
    /** Leaf 0x7, EBX bit 9. */
    ERMS(0x7, 0, Cpuid.Register.EBX, 9),
    /** Leaf 0x7, EBX bit 10. */
    INVPCID(0x7, 0, Cpuid.Register.EBX, 10),
    /** Leaf 0x7, EBX bit 16. */
    AVX512F(0x7, 0, Cpuid.Register.EBX, 16),
    /** Leaf 0x7, EBX bit 18. */
    RDSEED(0x7, 0, Cpuid.Register.EBX, 18),
    /** Leaf 0x7, EBX bit 19. */
    ADX(0x7, 0, Cpuid.Register.EBX, 19),
    /** Leaf 0x7, EBX bit 20. */
    SMAP(0x7, 0, Cpuid.Register.EBX, 20),
    /** Leaf 0x7, EBX bit 23. */
    CLFLUSHOPT(0x7, 0, Cpuid.Register.EBX, 23),
    /** Leaf 0x7, EBX bit 24. */
    CLWB(0x7, 0, Cpuid.Register.EBX, 24),
    /** Leaf 0x7, EBX bit 29. */
    SHA(0x7, 0, Cpuid.Register.EBX, 29),
    /** Leaf 0x7, ECX bit 2. */
    UMIP(0x7, 0, Cpuid.Register.ECX, 2),
    /** Leaf 0x7, ECX bit 3. */
    PKU(0x7, 0, Cpuid.Register.ECX, 3),
    /** Leaf 0x7, ECX bit 16. */
    LA57(0x7, 0, Cpuid.Register.ECX, 16),
    /** Leaf 0x7, ECX bit 22. */
    RDPID(0x7, 0, Cpuid.Register.ECX, 22),
    /** Leaf 0x7, ECX bit 31. */
    PKS(0x7, 0, Cpuid.Register.ECX, 31),
    /** Leaf 0x7, EDX bit 4. */
    FSRM(0x7, 0, Cpuid.Register.EDX, 4),
    /** Leaf 0x7, EDX bit 26. */
    SPEC_CTRL(0x7, 0, Cpuid.Register.EDX, 26),
    /** Leaf 0xD.1, EAX bit 0. */
    XSAVEOPT(0xD, 1, Cpuid.Register.EAX, 0),
    /** Leaf 0xD.1, EAX bit 1. */
    XSAVEC(0xD, 1, Cpuid.Register.EAX, 1),
    /** Leaf 0xD.1, EAX bit 3. */
    XSAVES(0xD, 1, Cpuid.Register.EAX, 3),
    /** Leaf 0x80000001, ECX bit 0. */
    LAHF(0x80000001, 0, Cpuid.Register.ECX, 0),
    /** Leaf 0x80000001, ECX bit 2. */
    SVM(0x80000001, 0, Cpuid.Register.ECX, 2),
    /** Leaf 0x80000001, ECX bit 5. */
    ABM(0x80000001, 0, Cpuid.Register.ECX, 5),
    /** Leaf 0x80000001, ECX bit 6. */
    SSE4A(0x80000001, 0, Cpuid.Register.ECX, 6),
    /** Leaf 0x80000001, EDX bit 11. */
    SYSCALL(0x80000001, 0, Cpuid.Register.EDX, 11),
    /** Leaf 0x80000001, EDX bit 20. */
    NX(0x80000001, 0, Cpuid.Register.EDX, 20),
    /** Leaf 0x80000001, EDX bit 26. */
    PDPE1GB(0x80000001, 0, Cpuid.Register.EDX, 26),
    /** Leaf 0x80000001, EDX bit 27. */
    RDTSCP(0x80000001, 0, Cpuid.Register.EDX, 27),
    /** Leaf 0x80000001, EDX bit 29. */
    LONG_MODE(0x80000001, 0, Cpuid.Register.EDX, 29),
    /** Leaf 0x80000007, EDX bit 8. */
    INVARIANT_TSC(0x80000007, 0, Cpuid.Register.EDX, 8),
    /** Leaf 0x80000021, EAX bit 8. */
    AUTOIBRS(0x80000021, 0, Cpuid.Register.EAX, 8),
    /** Leaf 0x40000001, EAX bit 3. */
    KVM_CLOCKSOURCE2(0x40000001, 0, Cpuid.Register.EAX, 3),
    /** Leaf 0x40000001, EAX bit 24. */
    KVM_CLOCKSOURCE_STABLE(0x40000001, 0, Cpuid.Register.EAX, 24);

    private final int function;
    private final int index;
    private final Cpuid.Register register;
    private final int bit;

    CpuFeature(int function, int index, Cpuid.Register register, int bit) {
        this.function = function;
        this.index = index;
        this.register = register;
        this.bit = bit;
    }

    /** EAX on input. */
    public int function() {
        return function;
    }

    /** ECX on input. */
    public int index() {
        return index;
    }

    /** The output register. */
    public Cpuid.Register register() {
        return register;
    }

    /** The bit, 0 to 31. */
    public int bit() {
        return bit;
    }
}
