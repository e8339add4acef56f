package dev.vz.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Allocations;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The hot paths allocate nothing, measured on the code that the benchmarks measure. */
class AllocationTest {

    private static final int CALLS = 100_000;

    @Test
    @Tag("allocation")
    void aMeasurementNoticesAnAllocation() {
        var kept = new Object[1];
        assertThat(Allocations.perCall(CALLS, () -> kept[0] = new long[2])).isGreaterThanOrEqualTo(16);
    }

    @Test
    @Tag("allocation")
    void dispatchOnABusAllocatesNothing() {
        var bus = new BusDispatch();
        bus.attach();
        assertThat(Allocations.perCall(CALLS, bus::read)).as("read").isZero();
        assertThat(Allocations.perCall(CALLS, bus::write)).as("write").isZero();
        assertThat(Allocations.perCall(CALLS, bus::readNobody)).as("nobody there").isZero();
    }

    @Test
    @Tag("allocation")
    void typedAccessToGuestMemoryAllocatesNothing() {
        var memory = new GuestMemoryAccess();
        memory.allocate();
        assertThat(Allocations.perCall(CALLS, memory::readInt)).as("readInt").isZero();
        assertThat(Allocations.perCall(CALLS, memory::writeInt)).as("writeInt").isZero();
        assertThat(Allocations.perCall(CALLS, memory::copyPage)).as("copyPage").isZero();
        memory.release();
    }
}
