package dev.vz.emulator.cpu;

import dev.vz.cpu.x86.CpuFeature;
import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.Cpuid.Entry;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What CPUID answers, and the features in it that decide whether an instruction exists. Immutable.
 *
 * <p>
 * The standard processor is an x86-64-v2: everything the emulator knows how to execute. It says that it is made by AMD,
 * because system software gives such a processor without further features the shortest way into the kernel and out of it
 * (no isolation of page tables), and that it runs under KVM, for the paravirtual clock. It guesses no branches, so it says that
 * it keeps guesses apart by itself: a kernel then calls through registers as it was compiled, not through a pushed return
 * address, which took a third of what a guest did with its disk.
 */
public final class CpuidTable {

    private static final String BRAND = "Vz emulated x86-64-v2 processor";

    private final Cpuid source;
    private final Map<Long, Entry> entries = new HashMap<>();
    private final int highestBasic;
    private final int highestExtended;

    /** EAX of leaf 1. */
    public final int signature;
    /** Whether the feature is announced. */
    public final boolean vme;
    /** Whether the feature is announced. */
    public final boolean umip;
    /** Whether the feature is announced. */
    public final boolean fsgsbase;
    /** Whether the feature is announced. */
    public final boolean smep;
    /** Whether the feature is announced. */
    public final boolean smap;
    /** Whether the feature is announced. */
    public final boolean pku;
    /** Whether the feature is announced. */
    public final boolean pks;
    /** Whether the feature is announced. */
    public final boolean syscall;
    /** Whether the feature is announced. */
    public final boolean longMode;
    /** Whether the feature is announced. */
    public final boolean nx;
    /** Whether the feature is announced. */
    public final boolean rdtscp;
    /** Whether the feature is announced. */
    public final boolean gigabytePages;
    /** Whether the feature is announced. */
    public final boolean autoIbrs;
    /** MAXPHYADDR. */
    public final int physicalBits;

    private CpuidTable(Cpuid source) {
        this.source = source;
        int basic = 0;
        int extended = 0x8000_0000;
        for (Entry e : source.entries()) {
            entries.put(key(e.function(), e.indexed() ? e.index() : 0), e);
            if (e.function() >= 0 && e.function() < 0x4000_0000) {
                basic = Math.max(basic, e.function());
            } else if (e.function() < 0 && e.function() < 0x8FFF_FFFF) {
                extended = Math.max(extended, e.function());
            }
        }
        highestBasic = basic;
        highestExtended = extended;
        signature = source.find(1, 0).map(Entry::eax).orElse(0);
        vme = source.has(CpuFeature.VME);
        umip = source.has(CpuFeature.UMIP);
        fsgsbase = source.has(CpuFeature.FSGSBASE);
        smep = source.has(CpuFeature.SMEP);
        smap = source.has(CpuFeature.SMAP);
        pku = source.has(CpuFeature.PKU);
        pks = source.has(CpuFeature.PKS);
        syscall = source.has(CpuFeature.SYSCALL);
        longMode = source.has(CpuFeature.LONG_MODE);
        nx = source.has(CpuFeature.NX);
        rdtscp = source.has(CpuFeature.RDTSCP);
        gigabytePages = source.has(CpuFeature.PDPE1GB);
        autoIbrs = source.has(CpuFeature.AUTOIBRS);
        int bits = source.find(0x8000_0008, 0).map(e -> e.eax() & 0xFF).orElse(36);
        physicalBits = Math.clamp(bits, 32, 51);
    }

    private static long key(int function, int index) {
        return (long) function << 32 | index & 0xFFFF_FFFFL;
    }

    /** The table that answers as {@code source} says. */
    public static CpuidTable of(Cpuid source) {
        return new CpuidTable(source);
    }

    private static final CpuidTable STANDARD = of(standardCpuid());
    private static final Cpuid POSSIBLE = STANDARD.source.with(CpuFeature.SMEP, true).with(CpuFeature.SMAP, true)
            .with(CpuFeature.UMIP, true).with(CpuFeature.PKU, true).with(CpuFeature.PKS, true);

    /** The standard processor. */
    public static CpuidTable standard() {
        return STANDARD;
    }

    /**
     * The standard processor with what it can do besides: protection that costs a guest's kernel time at each system call,
     * and that a machine shows only to who asks for it.
     */
    public static Cpuid possible() {
        return POSSIBLE;
    }

    /** What this was made from. */
    public Cpuid source() {
        return source;
    }

    /** Whether {@code feature} is announced. */
    public boolean has(CpuFeature feature) {
        return source.has(feature);
    }

