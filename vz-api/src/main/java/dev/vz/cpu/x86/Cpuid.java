package dev.vz.cpu.x86;

import dev.vz.error.ConfigurationException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What CPUID answers: a table of leaves (Intel SDM 2A, CPUID; AMD APM 3, appendix E). Immutable.
 *
 * @param entries the leaves; a leaf without meaning for its index has {@code indexed} false and index 0
 */
public record Cpuid(List<Entry> entries) {

    private static final Set<CpuFeature> OF_THE_MACHINE = Set.of(CpuFeature.HTT, CpuFeature.OSXSAVE, CpuFeature.APIC);

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

    /**
     * The same table with {@code entry} in place of the leaf that it replaces, or added. Adding a sub-leaf to a leaf that
     * did not look at ECX makes what was there sub-leaf 0; adding a leaf that does not look at ECX drops its sub-leaves.
     */
    public Cpuid with(Entry entry) {
        var next = new ArrayList<Entry>(entries.size() + 1);
        boolean placed = false;
        for (Entry old : entries) {
            if (old.function != entry.function) {
                next.add(old);
            } else if (!entry.indexed || old.index == entry.index) {
                if (!placed) {
                    next.add(entry);
                }
                placed = true;
            } else {
                next.add(old.indexed ? old : Entry.of(old.function, 0, old.eax, old.ebx, old.ecx, old.edx));
            }
        }
        if (!placed) {
            next.add(entry);
        }
        return new Cpuid(next);
    }

    /**
     * The same table with {@code feature} announced or hidden. Announcing one whose leaf is missing adds the leaf, and
     * raises the highest leaf number that leaf 0, 0x40000000 or 0x80000000 gives, if that is there.
     */
    public Cpuid with(CpuFeature feature, boolean announced) {
        int function = feature.function();
        Optional<Entry> leaf = find(function, feature.index());
        if (leaf.isEmpty()) {
            if (!announced) {
                return this;
            }
            Entry added = CpuTopology.looksAtEcx(function) ? Entry.of(function, feature.index(), 0, 0, 0, 0)
                    : Entry.of(function, 0, 0, 0, 0);
            return raised(function).with(added).with(feature, true);
        }
        int old = leaf.get().get(feature.register());
        int bit = 1 << feature.bit();
        return with(leaf.get().with(feature.register(), announced ? old | bit : old & ~bit));
    }

    private Cpuid raised(int function) {
        Optional<Entry> limit = find(function & 0xF000_0000, 0);
        return limit.isPresent() && Integer.compareUnsigned(limit.get().eax, function) < 0
                ? with(limit.get().with(Register.EAX, function)) : this;
    }

    /**
     * The same table as processor {@code apicId} of {@code processors} sees it: one package of that many cores, one
     * thread a core, sharing the last-level cache. Sets the initial APIC id, the processor count and HTT in leaf 1, the
     * sharing of caches in leaves 4 and 0x8000001D, x2APIC id and topology in leaves 0xB and 0x1F, and AMD's counts in
     * leaves 0x80000008 and 0x8000001E; leaves that are not in the table are not added.
     *
     * @throws ConfigurationException if there are no processors
     */
    public Cpuid forProcessor(int apicId, int processors) {
        if (processors < 1 || apicId < 0) {
            throw new ConfigurationException("There is no processor " + apicId + " of " + processors);
        }
        return CpuTopology.apply(this, apicId, processors);
    }

    /**
     * The features that {@code needed} announces and this table does not. Bits that follow from the machine or from what
     * the guest has switched on ({@link CpuFeature#HTT}, {@link CpuFeature#OSXSAVE}, {@link CpuFeature#APIC}) are not
     * counted: no back end has to have them.
     */
    public List<CpuFeature> missingFrom(Cpuid needed) {
        var missing = new ArrayList<CpuFeature>();
        for (CpuFeature feature : CpuFeature.values()) {
            if (needed.has(feature) && !has(feature) && !OF_THE_MACHINE.contains(feature)) {
                missing.add(feature);
            }
        }
        return missing;
    }
}
