package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.Vcpu;
import dev.vz.cpu.VcpuExit;
import dev.vz.error.LifecycleException;
import dev.vz.testing.Peers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Kicks reach a vCPU wherever it is, and none is lost. */
@Timeout(120)
class KickTest {

    private static final String LOOP = "ebfe";

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }

    @Test
    void aKickBeforeTheRunEndsItAtOnce() {
        try (var guest = Guest.realMode(LOOP)) {
            guest.vcpu.kick();
            guest.vcpu.kick();
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Kicked());
            guest.vcpu.kick();
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Kicked());
        }
    }

    @Test
    void aKickEndsAGuestThatLoops() throws InterruptedException {
        try (var guest = Guest.realMode(LOOP)) {
            var exit = new AtomicReference<VcpuExit>();
            Thread runner = Thread.ofPlatform().start(() -> exit.set(guest.vcpu.run()));
            Thread.sleep(50);
            guest.vcpu.kick();
            assertThat(runner.join(Duration.ofSeconds(60))).isTrue();
            assertThat(exit.get()).isEqualTo(new VcpuExit.Kicked());
        }
    }

    @Test
    void aKickFromTheHandlerTakesEffectAfterTheAccessIsCompleted() {
        // in al,dx; mov [0x2000],al; hlt
        try (var guest = Guest.realMode("ba1000 ec a20020 f4")) {
            var handler = new Ports() {
                @Override
                public long portRead(int port, int size) {
                    guest.vcpu.kick();
                    return 0x5A;
                }
            };
            assertThat(guest.vcpu.run(handler)).isEqualTo(Vcpu.Outcome.KICKED);
            assertThat(guest.vcpu.registers().rax()).isEqualTo(0x5A);
            assertThat(guest.vcpu.registers().rip()).isEqualTo(Guest.CODE + 4);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
        }
    }

    /**
     * The kicker and the runner take turns without any pause: every window between them is hit at some time. As many as a
     * few seconds allow: with one processor for both, each turn waits for the host's scheduler.
     */
    @Test
    void manyKicksInARowAreAllSeen() throws InterruptedException {
        try (var guest = Guest.realMode(LOOP)) {
            long enough = System.nanoTime() + 8_000_000_000L;
            var over = new AtomicBoolean();
            var seen = new AtomicInteger();
            Thread runner = Thread.ofPlatform().start(() -> {
                while (!over.get()) {
                    if (guest.vcpu.run() instanceof VcpuExit.Kicked) {
                        seen.incrementAndGet();
                    }
                }
            });
            for (int i = 1; i <= 20_000 && (i < 100 || System.nanoTime() < enough); i++) {
                guest.vcpu.kick();
                long start = System.nanoTime();
                while (seen.get() < i) {
                    Thread.onSpinWait();
                    if (System.nanoTime() - start > 60_000_000_000L) {
                        throw new AssertionError("kick " + i + " was lost");
                    }
                }
            }
            over.set(true);
            guest.vcpu.kick();
            assertThat(runner.join(Duration.ofSeconds(60))).isTrue();
        }
    }

    /** Kicks from several threads while the guest makes exits all the time; the last kick must end the run. */
    @Test
    void kicksAmongExitsAreNotLost() throws InterruptedException {
        // out dx,al; jmp back
        try (var guest = Guest.realMode("ba1000 ee ebfd")) {
            var returns = new AtomicInteger();
            var stop = new AtomicReference<>(false);
            Thread runner = Thread.ofPlatform().start(() -> {
                while (!stop.get()) {
                    guest.vcpu.run(new Ports());
                    returns.incrementAndGet();
                }
            });
            var kickers = new ArrayList<Thread>();
            for (int i = 0; i < 3; i++) {
                kickers.add(Thread.ofPlatform().start(() -> {
                    for (int k = 0; k < 2_000; k++) {
                        guest.vcpu.kick();
                        if (k % 7 == 0) {
                            Thread.yield();
                        }
                    }
                }));
            }
            for (Thread kicker : kickers) {
                kicker.join();
            }
            stop.set(true);
            guest.vcpu.kick();
            assertThat(runner.join(Duration.ofSeconds(60))).isTrue();
            assertThat(returns.get()).isPositive();
        }
    }

    @Test
    void oneVcpuMayBeRunByManyThreadsOneAfterAnother() throws InterruptedException {
        try (var guest = Guest.realMode(LOOP)) {
            for (int i = 0; i < 200; i++) {
                var entered = new CountDownLatch(1);
                Thread runner = Thread.ofPlatform().start(() -> {
                    entered.countDown();
                    guest.vcpu.run();
                });
                entered.await();
                guest.vcpu.kick();
                assertThat(runner.join(Duration.ofSeconds(60))).as("thread " + i).isTrue();
            }
        }
    }

    @Test
    void aSecondThreadIsRefusedAndToldWhoRuns() throws InterruptedException {
        try (var guest = Guest.realMode(LOOP)) {
            Thread runner = Thread.ofPlatform().name("runner").start(guest.vcpu::run);
            awaitRunning(guest);
            assertThatThrownBy(guest.vcpu::run).isInstanceOf(LifecycleException.class)
                    .hasMessageContaining("thread \"runner\"");
            assertThatThrownBy(guest.vcpu::registers).isInstanceOf(LifecycleException.class)
                    .hasMessageContaining("thread \"runner\"");
            guest.vcpu.kick();
            runner.join();
        }
    }

    @Test
    void closingTheMachineGetsItsVcpusOut() throws InterruptedException {
        var guest = Guest.realMode(LOOP);
        var exit = new AtomicReference<VcpuExit>();
        Thread runner = Thread.ofPlatform().start(() -> exit.set(guest.vcpu.run()));
        awaitRunning(guest);
        guest.close();
        assertThat(runner.join(Duration.ofSeconds(60))).isTrue();
        assertThat(exit.get()).isEqualTo(new VcpuExit.Kicked());
        assertThatThrownBy(guest.vcpu::run).isInstanceOf(LifecycleException.class).hasMessageContaining("is closed");
        guest.vcpu.kick();
        guest.machine.close();
    }

    @Test
    void closingTheMachineFromInsideARunIsRefused() {
        try (var guest = Guest.realMode("ba1000 ec f4")) {
            var handler = new Ports() {
                @Override
                public long portRead(int port, int size) {
                    guest.machine.close();
                    return 0;
                }
            };
            assertThatThrownBy(() -> guest.vcpu.run(handler)).isInstanceOf(LifecycleException.class)
                    .hasMessageContaining("leave the run first");
        }
    }

    private static void awaitRunning(Guest guest) throws InterruptedException {
        while (true) {
            try {
                guest.vcpu.registers();
            } catch (LifecycleException running) {
                return;
            }
            Thread.sleep(1);
        }
    }
}
