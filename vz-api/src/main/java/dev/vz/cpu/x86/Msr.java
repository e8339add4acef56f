package dev.vz.cpu.x86;

import java.util.Map;

/** Indices of model-specific registers (Intel SDM 4, AMD APM 2). */
public final class Msr {
    /** Time stamp counter. */
    public static final int TSC = 0x10;
    /** Base and enable bits of the local APIC. */
    public static final int APIC_BASE = 0x1B;
    /** Offset added to the time stamp counter. */
    public static final int TSC_ADJUST = 0x3B;
    /** Speculation control. */
    public static final int SPEC_CTRL = 0x48;
    /** Microcode revision. */
    public static final int BIOS_SIGN_ID = 0x8B;
    /** What MTRRs there are. */
    public static final int MTRR_CAP = 0xFE;
    /** CS for SYSENTER. */
    public static final int SYSENTER_CS = 0x174;
    /** ESP for SYSENTER. */
    public static final int SYSENTER_ESP = 0x175;
    /** EIP for SYSENTER. */
    public static final int SYSENTER_EIP = 0x176;
    /** Machine check capabilities. */
    public static final int MCG_CAP = 0x179;
    /** Machine check status. */
    public static final int MCG_STATUS = 0x17A;
    /** Miscellaneous features. */
    public static final int MISC_ENABLE = 0x1A0;
    /** First variable MTRR base; masks and bases alternate. */
    public static final int MTRR_PHYS_BASE0 = 0x200;
    /** Fixed MTRR for the first 512 KiB. */
    public static final int MTRR_FIX_64K = 0x250;
    /** Page attribute table. */
    public static final int PAT = 0x277;
    /** Default memory type. */
    public static final int MTRR_DEF_TYPE = 0x2FF;
    /** TSC value at which the local APIC timer fires. */
    public static final int TSC_DEADLINE = 0x6E0;
    /** First x2APIC register. */
    public static final int X2APIC_BASE = 0x800;
    /** Supervisor state that XSAVES handles. */
    public static final int XSS = 0xDA0;
    /** Extended features: long mode, SYSCALL, NX. */
    public static final int EFER = 0xC000_0080;
    /** CS and SS for SYSCALL and SYSRET, EIP for legacy SYSCALL. */
    public static final int STAR = 0xC000_0081;
    /** RIP for SYSCALL in 64-bit mode. */
    public static final int LSTAR = 0xC000_0082;
    /** RIP for SYSCALL in compatibility mode. */
    public static final int CSTAR = 0xC000_0083;
    /** RFLAGS bits that SYSCALL clears. */
    public static final int SYSCALL_MASK = 0xC000_0084;
    /** Base of FS. */
    public static final int FS_BASE = 0xC000_0100;
    /** Base of GS. */
    public static final int GS_BASE = 0xC000_0101;
    /** What SWAPGS exchanges with the base of GS. */
    public static final int KERNEL_GS_BASE = 0xC000_0102;
    /** What RDTSCP puts into ECX. */
    public static final int TSC_AUX = 0xC000_0103;
    /** kvmclock: wall clock structure. */
    public static final int KVM_WALL_CLOCK = 0x4B56_4D00;
    /** kvmclock: per-vCPU system time structure. */
    public static final int KVM_SYSTEM_TIME = 0x4B56_4D01;

    private static final Map<Integer, String> NAMES = Map.ofEntries(Map.entry(TSC, "TSC"),
            Map.entry(APIC_BASE, "APIC_BASE"), Map.entry(TSC_ADJUST, "TSC_ADJUST"), Map.entry(SPEC_CTRL, "SPEC_CTRL"),
            Map.entry(MTRR_CAP, "MTRR_CAP"), Map.entry(SYSENTER_CS, "SYSENTER_CS"),
            Map.entry(SYSENTER_ESP, "SYSENTER_ESP"), Map.entry(SYSENTER_EIP, "SYSENTER_EIP"),
            Map.entry(MCG_CAP, "MCG_CAP"), Map.entry(MCG_STATUS, "MCG_STATUS"),
            Map.entry(MISC_ENABLE, "MISC_ENABLE"), Map.entry(PAT, "PAT"), Map.entry(MTRR_DEF_TYPE, "MTRR_DEF_TYPE"),
            Map.entry(TSC_DEADLINE, "TSC_DEADLINE"), Map.entry(XSS, "XSS"), Map.entry(EFER, "EFER"),
            Map.entry(STAR, "STAR"), Map.entry(LSTAR, "LSTAR"), Map.entry(CSTAR, "CSTAR"),
            Map.entry(SYSCALL_MASK, "SYSCALL_MASK"), Map.entry(FS_BASE, "FS_BASE"), Map.entry(GS_BASE, "GS_BASE"),
            Map.entry(KERNEL_GS_BASE, "KERNEL_GS_BASE"), Map.entry(TSC_AUX, "TSC_AUX"),
            Map.entry(KVM_WALL_CLOCK, "KVM_WALL_CLOCK"), Map.entry(KVM_SYSTEM_TIME, "KVM_SYSTEM_TIME"));

    private Msr() {}

    /** The register's name, or its index in hexadecimal. */
    public static String name(int index) {
        return NAMES.getOrDefault(index, "MSR 0x" + Integer.toHexString(index));
    }
}
