package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.hypervisor.Availability;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.memory.GuestMemory;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The back end as others find it, and what they are told where it cannot be used. */
class KvmHypervisorTest {

    @Test
    void isFoundByName() {
        assertThat(Hypervisors.named("kvm")).isInstanceOf(KvmHypervisor.class);
        assertThat(Hypervisors.named("kvm").priority()).isEqualTo(100);
    }

    @Test
    void saysWhatItIsWhereItIsThere() {
        Peers.kvm();
        assertThat(new KvmHypervisor().availability())
                .isEqualTo(new Availability.Available("KVM API 12 through /dev/kvm"));
    }

    @Test
    void aMissingDeviceHasAReasonAndARemedy(@TempDir Path folder) {
        Path device = folder.resolve("kvm");
        Hypervisor kvm = new KvmHypervisor(device);
        assertThat(kvm.availability()).isInstanceOfSatisfying(Availability.Unavailable.class, no -> {
            assertThat(no.reason()).isEqualTo(device + ": ENOENT (2)");
            assertThat(no.remedy()).contains("modprobe kvm_intel or kvm_amd").contains("another back end");
        });
        assertThatThrownBy(kvm::capabilities).isInstanceOfSatisfying(HostException.class, failure -> {
            assertThat(failure.errnoName()).isEqualTo("ENOENT");
            assertThat(failure.target()).isEqualTo(device.toString());
        });
        assertThatThrownBy(() -> Hypervisors.best(List.of(kvm))).isInstanceOf(CapabilityException.class)
                .hasMessageContaining("ENOENT").hasMessageContaining("modprobe");
    }

    /** Root may open anything, so the refusal has to come from somewhere else than the mode: a file that runs. */
    @Test
    void aDeviceThatMayNotBeOpenedHasAReasonAndARemedy(@TempDir Path folder) throws IOException {
        Path device = Files.createFile(folder.resolve("kvm"), PosixFilePermissions.asFileAttribute(Set.of()));
        if (Files.isWritable(device)) {
            var refused = (DeviceOpening.Refused) DeviceOpening.notOpened(device, 13);
            assertRefused(device, new Availability.Unavailable(refused.reason(), refused.remedy()));
            assertThat(refused.exception()).isInstanceOf(HostException.class)
                    .hasMessage("open on " + device + " failed: EACCES (13); " + refused.remedy());
        } else {
            assertRefused(device, new KvmHypervisor(device).availability());
        }
    }

    private static void assertRefused(Path device, Availability availability) {
        assertThat(availability).isInstanceOfSatisfying(Availability.Unavailable.class, no -> {
            assertThat(no.reason()).isEqualTo(device + ": EACCES (13)");
            assertThat(no.remedy()).contains("add the user to group kvm");
        });
    }

    @Test
    void aFileThatIsNoKvmIsToldFromOne() {
        Path device = Path.of("/dev/null");
        assertThat(new KvmHypervisor(device).availability()).isInstanceOfSatisfying(Availability.Unavailable.class,
                no -> assertThat(no.reason())
                        .isEqualTo("/dev/null is no KVM device: KVM_GET_API_VERSION failed with ENOTTY"));
        assertThatThrownBy(() -> KvmSystem.open(device)).isInstanceOf(CapabilityException.class)
                .hasMessageContaining("no KVM device").hasMessageContaining("use /dev/kvm");
    }

    @Test
    void anotherVersionOfTheInterfaceIsRefused() {
        var refused = DeviceOpening.checkVersion(Path.of("/dev/kvm"), 11);
        assertThat(refused).isNotNull();
        assertThat(refused.reason())
                .isEqualTo("/dev/kvm speaks version 11 of the KVM interface, this back end speaks 12");
        assertThat(refused.exception()).isInstanceOf(CapabilityException.class);
        assertThat(DeviceOpening.checkVersion(Path.of("/dev/kvm"), 12)).isNull();
    }

    @Test
    void aKernelThatIsTooOldIsToldWhatItLacks() {
        var refused = DeviceOpening.checkMissing(Path.of("/dev/kvm"), List.of("KVM_CAP_IMMEDIATE_EXIT"));
        assertThat(refused).isNotNull();
        assertThat(refused.exception()).hasMessage("KVM through /dev/kvm lacks KVM_CAP_IMMEDIATE_EXIT; "
                + "use Linux 4.13 or newer, or another back end");
    }

    @Test
    void capabilitiesNameWhatMachinesAre() {
        Peers.kvm();
        Hypervisor kvm = new KvmHypervisor();
        assertThat(kvm.capabilities()).contains(Capability.DIRTY_TRACKING, Capability.GUEST_DEBUG, Capability.DOORBELL);
        if (!kvm.capabilities().contains(Capability.FULL_SYSTEM)) {
            assertThat(kvm.reasonWithout(Capability.FULL_SYSTEM)).isNotEmpty();
            assertThat(Hypervisors.missing(kvm, Capability.FULL_SYSTEM))
                    .startsWith("lacks [FULL_SYSTEM] on this host: ")
                    .endsWith("(choose another back end)");
        }
    }

    @Test
    void moreVcpusThanKvmHasAreRefused() {
        Peers.kvm();
        try (var memory = GuestMemory.ofSize(0x10000)) {
            var config = VirtualMachineConfig.of(memory).withVcpus(100_000);
            assertThatThrownBy(() -> new KvmHypervisor().createVirtualMachine(config))
                    .isInstanceOf(ConfigurationException.class).hasMessageContaining("100000 vCPUs; KVM has ");
        }
    }
}
