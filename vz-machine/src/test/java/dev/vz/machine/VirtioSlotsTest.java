package dev.vz.machine;

import static dev.vz.machine.ScriptedMachines.IDLE;
import static dev.vz.machine.ScriptedMachines.description;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.pci.PciAddress;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.mmio.VirtioMmio;
import dev.vz.virtio.pci.VirtioPciFunction;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Virtio devices find a place on a board, and leave it with the board. */
@Timeout(120)
class VirtioSlotsTest {

    private static BuiltMachine built() {
        return Machine.build(Hypervisors.named("emulator"), description());
    }

    @Test
    void a_device_over_pci_is_a_function_that_is_saved_and_closed_with_the_machine() {
        BuiltMachine machine = built();
        VirtioPciFunction function = VirtioSlots.overPci(machine, new EntropyDevice(new Random(1)));
        assertThat(machine.pci().functions()).containsEntry(new PciAddress(0, 1, 0), function);
        assertThat(machine.savedDevices()).endsWith("00:01.0 virtio-rng device", "00:01.0 virtio-rng", "PCI");
        machine.ports().write(0xCF8, 4, 0x8000_0800L);
        assertThat(machine.ports().read(0xCFC, 4)).isEqualTo(0x1044_1AF4);
        function.host().writeStatus(DeviceHost.ACKNOWLEDGE);
        machine.close();
        assertThat(function.host().status()).as("closing resets").isZero();
        assertThat(machine.pci().functions()).isEmpty();
    }

    @Test
    void a_device_over_mmio_has_a_page_that_the_firmware_tells_of() {
        try (BuiltMachine machine = built()) {
            VirtioMmio first = VirtioSlots.overMmio(machine, new EntropyDevice(new Random(1)));
            VirtioSlots.overMmio(machine, new EntropyDevice(new Random(2)));
            assertThat(machine.mmio().read(0xFD00_0000L, 4)).isEqualTo(0x7472_6976);
            assertThat(machine.mmio().read(0xFD00_1008L, 4)).isEqualTo(EntropyDevice.TYPE);
            assertThat(machine.savedDevices()).contains("virtio-rng at 0xfd000000", "virtio-rng at 0xfd000000 device",
                    "virtio-rng at 0xfd001000");
            assertThat(new String(machine.firmwareTables(), StandardCharsets.US_ASCII)).contains("LNRO0005", "VR10",
                    "VR11");
            first.host().writeStatus(DeviceHost.ACKNOWLEDGE);
            assertThat(machine.mmio().read(0xFD00_0070L, 4)).isEqualTo(1);
            for (int i = 2; i < 12; i++) {
                VirtioSlots.overMmio(machine, new EntropyDevice(new Random(i)));
            }
            assertThatThrownBy(() -> VirtioSlots.overMmio(machine, new EntropyDevice(new Random(3))))
                    .isInstanceOf(ConfigurationException.class).hasMessageContaining("all interrupt inputs are taken");
        }
    }

    @Test
    void a_back_end_without_messages_takes_no_pci_device_and_says_why() {
        try (BuiltMachine machine = Machine.build(new ScriptedHypervisor(IDLE), description())) {
            assertThatThrownBy(() -> VirtioSlots.overPci(machine, new EntropyDevice(new Random(1))))
                    .isInstanceOf(CapabilityException.class).hasMessageStartingWith("Cannot plug virtio-rng into ")
                    .hasMessageContaining("no message-signalled interrupts");
        }
    }
}
