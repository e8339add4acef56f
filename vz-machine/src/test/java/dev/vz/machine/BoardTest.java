package dev.vz.machine;

import static dev.vz.machine.ScriptedMachines.COM1;
import static dev.vz.machine.ScriptedMachines.IDLE;
import static dev.vz.machine.ScriptedMachines.await;
import static dev.vz.machine.ScriptedMachines.description;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.bus.AddressRange;
import dev.vz.cpu.x86.CpuFeature;
import dev.vz.cpu.x86.LapicState;
import dev.vz.cpu.x86.MpState;
import dev.vz.cpu.x86.Msr;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.hypervisor.Capability;
import dev.vz.machine.MachineOutcome.DebugExit;
import dev.vz.machine.acpi.AcpiInspection;
import dev.vz.machine.acpi.Aml;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class BoardTest {

    @Test
    void application_processors_wait_for_their_startup_ipi() throws Exception {
        var hypervisor = new ScriptedHypervisor(IDLE);
        try (RunningMachine machine = Machine.build(hypervisor, description().withCpus(4)).start();
                PausedMachine paused = machine.pause()) {
            assertThat(paused.vcpus()).extracting(v -> v.mpState()).containsExactly(MpState.RUNNABLE,
                    MpState.UNINITIALIZED, MpState.UNINITIALIZED, MpState.UNINITIALIZED);
        }
    }

    @Test
    void every_processor_finds_memory_write_back_and_the_first_ones_local_apic_in_virtual_wire_mode() throws Exception {
        var hypervisor = new ScriptedHypervisor(IDLE);
        try (BuiltMachine built = Machine.build(hypervisor, description().withCpus(2));
                RunningMachine machine = built.start();
                PausedMachine paused = machine.pause()) {
            for (ScriptedVcpu vcpu : hypervisor.last.vcpus()) {
                assertThat(vcpu.written).containsExactly(new MsrEntry(Msr.MISC_ENABLE, 1),
                        new MsrEntry(Msr.MTRR_DEF_TYPE, 0x806));
            }
            LapicState lapic = paused.vcpus().getFirst().lapic();
            assertThat(lapic.register(LapicState.LVT_LINT0)).isEqualTo(0x700);
            assertThat(lapic.register(LapicState.LVT_LINT1)).isEqualTo(0x400);
        }
    }

    @Test
    void hidden_features_are_hidden_and_each_processor_has_its_own_apic_id() {
        var hypervisor = new ScriptedHypervisor(IDLE);
        var cpus = new CpuDescription(2, java.util.Set.of(CpuFeature.MTRR));
        try (BuiltMachine built = Machine.build(hypervisor, description().withCpus(cpus))) {
            for (ScriptedVcpu vcpu : hypervisor.last.vcpus()) {
                assertThat(vcpu.cpuid().has(CpuFeature.MTRR)).isFalse();
                assertThat(vcpu.cpuid().has(CpuFeature.HYPERVISOR)).isTrue();
                assertThat(vcpu.cpuid().find(1, 0).orElseThrow().ebx() >>> 24).isEqualTo(vcpu.id());
            }
            assertThat(built.savedDevices()).containsExactly("COM1", "keyboard controller", "CMOS clock", "ACPI",
                    "reset control", "general-purpose events", "POST port", "PCI");
        }
    }

    @Test
    void devices_get_slots_that_nobody_shares_until_the_board_is_full() {
        var hypervisor = new ScriptedHypervisor(IDLE);
        try (BuiltMachine built = Machine.build(hypervisor, description())) {
            DeviceSlot first = built.newSlot(0x200);
            DeviceSlot second = built.newSlot(0x3000);
            assertThat(first.range()).isEqualTo(new AddressRange(0xFD00_0000L, 0x1000));
            assertThat(second.range()).isEqualTo(new AddressRange(0xFD00_4000L, 0x4000));
            assertThat(first.gsi()).isNotEqualTo(second.gsi());
            second.line().set(true);
            assertThat(hypervisor.last.levels.get(second.gsi())).isEqualTo(1);
            assertThatThrownBy(() -> built.newSlot(32 << 20)).isInstanceOf(ConfigurationException.class)
                    .hasMessage("Cannot attach another device of 33554432 bytes: the device area "
                            + "[0xfd000000-0xfdffffff] has no room for it");
            for (int i = 0; i < 10; i++) {
                built.newSlot(0x1000);
            }
            assertThatThrownBy(() -> built.newSlot(0x1000)).isInstanceOf(ConfigurationException.class)
                    .hasMessage("Cannot attach another device of 4096 bytes: all interrupt inputs are taken");
        }
    }

    @Test
    void an_attached_device_is_described_reset_saved_and_closed_with_the_machine() throws Exception {
        var events = new java.util.concurrent.CopyOnWriteArrayList<String>();
        var hypervisor = new ScriptedHypervisor(IDLE);
        BuiltMachine built = Machine.build(hypervisor, description());
        built.describe(Aml.device("VM00", Aml.name("_HID", Aml.string("LNRO0005"))));
        built.onReset(() -> events.add("reset"));
        built.owns(() -> events.add("first closed, " + hypervisor.openMachines.get() + " machine open"));
        built.owns(() -> events.add("second closed"));
        built.saves("post 2", new dev.vz.machine.device.PostPort());
        assertThatThrownBy(() -> built.saves("post 2", new dev.vz.machine.device.PostPort()))
                .isInstanceOf(ConfigurationException.class)
                .hasMessage("There is a device \"post 2\" on this board already");
        try (RunningMachine machine = built.start()) {
            assertThatThrownBy(() -> built.newSlot(1)).isInstanceOf(LifecycleException.class)
                    .hasMessage("Cannot take a device slot: machine \"test\" has been started");
            assertThat(new String(machine.memory().read(0xE_0000, 4096), java.nio.charset.StandardCharsets.US_ASCII))
                    .contains("LNRO0005");
            try (PausedMachine paused = machine.pause()) {
                assertThat(paused.devices()).containsKey("post 2");
            }
            machine.reset();
            await(() -> events.contains("reset"));
        }
        assertThat(events).containsExactly("reset", "second closed", "first closed, 1 machine open");
    }

    @Test
    void the_firmware_tables_of_a_board_with_everything_please_iasl(@TempDir Path folder) throws Exception {
        try (BuiltMachine built = Machine.build(new ScriptedHypervisor(IDLE),
                description().withCpus(8).withPlatform(p -> p.withSerialPorts(4)))) {
            DeviceSlot slot = built.newSlot(0x200);
            built.describe(Aml.device("VM00", Aml.name("_HID", Aml.string("LNRO0005")),
                    Aml.name("_UID", Aml.integer(0)),
                    Aml.name("_CRS", Aml.resources(Aml.memory32(slot.range().start(), slot.range().length()),
                            Aml.interrupt(slot.gsi(), false)))));
            try (RunningMachine machine = built.start()) {
                Map<String, byte[]> tables = AcpiInspection.tables(machine.memory().read(0xE_0000, 0x2_0000), 0xE_0000);
                Map<String, String> sources = AcpiInspection.disassemble(tables, folder);
                assertThat(sources.get("DSDT")).contains("Name (_S5").contains("Device (COM4)").contains("Device (RTC)")
                        .contains("PNP0303").contains("LNRO0005");
                assertThat(sources.get("DSDT")).contains("PNP0A08").contains("Method (_E01").contains("_EJ0")
                        .contains("WordBusNumber (ResourceProducer").contains("0xF9000000,         // Range Minimum");
                assertThat(sources.get("MCFG")).contains("00000000F8000000");
                assertThat(sources.get("APIC")).contains("Processor Local APIC").contains("Interrupt Source Override");
                assertThat(sources.get("FACP")).contains("Reset Register").contains("0000000000000CF9");
            }
        }
    }

    @Test
    void serial_ports_that_share_an_interrupt_hold_it_until_both_let_go() throws Exception {
        var hypervisor = new ScriptedHypervisor(IDLE);
        try (BuiltMachine built = Machine.build(hypervisor, description().withPlatform(p -> p.withSerialPorts(3)))) {
            for (int port : new int[] {0x3F8, 0x3E8}) {
                built.ports().write(port + 4, 1, 8);
                built.ports().write(port + 1, 1, 2);
            }
            assertThat(hypervisor.last.levels.get(4)).isEqualTo(1);
            built.ports().read(0x3F8 + 2, 1);
            assertThat(hypervisor.last.levels.get(4)).as("COM3 still holds it").isEqualTo(1);
            built.ports().read(0x3E8 + 2, 1);
            assertThat(hypervisor.last.levels.get(4)).isZero();
            assertThat(hypervisor.last.rises.get(4)).isEqualTo(1);
        }
    }

    @Test
    void a_device_that_outlives_its_machine_reaches_nothing() {
        var hypervisor = new ScriptedHypervisor(IDLE);
        BuiltMachine built = Machine.build(hypervisor, description());
        built.ports().write(0x3F8 + 4, 1, 8);
        built.ports().write(0x3F8 + 1, 1, 1);
        built.close();
        built.serialPorts().getFirst().receive('x');
        assertThat(hypervisor.last.levels.get(4)).isZero();
    }

    @Test
    void a_display_is_memory_of_its_own_that_the_guest_is_told_of() throws Exception {
        try (RunningMachine machine = Machine
                .build(new ScriptedHypervisor(IDLE), description().withPlatform(p -> p.withDisplay(1024, 768)))
                .start()) {
            var framebuffer = machine.framebuffer().orElseThrow();
            assertThat(machine.memory().contains(framebuffer.address(), framebuffer.size())).isTrue();
            assertThat(framebuffer.size()).isEqualTo(1024 * 768 * 4);
        }
    }

    @Test
    void the_processors_exits_reach_the_devices_on_the_buses() throws Exception {
        var hypervisor = new ScriptedHypervisor((vcpu, index) -> {
            var handler = vcpu.handler();
            handler.mmioWrite(0xFD00_0000L, 4, 0xCAFE);
            long seen = handler.mmioRead(0xFD00_0000L, 4);
            long nobody = handler.mmioRead(0xFD80_0000L, 4);
            vcpu.out(0xF4, 4, seen == 0xCAFE && nobody == 0xFFFF_FFFFL && vcpu.in(0x1234, 2) == 0xFFFF ? 1 : 2);
            return true;
        });
        BuiltMachine built = Machine.build(hypervisor, description());
        built.mmio().attach(new AddressRange(0xFD00_0000L, 0x1000), new dev.vz.bus.BusDevice() {
            private long value;

            @Override
            public long read(long offset, int size) {
                return value;
            }

            @Override
            public void write(long offset, int size, long data) {
                value = data;
            }
        });
        try (RunningMachine machine = built.start()) {
            assertThat(machine.await()).isEqualTo(new DebugExit(1));
        }
    }

    @Test
    void the_power_button_raises_the_system_control_interrupt_once_the_guest_listens() throws Exception {
        var hypervisor = new ScriptedHypervisor((vcpu, index) -> {
            if (index == 0) {
                vcpu.out(0x602, 2, 1 << 8);
            }
            return index == 0;
        });
        try (RunningMachine machine = Machine.build(hypervisor, description()).start()) {
            await(() -> hypervisor.last.vcpus().getFirst().isInside());
            machine.shutdown();
            await(() -> hypervisor.last.levels.get(9) == 1);
            assertThat(machine.outcome()).isEmpty();
        }
    }

    @Test
    void the_serial_port_leads_to_whatever_it_is_connected_to() throws Exception {
        var hypervisor = new ScriptedHypervisor((vcpu, index) -> {
            if (index < 5) {
                vcpu.outb(COM1, "hello".charAt(index));
            }
            return index < 5;
        });
        BuiltMachine built = Machine.build(hypervisor, description());
        var console = dev.vz.machine.serial.SerialConsole.connect(built.serialPorts().getFirst());
        try (RunningMachine machine = built.start()) {
            assertThat(console.awaitOutput("hello", Duration.ofSeconds(60))).isTrue();
            assertThat(machine.outcome()).isEmpty();
        }
    }

    @Test
    void a_back_end_without_interrupt_controllers_is_refused() {
        assertThatThrownBy(() -> Machine
                .build(new ScriptedHypervisor(IDLE).without(Capability.INTERRUPT_CONTROLLER), description()))
                .isInstanceOf(CapabilityException.class)
                .hasMessage("Cannot build machine \"test\" on hypervisor \"scripted\": lacks [INTERRUPT_CONTROLLER] on "
                        + "this host (choose another back end)");
    }
}
