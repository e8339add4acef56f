package dev.vz.machine;

import static dev.vz.machine.ScriptedMachines.CODE;
import static dev.vz.machine.ScriptedMachines.IDLE;
import static dev.vz.machine.ScriptedMachines.description;
import static dev.vz.machine.ScriptedMachines.outcomeOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.bus.AddressRange;
import dev.vz.cpu.VcpuExit;
import dev.vz.error.GuestException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.machine.MachineOutcome.Crashed;
import dev.vz.machine.MachineOutcome.DebugExit;
import dev.vz.machine.MachineOutcome.PoweredOff;
import dev.vz.machine.MachineOutcome.Reset;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.CodeBoot;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class MachineOutcomeTest {

    @Test
    void ends_as_powered_off_when_the_guest_enters_sleep_state_S5() throws Exception {
        assertThat(outcomeOf(description(), (vcpu, index) -> {
            vcpu.out(0x604, 2, 5 << 10 | 1 << 13);
            return true;
        })).isEqualTo(new PoweredOff());
    }

    @Test
    void ends_with_the_value_written_to_the_debug_exit() throws Exception {
        MachineOutcome outcome = outcomeOf(description(), (vcpu, index) -> {
            vcpu.out(0xF4, 4, 21);
            return true;
        });
        assertThat(outcome).isEqualTo(new DebugExit(21));
        assertThat(((DebugExit) outcome).processStatus()).isEqualTo(43);
    }

    @Test
    void a_reset_by_the_guest_ends_the_machine_if_its_description_says_so() throws Exception {
        assertThat(outcomeOf(description().onReset(RestartPolicy.END), (vcpu, index) -> {
            vcpu.outb(0x64, 0xFE);
            return true;
        })).isEqualTo(new Reset("keyboard controller command 0xfe"));
    }

    @Test
    void a_triple_fault_ends_as_crashed_with_the_instruction_pointer() throws Exception {
        MachineOutcome outcome = outcomeOf(description(), (vcpu, index) -> {
            vcpu.exit(new VcpuExit.Shutdown());
            return true;
        });
        var crashed = (Crashed) outcome;
        assertThat(crashed.vcpu()).isZero();
        assertThat(crashed.exit()).contains(new VcpuExit.Shutdown());
        assertThat(crashed.error()).isInstanceOf(GuestException.class).hasMessage("vCPU 0 of machine \"test\" stopped "
                + "with a triple fault: an exception came up whose handlers cannot be entered. Is the interrupt descriptor "
                + "table set up, and is the code where it should be? (rip 0x10000)");
    }

    @Test
    void a_triple_fault_is_a_reset_if_the_description_says_so() throws Exception {
        assertThat(outcomeOf(description().withTripleFaultResets(true).onReset(RestartPolicy.END), (vcpu, index) -> {
            vcpu.exit(new VcpuExit.Shutdown());
            return true;
        })).isEqualTo(new Reset("triple fault"));
    }

    @Test
    void an_emulation_failure_ends_as_crashed_with_the_whole_payload() throws Exception {
        var exit = new VcpuExit.BackendInternalError(1, List.of(7L), List.of((byte) 0x0F, (byte) 0xC7));
        var crashed = (Crashed) outcomeOf(description(), (vcpu, index) -> {
            vcpu.exit(exit);
            return true;
        });
        assertThat(crashed.exit()).contains(exit);
        assertThat(crashed.error()).hasMessageContaining("emulation failed").hasMessageContaining("0f c7")
                .hasMessageContaining("rip 0x10000");
    }

    @Test
    void a_device_that_throws_ends_its_machine_and_nothing_else() throws Exception {
        var hypervisor = new ScriptedHypervisor((vcpu, index) -> {
            vcpu.outb(0x200, 1);
            return true;
        });
        try (BuiltMachine built = Machine.build(hypervisor, description())) {
            built.ports().attach(new AddressRange(0x200, 1), new dev.vz.bus.BusDevice() {
                @Override
                public long read(long offset, int size) {
                    return 0;
                }

                @Override
                public void write(long offset, int size, long value) {
                    throw new IllegalStateException("broken device");
                }
            });
            try (RunningMachine machine = built.start()) {
                var crashed = (Crashed) machine.await();
                assertThat(crashed.error()).isInstanceOf(HostException.class)
                        .hasMessage("run on vCPU 0 of machine \"test\" failed: broken device");
            }
        }
    }

    @Test
    void every_exit_that_a_machine_cannot_answer_ends_it_with_that_exit() throws Exception {
        List<VcpuExit> exits = List.of(new VcpuExit.EntryFailed(33, 0), new VcpuExit.UnknownHardwareReason(7),
                new VcpuExit.MemoryFault(8, 0x1000, 4096), new VcpuExit.Debug(1, 0, 0, 0),
                new VcpuExit.DirtyRingFull(), new VcpuExit.Unknown(99, List.of()),
                new VcpuExit.SystemEvent(3, List.of()));
        for (VcpuExit exit : exits) {
            var crashed = (Crashed) outcomeOf(description(), (vcpu, index) -> {
                vcpu.exit(exit);
                return true;
            });
            assertThat(crashed.exit()).contains(exit);
            assertThat(crashed.error()).hasMessageContaining("vCPU 0 of machine \"test\"")
                    .hasMessageContaining(exit.toString());
        }
    }

    @Test
    void the_platforms_own_events_power_off_and_reset() throws Exception {
        assertThat(outcomeOf(description(), (vcpu, index) -> {
            vcpu.exit(new VcpuExit.SystemEvent(1, List.of()));
            return true;
        })).isEqualTo(new PoweredOff());
        assertThat(outcomeOf(description().onReset(RestartPolicy.END), (vcpu, index) -> {
            vcpu.exit(new VcpuExit.SystemEvent(2, List.of()));
            return true;
        })).isEqualTo(new Reset("system event"));
    }

    @Test
    void exits_without_meaning_for_a_machine_do_not_disturb_it() throws Exception {
        assertThat(outcomeOf(description(), (vcpu, index) -> {
            vcpu.exit(new VcpuExit.HostNmi());
            vcpu.exit(new VcpuExit.InterruptWindow());
            vcpu.exit(new VcpuExit.Notify(0));
            vcpu.out(0xF4, 1, 5);
            return true;
        })).isEqualTo(new DebugExit(5));
    }

    @Test
    void a_device_that_waits_for_its_own_machine_is_told_so() throws Exception {
        var holder = new java.util.concurrent.atomic.AtomicReference<RunningMachine>();
        var hypervisor = new ScriptedHypervisor((vcpu, index) -> {
            RunningMachine machine = holder.get();
            if (machine != null) {
                machine.close();
            }
            return true;
        });
        try (RunningMachine machine = Machine.build(hypervisor, description()).start()) {
            holder.set(machine);
            assertThat(((Crashed) machine.await()).error()).isInstanceOf(LifecycleException.class)
                    .hasMessage(
                            "A device of machine \"test\" tried to close it on one of its processor threads; do that "
                                    + "on another thread");
        }
    }

    @Test
    void a_kernel_that_cannot_be_loaded_leaves_nothing_behind() {
        var hypervisor = new ScriptedHypervisor(IDLE);
        var boot = dev.vz.machine.boot.LinuxBoot.of(BootFile.of("notes.txt", "no kernel".getBytes()));
        try (BuiltMachine built = Machine.build(hypervisor, description().withBoot(boot))) {
            assertThatThrownBy(built::start).isInstanceOf(dev.vz.error.FormatException.class)
                    .hasMessageContaining("notes.txt");
        }
        assertThat(hypervisor.openMachines).hasValue(0);
        assertThat(hypervisor.openVcpus).hasValue(0);
    }

    @Test
    void a_boot_file_that_is_missing_at_a_reset_ends_the_machine() throws Exception {
        var file = java.nio.file.Files.createTempFile("vz-code", ".bin");
        java.nio.file.Files.write(file, CODE);
        var hypervisor = new ScriptedHypervisor(IDLE);
        var boot = new CodeBoot(BootFile.of(file), 0x1_0000, CodeBoot.Mode.LONG);
        try (RunningMachine machine = Machine.build(hypervisor, description().withBoot(boot)).start()) {
            java.nio.file.Files.delete(file);
            machine.reset();
            assertThat(((Crashed) machine.await()).error())
                    .hasMessage("Cannot boot from " + file + ": there is no such file");
        }
    }
}
