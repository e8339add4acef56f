package dev.vz.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.MpState;
import dev.vz.error.CapabilityException;
import dev.vz.error.GuestException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.hypervisor.Capability;
import dev.vz.machine.MachineOutcome.Crashed;
import dev.vz.machine.MachineOutcome.DebugExit;
import dev.vz.machine.MachineOutcome.PoweredOff;
import dev.vz.machine.MachineOutcome.Reset;
import dev.vz.machine.MachineOutcome.Stopped;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.CodeBoot;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class RunningMachineTest {

    private static final int COM1 = 0x3F8;
    private static final byte[] CODE = {(byte) 0xF4};
    private static final ScriptedHypervisor.Script IDLE = (vcpu, index) -> false;

    private static MachineDescription description() {
        return MachineDescription
                .of("test", new CodeBoot(BootFile.of("hlt", CODE), 0x1_0000, CodeBoot.Mode.LONG)).withMemory(4 << 20)
                .withPlatform(p -> p.withDebugExit(0xF4));
    }

    private static MachineOutcome outcomeOf(MachineDescription description, ScriptedHypervisor.Script script)
            throws InterruptedException {
        var hypervisor = new ScriptedHypervisor(script);
        try (RunningMachine machine = Machine.build(hypervisor, description).start()) {
            MachineOutcome outcome = machine.await();
            assertThat(machine.outcome()).contains(outcome);
            return outcome;
        } finally {
            assertThat(hypervisor.openMachines).hasValue(0);
            assertThat(hypervisor.openVcpus).hasValue(0);
        }
    }

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
    void a_reset_by_the_guest_boots_it_again() throws Exception {
        var boots = new AtomicInteger();
        var hypervisor = new ScriptedHypervisor((vcpu, index) -> {
            if (index > 0) {
                return false;
            }
            if (boots.incrementAndGet() < 3) {
                vcpu.setRegisters(vcpu.registers().withRip(0x666));
                vcpu.outb(0xCF9, 6);
            } else {
                vcpu.out(0xF4, 1, vcpu.registers().rip() >>> 16);
            }
            return true;
        });
        try (RunningMachine machine = Machine.build(hypervisor, description()).start()) {
            assertThat(machine.await()).isEqualTo(new DebugExit(1));
            assertThat(boots).hasValue(3);
            assertThat(hypervisor.last.controllersRestored).isEqualTo(2);
            assertThat(hypervisor.last.vcpus().getFirst().resets).isEqualTo(2);
        }
    }

    @Test
    void a_reset_by_the_guest_ends_the_machine_if_its_description_says_so() throws Exception {
        assertThat(outcomeOf(description().onReset(RestartPolicy.END), (vcpu, index) -> {
            vcpu.outb(0x64, 0xFE);
            return true;
        })).isEqualTo(new Reset("keyboard controller command 0xfe"));
    }

    @Test
    void a_reset_restores_the_memory_that_is_booted() throws Exception {
        var boots = new AtomicInteger();
        var hypervisor = new ScriptedHypervisor((vcpu, index) -> {
            if (index == 0) {
                boots.incrementAndGet();
            }
            return index == 0;
        });
        try (RunningMachine machine = Machine.build(hypervisor, description()).start()) {
            await(() -> boots.get() == 1);
            machine.memory().writeByte(0x1_0000, (byte) 0);
            machine.reset();
            await(() -> boots.get() == 2);
            assertThat(machine.memory().readByte(0x1_0000)).isEqualTo(CODE[0]);
        }
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
            built.ports().attach(new dev.vz.bus.AddressRange(0x200, 1), new dev.vz.bus.BusDevice() {
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
    void stop_ends_it_whatever_the_guest_does() throws Exception {
        var hypervisor = new ScriptedHypervisor((vcpu, index) -> true);
        try (RunningMachine machine = Machine.build(hypervisor, description()).start()) {
            machine.stop();
            assertThat(machine.await()).isEqualTo(new Stopped());
            assertThat(hypervisor.last.vcpus().getFirst().isInside()).isFalse();
        }
    }

    @Test
    void no_vcpu_is_in_the_guest_while_it_is_paused() throws Exception {
        var steps = new AtomicInteger();
        var hypervisor = new ScriptedHypervisor((vcpu, index) -> {
            steps.incrementAndGet();
            return true;
        });
        try (RunningMachine machine = Machine.build(hypervisor, description().withCpus(3)).start()) {
            for (int i = 0; i < 20; i++) {
                try (PausedMachine paused = machine.pause()) {
                    assertThat(hypervisor.last.vcpus()).noneMatch(ScriptedVcpu::isInside);
                    int before = steps.get();
                    Thread.sleep(2);
                    assertThat(steps).hasValue(before);
                    assertThat(paused.vcpus()).hasSize(3);
                }
                int resumed = steps.get();
                await(() -> steps.get() > resumed);
            }
            machine.stop();
        }
    }

    @Test
    void a_paused_machine_can_be_reset_and_stopped() throws Exception {
        var hypervisor = new ScriptedHypervisor(IDLE);
        try (RunningMachine machine = Machine.build(hypervisor, description()).start()) {
            PausedMachine paused = machine.pause();
            assertThatThrownBy(machine::pause).isInstanceOf(LifecycleException.class)
                    .hasMessage("Machine \"test\" is paused already");
            machine.reset();
            assertThat(hypervisor.last.vcpus().getFirst().resets).isEqualTo(1);
            assertThat(hypervisor.last.vcpus().getFirst().isInside()).isFalse();
            machine.stop();
            paused.resume();
            assertThatThrownBy(machine::pause).isInstanceOf(LifecycleException.class)
                    .hasMessage("Cannot pause machine \"test\": its run has ended with Stopped[]");
        }
    }

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
            assertThat(console.awaitOutput("hello", Duration.ofSeconds(10))).isTrue();
            assertThat(machine.outcome()).isEmpty();
        }
    }

    @Test
    void several_machines_run_in_one_process_without_hearing_of_each_other() throws Exception {
        var machines = new ArrayList<RunningMachine>();
        try {
            for (int i = 0; i < 8; i++) {
                int value = i;
                var own = new ScriptedHypervisor((vcpu, index) -> {
                    if (index == 100) {
                        vcpu.out(0xF4, 4, value);
                    }
                    return true;
                });
                machines.add(Machine.build(own, description().withName("m" + i)).start());
            }
            for (int i = 0; i < 8; i++) {
                assertThat(machines.get(i).await()).isEqualTo(new DebugExit(i));
            }
        } finally {
            machines.forEach(RunningMachine::close);
        }
    }

    @Test
    void whoever_hears_of_the_end_may_close_the_machine() throws Exception {
        var hypervisor = new ScriptedHypervisor((vcpu, index) -> {
            vcpu.out(0xF4, 4, 3);
            return true;
        });
        RunningMachine machine = Machine.build(hypervisor, description()).start();
        CompletableFuture<Void> closed = machine.completion().thenAccept(outcome -> machine.close())
                .toCompletableFuture();
        closed.get(10, TimeUnit.SECONDS);
        assertThat(hypervisor.openMachines).hasValue(0);
    }

    @Test
    void a_built_machine_is_started_once() {
        BuiltMachine built = Machine.build(new ScriptedHypervisor(IDLE), description());
        try (RunningMachine machine = built.start()) {
            assertThatThrownBy(built::start).isInstanceOf(LifecycleException.class)
                    .hasMessage("Cannot start: machine \"test\" has been started");
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

    private static void await(java.util.function.BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("within ten seconds").isLessThan(deadline);
            Thread.sleep(1);
        }
    }
}
