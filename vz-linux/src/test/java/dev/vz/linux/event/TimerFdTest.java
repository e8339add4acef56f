package dev.vz.linux.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.testing.Allocations;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class TimerFdTest {

    private static final long MILLISECOND = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long HOUR = TimeUnit.HOURS.toNanos(1);

    @Test
    void expiresOnceAfterItsDelay() {
        try (var timer = TimerFd.blocking(TimerFd.Clock.MONOTONIC)) {
            assertThat(timer.remaining()).isZero();
            // Long enough that it does not expire before it is looked at.
            timer.armAfter(HOUR, 0);
            assertThat(timer.remaining()).isPositive().isLessThanOrEqualTo(HOUR);
            long start = System.nanoTime();
            timer.armAfter(20 * MILLISECOND, 0);
            assertThat(timer.take()).isEqualTo(1);
            assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(20 * MILLISECOND);
            assertThat(timer.remaining()).isZero();
        }
    }

    @Test
    void countsPeriodsThatNobodyTook() throws Exception {
        try (var timer = TimerFd.nonBlocking(TimerFd.Clock.BOOTTIME)) {
            timer.armAfter(MILLISECOND, MILLISECOND);
            Thread.sleep(30);
            assertThat(timer.take()).isBetween(10L, 10_000_000L);
            timer.disarm();
            timer.take();
            Thread.sleep(5);
            assertThat(timer.take()).isZero();
        }
    }

    @Test
    void aTimeThatHasPassedExpiresAtOnce() {
        try (var timer = TimerFd.blocking(TimerFd.Clock.REALTIME)) {
            timer.armAt(1, 0);
            assertThat(timer.take()).isEqualTo(1);
            timer.armAfter(-5, 0);
            assertThat(timer.take()).isEqualTo(1);
            timer.armAt(TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis()) + HOUR, 0);
            assertThat(timer.remaining()).isBetween(HOUR / 2, HOUR + HOUR / 2);
        }
    }

    @Test
    void refusesImpossibleTimes() {
        try (var timer = TimerFd.nonBlocking(TimerFd.Clock.MONOTONIC)) {
            assertThatThrownBy(() -> timer.armAt(0, 0)).isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> timer.armAfter(1, -1)).isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    void wakesAnEventLoop() {
        try (var timer = TimerFd.nonBlocking(TimerFd.Clock.MONOTONIC); var loop = new EpollLoop("timer")) {
            var taken = new long[1];
            loop.register(timer.descriptor(), Readiness.IN, (registration, readiness) -> taken[0] = timer.take());
            timer.armAfter(MILLISECOND, 0);
            assertThat(loop.poll(60_000)).isEqualTo(1);
            assertThat(taken[0]).isEqualTo(1);
        }
    }

    @Test
    @Tag("allocation")
    void armingAllocatesNothing() {
        try (var timer = TimerFd.nonBlocking(TimerFd.Clock.MONOTONIC)) {
            assertThat(Allocations.perCall(20_000, () -> {
                timer.armAfter(HOUR, 0);
                if (timer.take() != 0 || timer.remaining() == 0) {
                    throw new AssertionError("an hour has not passed");
                }
            })).isZero();
        }
    }
}
