package dev.vz.kvm;

import dev.vz.error.ConfigurationException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_pmu_event_filter;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Which performance events a guest may count (KVM_SET_PMU_EVENT_FILTER). */
public final class KvmPmuFilter {

    /** The kernel's limit. */
    private static final int MAXIMUM_EVENTS = 300;

    private final FileDescriptor machine;

    KvmPmuFilter(FileDescriptor machine) {
        this.machine = machine;
    }

    /**
     * The guest may count {@code events} and no others.
     *
     * @param events        event select (bits 7..0 and 35..32) and unit mask (15..8) as in the event select register
     * @param fixedCounters bitmap of the fixed counters that it may use
     */
    public void allow(List<Long> events, int fixedCounters) {
        set(KvmHeaders.KVM_PMU_EVENT_ALLOW(), events, fixedCounters);
    }

    /** The guest may count everything but {@code events}, and use all fixed counters but {@code fixedCounters}. */
    public void deny(List<Long> events, int fixedCounters) {
        set(KvmHeaders.KVM_PMU_EVENT_DENY(), events, fixedCounters);
    }

    private void set(int action, List<Long> events, int fixedCounters) {
        if (events.size() > MAXIMUM_EVENTS) {
            throw new ConfigurationException("A filter has " + MAXIMUM_EVENTS + " performance events at most, got "
                    + events.size());
        }
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = arena.allocate(kvm_pmu_event_filter.sizeof() + 8L * events.size(), 8);
            kvm_pmu_event_filter.action(s, action);
            kvm_pmu_event_filter.nevents(s, events.size());
            kvm_pmu_event_filter.fixed_counter_bitmap(s, fixedCounters);
            for (int i = 0; i < events.size(); i++) {
                s.set(ValueLayout.JAVA_LONG, kvm_pmu_event_filter.sizeof() + 8L * i, events.get(i));
            }
            Ioctl.checked("ioctl KVM_SET_PMU_EVENT_FILTER of " + events.size() + " events", machine,
                    KvmHeaders.KVM_SET_PMU_EVENT_FILTER(), s);
        }
    }
}
