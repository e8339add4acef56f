package dev.vz.machine.clock;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Allocations;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class MachineClockTest {

    @Test
    void a_manual_clock_runs_its_timers_in_the_order_of_their_deadlines_and_at_them() {
        var clock = new ManualClock(1_000);
        var log = new ArrayList<String>();
        MachineClock.Timer a = clock.timer(() -> log.add("a@" + clock.nanos()));
        MachineClock.Timer b = clock.timer(() -> {
            log.add("b@" + clock.nanos());
            a.arm(clock.nanos() + 5);
        });
        a.arm(30);
        b.arm(20);
        clock.advance(24);
        assertThat(log).containsExactly("b@20");
        clock.advance(6);
        assertThat(log).containsExactly("b@20", "a@25");
        assertThat(clock.epochNanos()).isEqualTo(1_030);
    }

    @Test
    void a_disarmed_timer_does_not_expire() {
        var clock = new ManualClock(0);
        var count = new AtomicInteger();
        MachineClock.Timer timer = clock.timer(count::incrementAndGet);
        timer.arm(10);
        timer.disarm();
        clock.advance(100);
        assertThat(count).hasValue(0);
    }

    @Test
    void the_system_clock_expires_timers_not_before_their_deadline() throws Exception {
        try (var clock = new SystemClock("test-clock")) {
            var latch = new CountDownLatch(1);
            long[] at = new long[1];
            MachineClock.Timer late = clock.timer(() -> {});
            late.arm(clock.nanos() + TimeUnit.HOURS.toNanos(1));
            MachineClock.Timer timer = clock.timer(() -> {
                at[0] = clock.nanos();
                latch.countDown();
            });
            long deadline = clock.nanos() + 20_000_000;
            timer.arm(deadline);
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
            assertThat(at[0]).isGreaterThanOrEqualTo(deadline);
        }
    }

    @Test
    void a_timer_that_throws_does_not_stop_the_others() throws Exception {
        try (var clock = new SystemClock("test-clock")) {
            var latch = new CountDownLatch(1);
            clock.timer(() -> {
                throw new IllegalStateException("a device's mistake, expected in this test");
            }).arm(clock.nanos());
            clock.timer(latch::countDown).arm(clock.nanos() + 1_000_000);
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void closing_the_system_clock_ends_its_thread() {
        var clock = new SystemClock("test-clock-that-ends");
        clock.timer(() -> {}).arm(clock.nanos() + TimeUnit.HOURS.toNanos(1));
        assertThat(Thread.getAllStackTraces().keySet()).anyMatch(t -> t.getName().equals("test-clock-that-ends"));
        clock.close();
        assertThat(Thread.getAllStackTraces().keySet()).noneMatch(t -> t.getName().equals("test-clock-that-ends"));
        clock.close();
    }

    @Test
    @Tag("allocation")
    void arming_a_timer_allocates_nothing() {
        try (var clock = new SystemClock("test-clock")) {
            MachineClock.Timer timer = clock.timer(() -> {});
            assertThat(Allocations.perCall(20_000, () -> timer.arm(clock.nanos() + 3_600_000_000_000L))).isZero();
        }
    }
}
