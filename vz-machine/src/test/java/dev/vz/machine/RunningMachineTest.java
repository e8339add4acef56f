package dev.vz.machine;

import static dev.vz.machine.ScriptedMachines.CODE;
import static dev.vz.machine.ScriptedMachines.COM1;
import static dev.vz.machine.ScriptedMachines.IDLE;
import static dev.vz.machine.ScriptedMachines.await;
import static dev.vz.machine.ScriptedMachines.description;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.LifecycleException;
import dev.vz.machine.MachineOutcome.DebugExit;
import dev.vz.machine.MachineOutcome.Stopped;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class RunningMachineTest {

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
    void a_thousand_lives_leave_no_thread_and_no_machine_behind() throws Exception {
        var hypervisor = new ScriptedHypervisor((vcpu, index) -> {
            vcpu.outb(COM1 + 4, 8);
            vcpu.outb(COM1 + 2, 0xC1);
            vcpu.out(0xF4, 1, 1);
            return true;
        });
        for (int i = 0; i < 1_000; i++) {
            BuiltMachine built = Machine.build(hypervisor, description());
            try (RunningMachine machine = built.start()) {
                built.serialPorts().getFirst().receive('x'); // starts the clock's thread
                assertThat(machine.await()).isEqualTo(new DebugExit(1));
            }
        }
        assertThat(hypervisor.openMachines).hasValue(0);
        assertThat(hypervisor.openVcpus).hasValue(0);
        assertThat(Thread.getAllStackTraces().keySet()).extracting(Thread::getName)
                .noneMatch(name -> name.startsWith("vz-test-"));
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
        closed.get(60, TimeUnit.SECONDS);
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
}
