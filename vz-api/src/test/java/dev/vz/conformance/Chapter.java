package dev.vz.conformance;

import dev.vz.hypervisor.Availability;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.testing.Peers;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.opentest4j.TestAbortedException;

/** One subject of the kit: test methods that {@link HypervisorConformance} inherits. */
interface Chapter {

    /** The back end on trial. */
    Hypervisor hypervisor();

    /** Goes on only if the back end is there and announces all of {@code needed}; what it does not announce is skipped. */
    default void requires(Capability... needed) {
        if (hypervisor().availability() instanceof Availability.Unavailable no) {
            Peers.require(false, "hypervisor " + hypervisor().name() + ": " + no.reason() + " (" + no.remedy() + ")");
        }
        Set<Capability> announced = CapabilityCache.of(hypervisor());
        var lacking = new ArrayList<>(List.of(needed));
        lacking.removeAll(announced);
        if (!lacking.isEmpty()) {
            throw new TestAbortedException(hypervisor().name() + " does not announce " + lacking);
        }
    }

    /** Whether the back end announces {@code capability}. */
    default boolean announces(Capability capability) {
        return CapabilityCache.of(hypervisor()).contains(capability);
    }

    /** Goes on in {@code mode} only if its handlers can return: without a full system, IRET may not be emulated in 32-bit code. */
    default void requiresReturnFromHandlers(GuestMode mode) {
        if (mode.bits() == 32) {
            requires(Capability.FULL_SYSTEM);
        }
    }

    /** A guest on the back end, if that is there. */
    default GuestBuilder guest(GuestMode mode) {
        requires();
        return Guest.on(hypervisor(), mode);
    }
}
