package dev.vz.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.memory.GuestMemory;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class HypervisorsTest {

    private record Candidate(String name, int priority, Availability availability, Set<Capability> capabilities)
            implements
                Hypervisor {
        @Override
        public VirtualMachine createVirtualMachine(VirtualMachineConfig config) {
            throw new ConfigurationException("This candidate is only chosen, never run");
        }
    }

    private final Hypervisor locked = new Candidate("kvm", 100,
            new Availability.Unavailable("/dev/kvm: permission denied", "add the user to group kvm"), Set.of());
    private final Hypervisor small = new Candidate("small", 50, new Availability.Available("here"), Set.of());
    private final Hypervisor full = new Candidate("emulator", 10, new Availability.Available("software"),
            Set.of(Capability.FULL_SYSTEM, Capability.SMP));

    @Test
    void choosesTheFirstThatIsAvailableAndHasWhatIsNeeded() {
        assertThat(Hypervisors.best(List.of(locked, small, full))).isSameAs(small);
        assertThat(Hypervisors.best(List.of(locked, small, full), Capability.FULL_SYSTEM)).isSameAs(full);
    }

    @Test
    void saysOfEachWhyNotAndWhatToDo() {
        assertThatThrownBy(() -> Hypervisors.best(List.of(locked, small), Capability.SMP))
                .isInstanceOf(CapabilityException.class).hasMessageContaining("kvm: /dev/kvm: permission denied")
                .hasMessageContaining("add the user to group kvm").hasMessageContaining("small: lacks [SMP]");
        assertThatThrownBy(() -> Hypervisors.best(List.of())).isInstanceOf(CapabilityException.class)
                .hasMessageContaining("dev.vz:vz-kvm");
        assertThatThrownBy(() -> Hypervisors.named("nonesuch")).isInstanceOf(CapabilityException.class)
                .hasMessageContaining("\"nonesuch\"").hasMessageContaining("vz-nonesuch");
        assertThat(Hypervisors.missing(full, Capability.SMP)).isEmpty();
        assertThat(locked.availability().isAvailable()).isFalse();
    }

    @Test
    void describesAMachine() {
        try (GuestMemory memory = GuestMemory.ofSize(4096)) {
            VirtualMachineConfig config = VirtualMachineConfig.of(memory).named("guest").with(Interrupts.FULL)
                    .withVcpus(4);
            assertThat(config).isEqualTo(new VirtualMachineConfig("guest", memory, Interrupts.FULL, 4));
            assertThatThrownBy(() -> config.withVcpus(0)).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("guest");
        }
    }
}
