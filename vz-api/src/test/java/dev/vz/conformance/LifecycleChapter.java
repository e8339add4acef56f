package dev.vz.conformance;

import static dev.vz.conformance.GuestLayout.MAILBOX;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.error.VzException;
import dev.vz.hypervisor.Availability;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.memory.GuestMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Machines are made, used and closed in any order that makes sense; every other order is a typed error. */
interface LifecycleChapter extends Chapter {

    @Test
    default void saysWhetherItCanBeUsed() {
        assertThat(hypervisor().name()).matches("[a-z][a-z0-9-]*");
        requires();
        assertThat(hypervisor().availability()).isInstanceOfSatisfying(Availability.Available.class,
                yes -> assertThat(yes.description()).isNotBlank());
        assertThat(hypervisor().capabilities()).isEqualTo(hypervisor().capabilities());
    }

    @Test
    default void describesTheMachineItMade() {
        try (Guest guest = guest(GuestMode.LONG64).vcpus(announces(Capability.SMP) ? 3 : 1).build()) {
            VirtualMachine machine = guest.machine();
            assertThat(machine.config().name()).isEqualTo("conformance");
            assertThat(machine.memory()).isSameAs(machine.config().memory());
            assertThat(machine.vcpus()).hasSize(machine.config().maxVcpus());
            for (int id = 0; id < machine.vcpus().size(); id++) {
                assertThat(machine.vcpus().get(id).id()).isEqualTo(id);
            }
        }
    }

