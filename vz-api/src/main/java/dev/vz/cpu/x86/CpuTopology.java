package dev.vz.cpu.x86;

import dev.vz.cpu.x86.Cpuid.Entry;
import dev.vz.cpu.x86.Cpuid.Register;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * One package of single-threaded cores, written into the CPUID leaves that tell of topology (Intel SDM 3A, 9.9; AMD APM 3,
 * E.4.7 and E.4.16 to E.4.17). A host's own numbers would contradict the machine's.
 */
final class CpuTopology {

    /** Leaves whose answer depends on ECX. */
    private static final Set<Integer> INDEXED = Set.of(0x4, 0x7, 0xB, 0xD, 0xF, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1A,
            0x1B,
            0x1D, 0x1F, 0x20, 0x23, 0x24, 0x8000_001D, 0x8000_0020, 0x8000_0026);

    /** EBX of leaf 0x80000000 on AMD ("Auth") and Hygon ("Hygo") processors. */
    private static final Set<Integer> AMD = Set.of(0x6874_7541, 0x6F67_7948);

    private CpuTopology() {}

    static boolean looksAtEcx(int function) {
        return INDEXED.contains(function);
    }

    static Cpuid apply(Cpuid table, int apicId, int processors) {
        // Bits of the APIC id that number the processors of the package.
        int idBits = 32 - Integer.numberOfLeadingZeros(processors - 1);
        boolean amd = table.find(0, 0).map(e -> AMD.contains(e.ebx())).orElse(false);
        var next = new ArrayList<Entry>(table.entries().size() + 4);
        boolean levels = false;
        boolean levelsV2 = false;
        for (Entry e : table.entries()) {
            switch (e.function()) {
                case 1 -> next.add(leaf1(e, apicId, processors));
                case 4 -> next.add(cache(e, idBits, true));
                case 0x8000_001D -> next.add(cache(e, idBits, false));
                case 0xB -> levels = true;
                case 0x1F -> levelsV2 = true;
                case 0x8000_0008 -> next.add(amd ? e.with(Register.ECX,
                        e.ecx() & ~0xF0FF | Math.min(processors - 1, 0xFF) | Math.min(idBits, 15) << 12) : e);
                case 0x8000_001E ->
                        next.add(new Entry(e.function(), e.index(), e.indexed(), apicId, apicId & 0xFF, 0, 0));
                default -> next.add(e);
            }
        }
        if (levels) {
            next.addAll(levels(0xB, apicId, processors, idBits));
        }
        if (levelsV2) {
            next.addAll(levels(0x1F, apicId, processors, idBits));
        }
        return new Cpuid(next);
    }

    private static Entry leaf1(Entry e, int apicId, int processors) {
        int htt = 1 << CpuFeature.HTT.bit();
        int ebx = e.ebx() & 0x0000_FFFF | Math.min(processors, 0xFF) << 16 | (apicId & 0xFF) << 24;
        return e.with(Register.EBX, ebx).with(Register.EDX, processors > 1 ? e.edx() | htt : e.edx() & ~htt);
    }

    /** EAX: cache type in 4..0, level in 7..5, processors that share it less one in 25..14, Intel: cores less one in 31..26. */
    private static Entry cache(Entry e, int idBits, boolean countsCores) {
        if ((e.eax() & 0x1F) == 0) {
            return e; // no more caches
        }
        int level = e.eax() >>> 5 & 7;
        int ids = (1 << Math.min(idBits, 12)) - 1;
        int eax = e.eax() & ~(0xFFF << 14) | (level >= 3 ? ids : 0) << 14;
        return e.with(Register.EAX, countsCores ? eax & 0x03FF_FFFF | Math.min(ids, 63) << 26 : eax);
    }

    private static List<Entry> levels(int function, int apicId, int processors, int idBits) {
        return List.of(Entry.of(function, 0, 0, 1, 0x100, apicId), // level 0: threads, one a core
                Entry.of(function, 1, idBits, processors & 0xFFFF, 0x201, apicId), // level 1: cores
                Entry.of(function, 2, 0, 0, 2, apicId));
    }
}
