package dev.vz.emulator.irq;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.clock.ManualClock;
import dev.vz.emulator.clock.Tsc;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A guest that asks its timers for more ticks than anybody can serve gets no more than one in twenty microseconds. */
class FloodedTimersTest {

    private static final long MILLISECOND = 1_000_000;
    private static final int MOST_TICKS = 51;

    private final ManualClock clock = new ManualClock();

    @Test
    void thePitDoesNotTickAtEachPulseOfItsInputClock() {
        var rises = new AtomicInteger();
        var pit = new Pit(clock, level -> rises.addAndGet(level ? 1 : 0));
        pit.write(3, 1, 0x34); // channel 0, both bytes, rate generator
        int before = rises.get();
        pit.write(0, 1, 2);
        pit.write(0, 1, 0);
        clock.advance(MILLISECOND);
        assertThat(rises.get() - before).as("ticks in a millisecond").isBetween(10, MOST_TICKS);
    }

    @Test
    void thePeriodicApicTimerDoesNotTickAtEachPulseOfItsInputClock() {
        var ticks = new AtomicInteger();
        var timer = new ApicTimer(clock, new Tsc(clock), ticks::incrementAndGet);
        timer.setMode(1);
        timer.setDivide(0xB);
        timer.setInitialCount(1);
        clock.advance(MILLISECOND);
        assertThat(ticks.get()).as("ticks in a millisecond").isBetween(10, MOST_TICKS);
    }
}
