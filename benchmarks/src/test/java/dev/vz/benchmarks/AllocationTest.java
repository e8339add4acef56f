package dev.vz.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** The hot paths allocate nothing, measured on the code that the benchmarks measure. */
class AllocationTest {

    private static final int CALLS = 200_000;

    /** Bytes that this thread allocated in {@link #CALLS} calls of {@code path}, after as many to warm up. */
    private static long bytesAllocatedBy(Runnable path) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (int i = 0; i < CALLS; i++) {
            path.run();
        }
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < CALLS; i++) {
            path.run();
        }
        return threads.getCurrentThreadAllocatedBytes() - before;
    }

    @Test
    void aMeasurementNoticesAnAllocation() {
        var kept = new Object[1];
        assertThat(bytesAllocatedBy(() -> kept[0] = new long[2])).isGreaterThan(CALLS);
    }

    @Test
    void dispatchOnABusAllocatesNothing() {
        var bus = new BusDispatch();
        bus.attach();
        assertThat(bytesAllocatedBy(bus::read)).as("read").isLessThan(CALLS / 10);
        assertThat(bytesAllocatedBy(bus::write)).as("write").isLessThan(CALLS / 10);
        assertThat(bytesAllocatedBy(bus::readNobody)).as("nobody there").isLessThan(CALLS / 10);
    }

    @Test
    void typedAccessToGuestMemoryAllocatesNothing() {
        var memory = new GuestMemoryAccess();
        memory.allocate();
        assertThat(bytesAllocatedBy(memory::readInt)).as("readInt").isLessThan(CALLS / 10);
        assertThat(bytesAllocatedBy(memory::writeInt)).as("writeInt").isLessThan(CALLS / 10);
        assertThat(bytesAllocatedBy(memory::copyPage)).as("copyPage").isLessThan(CALLS / 10);
        memory.release();
    }
}
