package dev.vz.cpu.x86;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What CPUID answers: a table of leaves (Intel SDM 2A, CPUID; AMD APM 3, appendix E). Immutable.
 *
 * @param entries the leaves; a leaf without meaning for its index has {@code indexed} false and index 0
 */
public record Cpuid(List<Entry> entries) {

    /**
     * One leaf.
     *
     * @param function EAX on input
     * @param index    ECX on input, where it matters
     * @param indexed  whether ECX matters
     * @param eax      EAX on output
     * @param ebx      EBX on output
     * @param ecx      ECX on output
     * @param edx      EDX on output
     */
    public record Entry(int function, int index, boolean indexed, int eax, int ebx, int ecx, int edx) {

        /** A leaf that does not look at ECX. */
        public static Entry of(int function, int eax, int ebx, int ecx, int edx) {
            return new Entry(function, 0, false, eax, ebx, ecx, edx);
        }

        /** A sub-leaf. */
        public static Entry of(int function, int index, int eax, int ebx, int ecx, int edx) {
            return new Entry(function, index, true, eax, ebx, ecx, edx);
        }

        /** The output in {@code register}. */
        public int get(Register register) {
            return switch (register) {
                case EAX -> eax;
                case EBX -> ebx;
                case ECX -> ecx;
                case EDX -> edx;
            };
        }

        /** The same with {@code value} in {@code register}. */
        public Entry with(Register register, int value) {
            return switch (register) {
                case EAX -> new Entry(function, index, indexed, value, ebx, ecx, edx);
                case EBX -> new Entry(function, index, indexed, eax, value, ecx, edx);
                case ECX -> new Entry(function, index, indexed, eax, ebx, value, edx);
                case EDX -> new Entry(function, index, indexed, eax, ebx, ecx, value);
            };
        }

        private boolean answers(int function, int index) {
            return this.function == function && (!indexed || this.index == index);
        }

        @Override
        public String toString() {
            return String.format("0x%08x.%x: %08x %08x %08x %08x", function, index, eax, ebx, ecx, edx);
        }
    }

    /** The four output registers. */
    public enum Register {
        /** Accumulator. */
        EAX,
        /** Base. */
        EBX,
        /** Counter. */
        ECX,
        /** Data. */
        EDX
    }

    /** Copies the list. */
    public Cpuid {
        entries = List.copyOf(entries);
    }

    /** The leaf that answers {@code function} and {@code index}. */
    public Optional<Entry> find(int function, int index) {
        return entries.stream().filter(e -> e.answers(function, index)).findFirst();
    }

    /** Whether {@code feature} is announced. */
    public boolean has(CpuFeature feature) {
        return find(feature.function(), feature.index())
                .map(e -> (e.get(feature.register()) >>> feature.bit() & 1) != 0).orElse(false);
    }

    /** The same table with {@code entry} in place of the leaf that it replaces, or added. */
    public Cpuid with(Entry entry) {
        var next = new ArrayList<Entry>(entries.size() + 1);
        boolean replaced = false;
        for (Entry old : entries) {
            if (old.function == entry.function && old.index == entry.index) {
                next.add(entry);
                replaced = true;
            } else {
                next.add(old);
            }
        }
        if (!replaced) {
            next.add(entry);
        }
        return new Cpuid(next);
    }

    /** The same table with {@code feature} announced or hidden. The leaf must be there to announce in it. */
    public Cpuid with(CpuFeature feature, boolean announced) {
        Optional<Entry> leaf = find(feature.function(), feature.index());
        if (leaf.isEmpty()) {
            return announced
                    ? with(Entry.of(feature.function(), feature.index(), 0, 0, 0, 0)).with(feature, true)
                    : this;
        }
        int old = leaf.get().get(feature.register());
        int bit = 1 << feature.bit();
        return with(leaf.get().with(feature.register(), announced ? old | bit : old & ~bit));
    }

    /**
     * The same table as processor {@code apicId} of {@code processors} sees it: initial APIC id and processor count in
     * leaf 1, x2APIC id and topology in leaves 0xB and 0x1F.
     */
    public Cpuid forProcessor(int apicId, int processors) {
        var next = new ArrayList<Entry>(entries.size());
        for (Entry e : entries) {
            next.add(switch (e.function) {
                case 1 -> e.with(Register.EBX,
                        e.ebx & 0x0000_FFFF | (processors & 0xFF) << 16 | (apicId & 0xFF) << 24);
                case 0xB, 0x1F -> topology(e, apicId, processors);
                default -> e;
            });
        }
        return new Cpuid(next);
    }

    private static Entry topology(Entry e, int apicId, int processors) {
        int shift = 32 - Integer.numberOfLeadingZeros(processors - 1);
        return switch (e.index) {
            case 0 -> new Entry(e.function, 0, true, 0, 1, 0x100, apicId); // level 0: threads, one a core
            case 1 -> new Entry(e.function, 1, true, shift, processors, 0x201, apicId); // level 1: cores
            default -> new Entry(e.function, e.index, true, 0, 0, e.index, apicId);
        };
    }

    /** The features that {@code needed} announces and this table does not. */
    public List<CpuFeature> missingFrom(Cpuid needed) {
        var missing = new ArrayList<CpuFeature>();
        for (CpuFeature feature : CpuFeature.values()) {
            if (needed.has(feature) && !has(feature)) {
                missing.add(feature);
            }
        }
        return missing;
    }
}