    /** CPUID: leaf in EAX, subleaf in ECX. */
    public void execute(Cpu c) {
        int function = (int) c.gpr[0];
        int index = (int) c.gpr[1];
        Entry e = find(function, index);
        if (e == null && (function < 0 ? function > highestExtended : function > highestBasic)
                && function >>> 28 != 4) {
            e = find(highestBasic, index); // beyond the highest leaf Intel answers with the highest basic one
        }
        int ecx = e == null ? 0 : e.ecx();
        if (function == 1 && (c.cr4 & Modes.CR4_OSXSAVE) != 0) {
            ecx |= 1 << 27;
        }
        if (function == 7 && index == 0 && (c.cr4 & Modes.CR4_PKE) != 0) {
            ecx |= 1 << 4; // OSPKE
        }
        int edx = e == null ? 0 : e.edx();
        if (function == 1 && (c.outside.interrupts().base() & 0x800) == 0) {
            edx &= ~(1 << CpuFeature.APIC.bit());
        }
        c.gpr[0] = e == null ? 0 : e.eax() & 0xFFFF_FFFFL;
        c.gpr[3] = e == null ? 0 : e.ebx() & 0xFFFF_FFFFL;
        c.gpr[1] = ecx & 0xFFFF_FFFFL;
        c.gpr[2] = edx & 0xFFFF_FFFFL;
    }

    private @org.jspecify.annotations.Nullable Entry find(int function, int index) {
        Entry exact = entries.get(key(function, index));
        if (exact != null && (exact.indexed() || index == 0)) {
            return exact;
        }
        Entry plain = entries.get(key(function, 0));
        return plain != null && !plain.indexed() ? plain : exact;
    }

    private static int word(String text, int at) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        int value = 0;
        for (int i = 0; i < 4; i++) {
            value |= (at + i < bytes.length ? bytes[at + i] & 0xFF : 0) << 8 * i;
        }
        return value;
    }

    private static int bits(CpuFeature... features) {
        int value = 0;
        for (CpuFeature feature : features) {
            value |= 1 << feature.bit();
        }
        return value;
    }

    private static Cpuid standardCpuid() {
        var list = new ArrayList<Entry>();
        String vendor = "AuthenticAMD";
        list.add(Entry.of(0, 0xB, word(vendor, 0), word(vendor, 8), word(vendor, 4)));
        int edx1 = bits(CpuFeature.FPU, CpuFeature.VME, CpuFeature.DE, CpuFeature.PSE, CpuFeature.TSC, CpuFeature.MSR,
                CpuFeature.PAE, CpuFeature.MCE, CpuFeature.CX8, CpuFeature.APIC, CpuFeature.SEP, CpuFeature.MTRR,
                CpuFeature.PGE, CpuFeature.MCA, CpuFeature.CMOV, CpuFeature.PAT, CpuFeature.PSE36, CpuFeature.CLFLUSH,
                CpuFeature.MMX, CpuFeature.FXSR, CpuFeature.SSE, CpuFeature.SSE2);
        int ecx1 = bits(CpuFeature.SSE3, CpuFeature.SSSE3, CpuFeature.CX16, CpuFeature.SSE4_1, CpuFeature.SSE4_2,
                CpuFeature.X2APIC, CpuFeature.MOVBE, CpuFeature.POPCNT, CpuFeature.TSC_DEADLINE, CpuFeature.RDRAND,
                CpuFeature.HYPERVISOR);
        // Family 15, model 107, stepping 1; 64-byte lines for CLFLUSH.
        list.add(Entry.of(1, 0x0006_0FB1, 0x0001_0800, ecx1, edx1));
        list.add(Entry.of(6, 1 << CpuFeature.ARAT.bit(), 0, 0, 0));
        list.add(Entry.of(7, 0, 0, bits(CpuFeature.FSGSBASE, CpuFeature.TSC_ADJUST, CpuFeature.RDSEED), 0, 0));
        // How the processors of a machine are numbered; filled in for each of them.
        list.add(new Entry(0xB, 0, true, 0, 0, 0, 0));
        list.add(Entry.of(0x4000_0000, 0x4000_0001, word("KVMKVMKVM", 0), word("KVMKVMKVM", 4), word("KVMKVMKVM", 8)));
        list.add(Entry.of(0x4000_0001, bits(CpuFeature.KVM_CLOCKSOURCE2, CpuFeature.KVM_CLOCKSOURCE_STABLE), 0, 0, 0));
        list.add(Entry.of(0x8000_0000, 0x8000_0021, word(vendor, 0), word(vendor, 8), word(vendor, 4)));
        int common = edx1 & 0x0183_F3FF;
        list.add(Entry.of(0x8000_0001, 0x0006_0FB1, 0, bits(CpuFeature.LAHF), common | bits(CpuFeature.SYSCALL,
                CpuFeature.NX, CpuFeature.PDPE1GB, CpuFeature.RDTSCP, CpuFeature.LONG_MODE)));
        for (int i = 0; i < 3; i++) {
            list.add(Entry.of(0x8000_0002 + i, word(BRAND, 16 * i), word(BRAND, 16 * i + 4), word(BRAND, 16 * i + 8),
                    word(BRAND, 16 * i + 12)));
        }
        list.add(Entry.of(0x8000_0007, 0, 0, 0, 1 << CpuFeature.INVARIANT_TSC.bit()));
        list.add(Entry.of(0x8000_0008, 0x3028, 0, 0, 0));
        list.add(Entry.of(0x8000_0021, 1 << CpuFeature.AUTOIBRS.bit(), 0, 0, 0));
        return new Cpuid(List.copyOf(list));
    }
}
