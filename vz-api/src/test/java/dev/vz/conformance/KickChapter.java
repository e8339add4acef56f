package dev.vz.conformance;

import static dev.vz.conformance.Condition.NE;
import static dev.vz.conformance.GuestLayout.MAILBOX;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.conformance.ExitRecorder.Stop;
import dev.vz.cpu.Vcpu.Outcome;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A kick gets a vCPU out of the guest, whenever and from wherever it comes, and is never lost. */
interface KickChapter extends Chapter {

    private GuestBuilder spinning(GuestMode mode) {
        return guest(mode).code(a -> a.label("spin").inc(4, at(MAILBOX)).jmp("spin"));
    }

    private static void waitForGuest(Guest guest) {
        long seen = guest.mailbox(0, 4);
        while (guest.mailbox(0, 4) == seen) {
            Thread.onSpinWait();
        }
    }

    @ParameterizedTest
    @EnumSource
    default void endsASpinningGuest(GuestMode mode) throws Exception {
        try (Guest guest = spinning(mode).build()) {
            Thread other = Thread.ofPlatform().start(() -> {
                waitForGuest(guest);
                guest.vcpu().kick();
            });
            assertThat(guest.run()).isEqualTo(Stop.KICK);
            other.join();
            assertThat(guest.exits()).isEmpty();
        }
    }

