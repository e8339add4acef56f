package dev.vz.samples.cli.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.hypervisor.Availability;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BackendChoiceTest {

    private static final Capability[] NEEDED = BackendChoice.needed(1);

    private final Hypervisor kvm = new Described("kvm", new Availability.Available("KVM API 12"),
            EnumSet.allOf(Capability.class));
    private final Hypervisor weakKvm = new Described("kvm", new Availability.Available("KVM API 12"),
            EnumSet.complementOf(EnumSet.of(Capability.FULL_SYSTEM)));
    private final Hypervisor noKvm = new Described("kvm", new Availability.Unavailable("/dev/kvm: permission denied",
            "add the user to group kvm"), EnumSet.noneOf(Capability.class));
    private final Hypervisor emulator = new Described("emulator", new Availability.Available("software CPU"),
            EnumSet.of(Capability.FULL_SYSTEM, Capability.INTERRUPT_CONTROLLER));

    @Test
    void theBestOneThatCanIsTaken() {
        assertThat(BackendChoice.automatic(List.of(kvm, emulator), NEEDED).explanation())
                .isEqualTo("backend kvm (KVM API 12)");
    }

    @Test
    void oneThatCannotIsPassedOverAndTheLineSaysWhy() {
        assertThat(BackendChoice.automatic(List.of(weakKvm, emulator), NEEDED).explanation())
                .startsWith("backend emulator (software CPU); not kvm: lacks [FULL_SYSTEM]");
        assertThat(BackendChoice.automatic(List.of(noKvm, emulator), NEEDED).explanation())
                .isEqualTo(
                        "backend emulator (software CPU); not kvm: /dev/kvm: permission denied (add the user to group kvm)");
    }

    @Test
    void severalProcessorsNeedABackendThatRunsThemTogether() {
        assertThatThrownBy(() -> BackendChoice.automatic(List.of(emulator), BackendChoice.needed(2)))
                .isInstanceOf(CapabilityException.class).hasMessageContaining("SMP");
    }

    @Test
    void withNoneTheMessageNamesEachReasonAndRemedy() {
        assertThatThrownBy(() -> BackendChoice.automatic(List.of(noKvm), NEEDED))
                .isInstanceOf(CapabilityException.class)
                .hasMessage(
                        "No backend here can run a guest. kvm: /dev/kvm: permission denied (add the user to group kvm)");
        assertThatThrownBy(() -> BackendChoice.automatic(List.of(weakKvm), NEEDED))
                .isInstanceOf(CapabilityException.class).hasMessageContaining("kvm: lacks [FULL_SYSTEM]")
                .hasMessageContaining("AMD-V or VT-x");
        assertThatThrownBy(() -> BackendChoice.automatic(List.of(), NEEDED)).isInstanceOf(CapabilityException.class)
                .hasMessageContaining("vz-kvm");
    }

    @Test
    void aNamedOneIsNotReplacedByABetterOne() {
        assertThat(BackendChoice.named(List.of(kvm, emulator), "emulator", NEEDED).hypervisor()).isSameAs(emulator);
        assertThatThrownBy(() -> BackendChoice.named(List.of(noKvm, emulator), "kvm", NEEDED))
                .isInstanceOf(CapabilityException.class).hasMessageContaining("/dev/kvm: permission denied")
                .hasMessageContaining("add the user to group kvm");
        assertThatThrownBy(() -> BackendChoice.named(List.of(emulator), "kvm", NEEDED))
                .isInstanceOf(CapabilityException.class)
                .hasMessageContaining("not installed; installed are [emulator]");
    }

    /** A back end that can be asked, not used. */
    private record Described(String name, Availability availability,
            Set<Capability> capabilities) implements Hypervisor {

        @Override
        public int priority() {
            return 0;
        }

        @Override
        public VirtualMachine createVirtualMachine(VirtualMachineConfig config) {
            throw new AssertionError("choosing a back end makes no machine");
        }
    }
}
