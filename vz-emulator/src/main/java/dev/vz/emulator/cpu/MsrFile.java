package dev.vz.emulator.cpu;

import dev.vz.cpu.x86.Msr;
import dev.vz.emulator.fault.Vector;
import java.util.ArrayList;
import java.util.List;

/** The model-specific registers. Reading or writing one that is not there, or a reserved bit, is #GP. */
public final class MsrFile {

    private static final int MTRR_VARIABLE = 8;
    private static final int[] MTRR_FIXED = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26A, 0x26B, 0x26C, 0x26D, 0x26E,
        0x26F};
    private static final long PAT_RESET = 0x0007_0406_0007_0406L;

    private final Cpu c;

    /** STAR. */
    public long star;
    /** LSTAR. */
    public long lstar;
    /** CSTAR. */
    public long cstar;
    /** SFMASK. */
    public long syscallMask;
    /** KERNEL_GS_BASE. */
    public long kernelGsBase;
    /** SYSENTER_CS. */
    public long sysenterCs;
    /** SYSENTER_ESP. */
    public long sysenterEsp;
    /** SYSENTER_EIP. */
    public long sysenterEip;
    /** TSC_AUX. */
    public long tscAux;
    /** IA32_PKRS: the rights of protection keys in supervisor mode's pages. */
    int pkrs;
    private long tscAdjust;
    private long pat;
    private long miscEnable;
    private long mcgStatus;
    private long mtrrDefault;
    private final long[] mtrrVariable = new long[2 * MTRR_VARIABLE];
    private final long[] mtrrFixed = new long[MTRR_FIXED.length];

    MsrFile(Cpu c) {
        this.c = c;
    }

    void reset() {
        star = 0;
        lstar = 0;
        cstar = 0;
        syscallMask = 0;
        kernelGsBase = 0;
        sysenterCs = 0;
        sysenterEsp = 0;
        sysenterEip = 0;
        tscAux = 0;
        pkrs = 0;
        tscAdjust = 0;
        pat = PAT_RESET;
        miscEnable = 1; // fast strings
        mcgStatus = 0;
        mtrrDefault = 0;
        java.util.Arrays.fill(mtrrVariable, 0);
        java.util.Arrays.fill(mtrrFixed, 0);
    }

    /** The time stamp counter. */
    public long timeStamp() {
        return c.outside.timeStamp();
    }

    /** RDMSR. */
    public long read(int index) {
        if (index >= Msr.MTRR_PHYS_BASE0 && index < Msr.MTRR_PHYS_BASE0 + 2 * MTRR_VARIABLE) {
            return mtrrVariable[index - Msr.MTRR_PHYS_BASE0];
        }
        int fixed = fixed(index);
        if (fixed >= 0) {
            return mtrrFixed[fixed];
        }
        InterruptUnit apic = c.outside.interrupts();
        if (apic.hasMsr(index)) {
            return apic.readMsr(index);
        }
        return switch (index) {
            case Msr.TSC -> timeStamp();
            case Msr.TSC_ADJUST -> tscAdjust;
            case Msr.APIC_BASE -> apic.base();
            case Msr.EFER -> c.efer;
            case Msr.STAR -> star;
            case Msr.LSTAR -> lstar;
            case Msr.CSTAR -> cstar;
            case Msr.SYSCALL_MASK -> syscallMask;
            case Msr.FS_BASE -> c.segmentBase[Segments.FS];
            case Msr.GS_BASE -> c.segmentBase[Segments.GS];
            case Msr.KERNEL_GS_BASE -> kernelGsBase;
            case Msr.TSC_AUX -> tscAux;
            case Msr.SYSENTER_CS -> sysenterCs;
            case Msr.SYSENTER_ESP -> sysenterEsp;
            case Msr.SYSENTER_EIP -> sysenterEip;
            case Msr.PAT -> pat;
            case PKRS -> {
                needsKeys();
                yield pkrs & 0xFFFF_FFFFL;
            }
            case Msr.MTRR_CAP -> 0x500 | MTRR_VARIABLE;
            case Msr.MTRR_DEF_TYPE -> mtrrDefault;
            case Msr.MISC_ENABLE -> miscEnable;
            case Msr.MCG_CAP -> 0;
            case Msr.MCG_STATUS -> mcgStatus;
            case Msr.BIOS_SIGN_ID -> 0;
            case SYSCFG, HWCR, NB_CFG, INT_PENDING, DC_CFG -> 0;
            case EVENT_SELECT0, EVENT_SELECT1, EVENT_SELECT2, EVENT_SELECT3, COUNTER0, COUNTER1, COUNTER2, COUNTER3 ->
                    0;
            default -> {
                if (!c.outside.readUnknownMsr(c, index)) {
                    throw c.raise(Vector.GP);
                }
                yield c.outsideValue;
            }
        };
    }

    // The performance counters that every AMD processor has: they do not count, which software notices.
    private static final int EVENT_SELECT0 = 0xC001_0000;
    private static final int EVENT_SELECT1 = 0xC001_0001;
    private static final int EVENT_SELECT2 = 0xC001_0002;
    private static final int EVENT_SELECT3 = 0xC001_0003;
    private static final int COUNTER0 = 0xC001_0004;
    private static final int COUNTER1 = 0xC001_0005;
    private static final int COUNTER2 = 0xC001_0006;
    private static final int COUNTER3 = 0xC001_0007;
    private static final int PKRS = 0x6E1;
    private static final int SYSCFG = 0xC001_0010;
    private static final int HWCR = 0xC001_0015;
    private static final int NB_CFG = 0xC001_001F;
    private static final int INT_PENDING = 0xC001_0055;
    private static final int DC_CFG = 0xC001_1022;

    private static int fixed(int index) {
        for (int i = 0; i < MTRR_FIXED.length; i++) {
            if (MTRR_FIXED[i] == index) {
                return i;
            }
        }
        return -1;
    }

    private void needsKeys() {
        if (!c.cpuid.pks) {
            throw c.raise(Vector.GP);
        }
    }

    private void canonical(long value) {
        if (value << 16 >> 16 != value) {
            throw c.raise(Vector.GP);
        }
    }

    private void reserved(long value, long allowed) {
        if ((value & ~allowed) != 0) {
            throw c.raise(Vector.GP);
        }
    }

    /** WRMSR. */
    public void write(int index, long value) {
        InterruptUnit apic = c.outside.interrupts();
        if (apic.hasMsr(index)) {
            if (!apic.writeMsr(index, value)) {
                throw c.raise(Vector.GP);
            }
            return;
        }
        int fixed = fixed(index);
        if (fixed >= 0) {
            for (int i = 0; i < 64; i += 8) {
                memoryType(value >>> i & 0xFF, false);
            }
            mtrrFixed[fixed] = value;
            return;
        }
        if (index >= Msr.MTRR_PHYS_BASE0 && index < Msr.MTRR_PHYS_BASE0 + 2 * MTRR_VARIABLE) {
            long address = (1L << c.cpuid.physicalBits) - 4096;
            reserved(value, address | ((index & 1) == 0 ? 0xFF : 0x800));
            if ((index & 1) == 0) {
                memoryType(value & 0xFF, false);
            }
            mtrrVariable[index - Msr.MTRR_PHYS_BASE0] = value;
            return;
        }
        switch (index) {
            case Msr.TSC -> {
                tscAdjust += value - timeStamp();
                c.outside.setTimeStamp(value);
            }
            case Msr.TSC_ADJUST -> {
                c.outside.setTimeStamp(timeStamp() + value - tscAdjust);
                tscAdjust = value;
            }
            case Msr.APIC_BASE -> {
                if (!apic.setBase(value)) {
                    throw c.raise(Vector.GP);
                }
                c.apicMoved();
            }
            case Msr.EFER -> ControlRegisters.setEfer(c, value);
            case Msr.STAR -> star = value;
            case Msr.LSTAR -> {
                canonical(value);
                lstar = value;
            }
            case Msr.CSTAR -> {
                canonical(value);
                cstar = value;
            }
            case Msr.SYSCALL_MASK -> {
                reserved(value, 0xFFFF_FFFFL);
                syscallMask = value;
            }
            case Msr.FS_BASE -> {
                canonical(value);
                c.segmentBase[Segments.FS] = value;
            }
            case Msr.GS_BASE -> {
                canonical(value);
                c.segmentBase[Segments.GS] = value;
            }
            case Msr.KERNEL_GS_BASE -> {
                canonical(value);
                kernelGsBase = value;
            }
            case Msr.TSC_AUX -> {
                reserved(value, 0xFFFF_FFFFL);
                tscAux = value;
            }
            case Msr.SYSENTER_CS -> sysenterCs = value & 0xFFFF;
            case Msr.SYSENTER_ESP -> {
                canonical(value);
                sysenterEsp = value;
            }
            case Msr.SYSENTER_EIP -> {
                canonical(value);
                sysenterEip = value;
            }
            case Msr.PAT -> {
                for (int i = 0; i < 64; i += 8) {
                    memoryType(value >>> i & 0xFF, true);
                }
                pat = value;
            }
            case PKRS -> {
                needsKeys();
                reserved(value, 0xFFFF_FFFFL);
                pkrs = (int) value;
                Modes.keys(c);
            }
            case Msr.MTRR_DEF_TYPE -> {
                reserved(value, 0xCFF);
                memoryType(value & 0xFF, false);
                mtrrDefault = value;
            }
            case Msr.MISC_ENABLE -> miscEnable = value;
            case Msr.MCG_STATUS -> {
                if (value != 0) {
                    throw c.raise(Vector.GP);
                }
                mcgStatus = 0;
            }
            case Msr.BIOS_SIGN_ID, SYSCFG, HWCR, NB_CFG, INT_PENDING, DC_CFG, EVENT_SELECT0, EVENT_SELECT1, EVENT_SELECT2, EVENT_SELECT3, COUNTER0, COUNTER1, COUNTER2, COUNTER3 -> {
                // Taken and without effect: they steer what is not emulated.
            }
            default -> {
                if (!c.outside.writeUnknownMsr(c, index, value)) {
                    throw c.raise(Vector.GP);
                }
            }
        }
    }

    private void memoryType(long type, boolean pageAttribute) {
        boolean known = type == 0 || type == 1 || type == 4 || type == 5 || type == 6 || pageAttribute && type == 7;
        if (!known) {
            throw c.raise(Vector.GP);
        }
    }

    /** The MSRs that are worth saving. */
    public static List<Integer> saved() {
        var list = new ArrayList<>(List.of(Msr.TSC, Msr.TSC_ADJUST, Msr.STAR, Msr.LSTAR, Msr.CSTAR, Msr.SYSCALL_MASK,
                Msr.KERNEL_GS_BASE, Msr.TSC_AUX, Msr.SYSENTER_CS, Msr.SYSENTER_ESP, Msr.SYSENTER_EIP, Msr.PAT,
                Msr.MTRR_DEF_TYPE, Msr.MISC_ENABLE, Msr.MCG_STATUS, Msr.FS_BASE, Msr.GS_BASE));
        for (int index : MTRR_FIXED) {
            list.add(index);
        }
        for (int i = 0; i < 2 * MTRR_VARIABLE; i++) {
            list.add(Msr.MTRR_PHYS_BASE0 + i);
        }
        return List.copyOf(list);
    }
}
