package dev.vz.thread;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.LifecycleException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Waiting for threads to end. */
@Timeout(120)
class ThreadEndTest {

    private static void until(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException interruption) {
            throw new AssertionError(interruption);
        }
    }

    @Test
    void whoeverIsInterruptedWaitsOnAndFindsItAfterwards() {
        var gate = new CountDownLatch(1);
        var over = new AtomicBoolean();
        Thread awaited = Thread.ofPlatform().start(() -> {
            until(gate);
            over.set(true);
        });
        Thread waiter = Thread.currentThread();
        // Joining while interrupted fails at once, so a thread that is seen waiting waits in spite of it.
        Thread.ofPlatform().start(() -> {
            while (waiter.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
            gate.countDown();
        });
        waiter.interrupt();
        ThreadEnd.await(awaited);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(over).isTrue();
    }

    @Test
    void whoeverWasNotInterruptedIsNotAfterwards() {
        Thread awaited = Thread.ofPlatform().start(() -> {});
        ThreadEnd.await(awaited);
        assertThat(awaited.isAlive()).isFalse();
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
    }

    @Test
    void aThreadThatWasNeverStartedIsNotWaitedFor() {
        Thread awaited = Thread.ofPlatform().unstarted(() -> {});
        ThreadEnd.await(awaited);
        assertThat(awaited.getState()).isEqualTo(Thread.State.NEW);
    }

    @Test
    void nobodyWaitsForHimself() {
        assertThatThrownBy(() -> ThreadEnd.await(Thread.currentThread())).isInstanceOf(LifecycleException.class);
    }
}
