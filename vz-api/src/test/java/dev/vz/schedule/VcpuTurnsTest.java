package dev.vz.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.LifecycleException;
import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** vCPUs in turns: threads that spin until they are kicked, as guests do that never halt. */
@Timeout(120)
class VcpuTurnsTest {

    private static final long SLICE = 2_000_000;
    private static final long SPAN = 600_000_000;
    private static final long PATIENCE = 60_000_000_000L;

    /**
     * What was had of some time.
     *
     * @param elapsed nanoseconds since the first one could run
     * @param ran     nanoseconds that each has run in slices that are over
     */
    private record Look(long elapsed, long[] ran) {
        double ratio() {
            return (double) ran[0] / ran[1];
        }

        double part() {
            return (double) ran[0] / elapsed;
        }
    }

    /** A guest that spins; counts how many are inside at a time. */
    private static final class Spinner implements Runnable {
        private final VcpuTurns turns;
        private final VcpuTask task;
        private final AtomicInteger inside;
        private final AtomicInteger most;
        private final AtomicLong ran = new AtomicLong();
        private final Thread thread;
        private volatile boolean kicked;
        private volatile boolean stop;

        Spinner(VcpuTurns turns, VcpuTask task, AtomicInteger inside, AtomicInteger most) {
            this.turns = turns;
            this.task = task;
            this.inside = inside;
            this.most = most;
            thread = Thread.ofPlatform().daemon().start(this);
        }

        @Override
        public void run() {
            try (VcpuTurns.Turn turn = turns.join(task, () -> kicked = true)) {
                while (!stop) {
                    turn.begin();
                    most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                    long begun = System.nanoTime();
                    while (!kicked && !stop) {
                        Thread.onSpinWait();
                    }
                    kicked = false;
                    ran.addAndGet(System.nanoTime() - begun);
                    inside.decrementAndGet();
                    turn.again();
                }
            }
        }

        void stop() throws InterruptedException {
            stop = true;
            thread.join();
        }
    }

    private final AtomicInteger inside = new AtomicInteger();
    private final AtomicInteger most = new AtomicInteger();

    /**
     * Lets them spin for a while, and on until {@code enough} holds: a busy host holds up a thread for many slices now and
     * then, which evens out as time goes on. Returns the last look, for which it held unless patience came to its end.
     */
    private Look spin(VcpuScheduler policy, int workers, Predicate<Look> enough, VcpuTask... tasks)
            throws InterruptedException {
        var spinners = new ArrayList<Spinner>();
        Look look;
        try (var turns = new VcpuTurns(policy, workers)) {
            long begun = System.nanoTime();
            for (VcpuTask task : tasks) {
                spinners.add(new Spinner(turns, task, inside, most));
            }
            while (spinners.stream().anyMatch(spinner -> spinner.ran.get() == 0)) {
                LockSupport.parkNanos(SLICE);
            }
            do {
                LockSupport.parkNanos(SPAN / 4);
                look = new Look(System.nanoTime() - begun, spinners.stream().mapToLong(s -> s.ran.get()).toArray());
            } while (look.elapsed < SPAN || look.elapsed < PATIENCE && !enough.test(look));
            for (Spinner spinner : spinners) {
                spinner.stop = true;
            }
            for (Spinner spinner : spinners) {
                spinner.stop();
            }
        }
        return look;
    }

    @Test
    void noMoreRunAtATimeThanThereAreWorkers() throws Exception {
        Look all = spin(new RoundRobinScheduler(SLICE), 2, look -> most.get() >= 2, VcpuTask.of("a", 0),
                VcpuTask.of("a", 1), VcpuTask.of("b", 0), VcpuTask.of("b", 1));
        assertThat(most).hasValue(2);
        assertThat(all.ran).doesNotContain(0);
    }

    @Test
    void roundRobinGivesAllTheSame() throws Exception {
        Look all = spin(new RoundRobinScheduler(SLICE), 1, look -> look.ratio() > 0.4 && look.ratio() < 2.5,
                VcpuTask.of("a", 0), VcpuTask.of("b", 0));
        assertThat(all.ratio()).isBetween(0.4, 2.5);
    }

    @Test
    void fairShareFollowsTheShares() throws Exception {
        Look all = spin(new FairShareScheduler(SLICE), 1, look -> look.ratio() > 1.7 && look.ratio() < 5.5,
                new VcpuTask("a", 0, 50, 3000, Long.MAX_VALUE), new VcpuTask("b", 0, 50, 1000, Long.MAX_VALUE));
        assertThat(all.ratio()).as("three times the shares").isBetween(1.7, 5.5);
    }

    @Test
    void aLimitHoldsEvenIfNobodyElseWantsToRun() throws Exception {
        Look all = spin(new RoundRobinScheduler(SLICE), 1, look -> look.part() > 0.05 && look.part() < 0.45,
                new VcpuTask("a", 0, 50, 1024, 200_000_000));
        assertThat(all.part()).as("a fifth of the time, by periods of 100 ms").isBetween(0.05, 0.45);
    }

    @Test
    void whoHasNothingToDoTakesNoTurnAndIsCountedAsWaiting() throws Exception {
        try (var turns = new VcpuTurns(new RoundRobinScheduler(SLICE), 1);
                VcpuTurns.Turn sleeper = turns.join(VcpuTask.of("sleeper", 0), () -> {})) {
            sleeper.begin();
            sleeper.end();
            var spinner = new Spinner(turns, VcpuTask.of("a", 0), inside, most);
            while (spinner.ran.get() < SPAN / 8) {
                LockSupport.parkNanos(SLICE);
            }
            VcpuScheduler.Statistics asleep = sleeper.statistics();
            spinner.stop();
            assertThat(asleep.waiting()).isGreaterThan(SPAN / 8);
            assertThat(asleep.slices()).isEqualTo(1);
        }
    }

    @Test
    void aClosedSchedulerHoldsNobodyBackAndTakesNobodyIn() {
        var turns = new VcpuTurns(new RoundRobinScheduler(SLICE), 1);
        VcpuTurns.Turn turn = turns.join(VcpuTask.of("a", 0), () -> {});
        turns.close();
        turns.close();
        turn.begin();
        turn.end();
        turn.close();
        assertThatThrownBy(() -> turns.join(VcpuTask.of("a", 1), () -> {})).isInstanceOf(LifecycleException.class)
                .hasMessageContaining("vCPU 1 of a");
    }
}