    @Test
    default void refusesVcpusThatTheMachineHasNotOrHasAlready() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            for (int id : new int[] {0, 1, -1, Integer.MAX_VALUE}) {
                assertThatThrownBy(() -> guest.machine().createVcpu(id)).as("vCPU %d", id)
                        .isInstanceOf(ConfigurationException.class).hasMessageContaining("" + id);
            }
            assertThat(guest.machine().vcpus()).hasSize(1);
        }
    }

    @Test
    default void refusesInterruptControllersThatItDoesNotAnnounce() {
        requires();
        try (GuestMemory memory = GuestMemory.ofSize(1 << 20)) {
            VirtualMachineConfig config = VirtualMachineConfig.of(memory);
            if (!announces(Capability.INTERRUPT_CONTROLLER)) {
                assertThatThrownBy(() -> hypervisor().createVirtualMachine(config.with(Interrupts.FULL)))
                        .isInstanceOf(CapabilityException.class);
            }
            if (!announces(Capability.SPLIT_INTERRUPT_CONTROLLER)) {
                assertThatThrownBy(() -> hypervisor().createVirtualMachine(config.with(Interrupts.SPLIT)))
                        .isInstanceOf(CapabilityException.class);
            }
            assertThatCode(() -> hypervisor().createVirtualMachine(config).close()).doesNotThrowAnyException();
        }
    }

    @Test
    default void closesMoreThanOnce() {
        Guest guest = guest(GuestMode.LONG64).build();
        try {
            guest.vcpu().close();
            guest.vcpu().close();
            guest.machine().close();
            guest.machine().close();
            guest.vcpu().close();
        } finally {
            guest.close();
        }
    }

    @Test
    default void refusesEveryUseAfterTheClose() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            X86Vcpu vcpu = guest.vcpu();
            guest.machine().close();
            assertThatThrownBy(vcpu::run).isInstanceOf(LifecycleException.class);
            assertThatThrownBy(() -> vcpu.run(guest.recorder())).isInstanceOf(LifecycleException.class);
            assertThatThrownBy(vcpu::registers).isInstanceOf(LifecycleException.class);
            assertThatThrownBy(() -> vcpu.setRegisters(GeneralRegisters.zero())).isInstanceOf(LifecycleException.class);
            assertThatThrownBy(vcpu::specialRegisters).isInstanceOf(LifecycleException.class);
            assertThatThrownBy(vcpu::xsave).isInstanceOf(LifecycleException.class);
            assertThatThrownBy(vcpu::save).isInstanceOf(LifecycleException.class);
            assertThatThrownBy(vcpu::reset).isInstanceOf(LifecycleException.class);
            assertThatThrownBy(() -> guest.machine().createVcpu(0)).isInstanceOf(VzException.class);
            assertThatCode(vcpu::kick).as("a kick of what is gone").doesNotThrowAnyException();
            assertThat(guest.memory().readByte(0)).as("the memory is the caller's").isNotNull();
        }
    }

    @Test
    default void closesWhileTheGuestRuns() throws Exception {
        for (int round = 0; round < 20; round++) {
            try (Guest guest = guest(GuestMode.USER64).code(a -> a.label("spin").inc(4, at(MAILBOX)).jmp("spin"))
                    .build()) {
                var result = new AtomicReference<Object>();
                Thread runner = Thread.ofPlatform().start(() -> {
                    try {
                        result.set(guest.vcpu().run());
                    } catch (LifecycleException closed) {
                        result.set(closed);
                    }
                });
                while (round % 2 == 0 && guest.mailbox(0, 4) == 0) {
                    Thread.onSpinWait();
                }
                guest.machine().close();
                // The run came to its end before close returned, or had not begun.
                runner.join(TimeUnit.SECONDS.toMillis(2L * Guest.PATIENCE_SECONDS));
                assertThat(runner.isAlive()).isFalse();
                assertThat(result.get()).isInstanceOfAny(VcpuExit.Kicked.class, LifecycleException.class);
            }
        }
    }

    @Test
    default void isRunByOneThreadAtATime() throws Exception {
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.label("spin").inc(4, at(MAILBOX)).jmp("spin")).build()) {
            Thread runner = Thread.ofPlatform().start(guest::run);
            while (guest.mailbox(0, 4) == 0) {
                Thread.onSpinWait();
            }
            assertThatThrownBy(() -> guest.vcpu().run()).isInstanceOf(LifecycleException.class);
            guest.vcpu().kick();
            runner.join();
            guest.vcpu().kick();
            assertThat(guest.vcpu().run()).as("then another thread may").isEqualTo(new VcpuExit.Kicked());
        }
    }

    @Test
    default void wandersFromThreadToThread() throws Exception {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.label("next").inc(4, AX).out(1, 0x10).jmp("next"))
                .build()) {
            for (int i = 1; i <= 20; i++) {
                var exit = new AtomicReference<VcpuExit>();
                Thread thread = Thread.ofPlatform().start(() -> exit.set(guest.vcpu().run()));
                thread.join();
                assertThat(exit.get()).isEqualTo(new VcpuExit.PortWrite(0x10, 1, 1, i));
            }
        }
    }

    @Test
    default void livesBesideManyOthersInOneProcess() throws Exception {
        int machines = 16;
        var guests = new ArrayList<Guest>();
        try {
            for (int i = 0; i < machines; i++) {
                int number = i;
                guests.add(guest(i % 2 == 0 ? GuestMode.LONG64 : GuestMode.USER64).code(a -> a.mov(4, AX, 1000 + number)
                        .in(1, 0x10).store(4, at(MAILBOX), AX).end()).build());
            }
            var threads = new ArrayList<Thread>();
            for (Guest guest : guests) {
                guest.answering(guests.indexOf(guest));
                threads.add(Thread.ofPlatform().start(guest::runToEnd));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            for (int i = 0; i < machines; i++) {
                assertThat(guests.get(i).mailbox(0, 4)).isEqualTo(1000 + i & ~0xFF | i);
            }
        } finally {
            guests.forEach(Guest::close);
        }
    }

    @Test
    default void makesAndClosesManyMachinesOneAfterAnother() {
        for (int i = 0; i < 200; i++) {
            int number = i;
            try (Guest guest = guest(GuestMode.FLAT32).code(a -> a.mov(4, AX, number).store(4, at(MAILBOX), AX).end())
                    .build()) {
                guest.runToEnd();
                assertThat(guest.mailbox(0, 4)).isEqualTo(i);
            }
        }
    }

    @Test
    default void closesMachinesInAnyOrder() {
        try (Guest first = guest(GuestMode.LONG64).build(); Guest second = guest(GuestMode.LONG64).build();
                Guest third = guest(GuestMode.LONG64).build()) {
            second.close();
            for (Guest guest : List.of(first, third)) {
                guest.runToEnd();
            }
            first.close();
            third.start(0, GuestLayout.CODE);
            third.runToEnd();
        }
    }
}