    @Test
    default void isNotLostBeforeTheRun() {
        try (Guest guest = spinning(GuestMode.LONG64).build()) {
            for (int i = 0; i < 200; i++) {
                guest.vcpu().kick();
                assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.Kicked());
                guest.vcpu().kick();
                assertThat(guest.run()).isEqualTo(Stop.KICK);
            }
        }
    }

    @Test
    default void countsOnceHoweverOftenItComesBeforeTheReturn() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, AX, 7).end()).build()) {
            for (int i = 0; i < 5; i++) {
                guest.vcpu().kick();
            }
            assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.Kicked());
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rax()).isEqualTo(7);
        }
    }

    @Test
    default void endsTheRunFromInsideTheHandlerAfterTheExitIsComplete() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.in(4, 0x10).label("behind").mov(4, BX, 1).end())
                .build()) {
            X86Vcpu vcpu = guest.vcpu();
            var exits = new AtomicInteger();
            Outcome outcome = vcpu.run(new VcpuExitHandler() {
                @Override
                public long portRead(int port, int size) {
                    exits.incrementAndGet();
                    vcpu.kick();
                    return 0x1234;
                }

                @Override
                public void portWrite(int port, int size, long value) {
                    exits.incrementAndGet();
                }

                @Override
                public long mmioRead(long gpa, int size) {
                    return exits.incrementAndGet();
                }

                @Override
                public void mmioWrite(long gpa, int size, long value) {
                    exits.incrementAndGet();
                }

                @Override
                public boolean exit(VcpuExit exit) {
                    exits.incrementAndGet();
                    return false;
                }
            });
            assertThat(outcome).isEqualTo(Outcome.KICKED);
            assertThat(exits).hasValue(1);
            assertThat(vcpu.registers().rax()).as("the answer has arrived").isEqualTo(0x1234);
            assertThat(vcpu.registers().rip()).as("the instruction is over").isEqualTo(guest.address("behind"));
            assertThat(vcpu.registers().rbx()).isZero();
        }
    }

    @Test
    default void completesTheExitBeforeItReturns() {
        // An access that run() returned is finished by a kicked run: afterwards the state can be saved.
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.in(4, 0x10).label("behind").end()).build()) {
            assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.PortRead(0x10, 4, 1));
            guest.vcpu().answer(0xCAFE);
            guest.vcpu().kick();
            assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.Kicked());
            assertThat(guest.vcpu().registers().rax()).isEqualTo(0xCAFE);
            assertThat(guest.vcpu().registers().rip()).isEqualTo(guest.address("behind"));
        }
    }

    /** However a storm of kicks falls between runs, each run ends, and nothing of the guest's work is lost or repeated. */
    @ParameterizedTest
    @EnumSource(names = {"LONG64", "USER64"})
    default void survivesAStormOfKicks(GuestMode mode) throws Exception {
        int count = 3_000;
        try (Guest guest = guest(mode)
                .code(a -> a.mov(4, CX, count).label("next").mov(4, AX, CX).out(1, 0x10).in(1, 0x11)
                        .alu(Alu.ADD, 4, at(MAILBOX), 1).dec(4, CX).jump(NE, "next").end())
                .build()) {
            var stop = new AtomicBoolean();
            var begun = new CountDownLatch(1);
            Thread other = Thread.ofPlatform().start(() -> {
                while (!stop.get()) {
                    guest.vcpu().kick();
                    begun.countDown();
                    if (ThreadLocalRandom.current().nextInt(8) == 0) {
                        LockSupport.parkNanos(20_000);
                    }
                }
            });
            begun.await();
            int kicked = 0;
            try {
                begun.await(); // a fast guest would be through before the storm begins
                Stop end;
                while ((end = guest.run()) != Stop.END) {
                    assertThat(end).isEqualTo(Stop.KICK);
                    kicked++;
                }
            } finally {
                stop.set(true);
                other.join();
            }
            assertThat(guest.mailbox(0, 4)).isEqualTo(count);
            assertThat(guest.exits()).hasSize(2 * count);
            assertThat(kicked).as("kicks that ended a run").isPositive();
        }
    }

    @Test
    default void endsEveryRunThatIsKickedOnce() throws Exception {
        // One kick for each run, at a random time around its beginning: none may be lost.
        try (Guest guest = spinning(GuestMode.USER64).build()) {
            int rounds = 2_000;
            var go = new AtomicInteger();
            Thread other = Thread.ofPlatform().start(() -> {
                for (int round = 1; round <= rounds; round++) {
                    while (go.get() < round) {
                        Thread.onSpinWait();
                    }
                    for (int i = ThreadLocalRandom.current().nextInt(3_000); i > 0; i--) {
                        Thread.onSpinWait();
                    }
                    guest.vcpu().kick();
                }
            });
            for (int round = 1; round <= rounds; round++) {
                go.set(round);
                assertThat(guest.run()).isEqualTo(Stop.KICK);
            }
            other.join();
        }
    }

    @Test
    default void wakesAProcessorThatWaitsInHlt() throws Exception {
        requires(Capability.INTERRUPT_CONTROLLER);
        try (Guest guest = guest(GuestMode.LONG64).interrupts(Interrupts.FULL)
                .code(a -> a.store(4, at(MAILBOX), 1).hlt().end()).build()) {
            for (int i = 0; i < 20; i++) {
                var started = new CountDownLatch(1);
                Thread other = Thread.ofPlatform().start(() -> {
                    try {
                        started.await();
                    } catch (InterruptedException never) {
                        throw new AssertionError(never);
                    }
                    while (guest.mailbox(0, 4) == 0) {
                        Thread.onSpinWait();
                    }
                    LockSupport.parkNanos(2_000_000);
                    guest.vcpu().kick();
                });
                started.countDown();
                assertThat(guest.run()).as("HLT without an interrupt is not an exit here").isEqualTo(Stop.KICK);
                other.join();
            }
            assertThat(guest.mailbox(0, 4)).isEqualTo(1);
        }
    }

    @Test
    default void leavesTheThreadsInterruptStatusAlone() {
        try (Guest guest = spinning(GuestMode.LONG64).build()) {
            guest.vcpu().kick();
            assertThat(guest.run()).isEqualTo(Stop.KICK);
            assertThat(Thread.currentThread().isInterrupted()).isFalse();
            Thread.currentThread().interrupt();
            guest.vcpu().kick();
            assertThat(guest.run()).as("an interrupted thread may run a vCPU").isEqualTo(Stop.KICK);
            assertThat(Thread.interrupted()).isTrue();
        }
    }
}
