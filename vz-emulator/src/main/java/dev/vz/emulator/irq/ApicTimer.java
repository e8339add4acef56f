package dev.vz.emulator.irq;

import dev.vz.emulator.clock.MachineClock;
import dev.vz.emulator.clock.Tsc;

/**
 * The timer of a local APIC: one-shot, periodic and TSC-deadline (Intel SDM 3A, 11.5.4). It counts one tick a nanosecond,
 * divided as the guest says.
 */
final class ApicTimer {

    private static final int ONE_SHOT = 0;
    private static final int PERIODIC = 1;
    private static final int TSC_DEADLINE = 2;
    /** A guest that asks for a period shorter than this gets this one: it floods itself, not the host. */
    private static final long SHORTEST_PERIOD = 20_000;

    private final MachineClock clock;
    private final Tsc tsc;
    private final MachineClock.Timer timer;
    private final Runnable expired;

    private int mode = ONE_SHOT;
    private int divide;
    private int initialCount;
    /** Whether it counts: not once it has reached zero in one-shot mode, whatever mode comes then. */
    private boolean counting;
    /** Clock time at which the count was {@link #initialCount}. */
    private long startedAt;
    private long deadline;

    /** A stopped timer that calls {@code expired} on the clock's thread. */
    ApicTimer(MachineClock clock, Tsc tsc, Runnable expired) {
        this.clock = clock;
        this.tsc = tsc;
        this.expired = expired;
        this.timer = clock.timer(this::fire);
    }

    synchronized void reset() {
        timer.disarm();
        mode = ONE_SHOT;
        divide = 0;
        initialCount = 0;
        counting = false;
        startedAt = 0;
        deadline = 0;
    }

    /** Bits 18..17 of the timer's local vector table entry changed. */
    synchronized void setMode(int newMode) {
        if (newMode == mode) {
            return;
        }
        long left = currentCount();
        // A change to or from deadline mode disarms the timer (11.5.4.1); between the others it keeps counting.
        if (newMode == TSC_DEADLINE || mode == TSC_DEADLINE) {
            timer.disarm();
            initialCount = 0;
            counting = false;
            deadline = 0;
        }
        counting = counting && left != 0;
        mode = newMode;
        if (counting) {
            startedAt = clock.nanos() - ((initialCount & 0xFFFF_FFFFL) - left) * divisor();
            arm();
        }
    }

    synchronized void setDivide(int value) {
        long left = currentCount();
        divide = value & 0xB;
        if (left > 0) {
            startedAt = clock.nanos() - ((initialCount & 0xFFFF_FFFFL) - left) * divisor();
            arm();
        }
    }

    synchronized int divide() {
        return divide;
    }

    private long divisor() {
        int exponent = (divide & 3 | divide >>> 1 & 4) + 1;
        return 1L << (exponent & 7);
    }

    synchronized void setInitialCount(int value) {
        if (mode == TSC_DEADLINE) {
            return;
        }
        initialCount = value;
        counting = value != 0;
        startedAt = clock.nanos();
        if (value == 0) {
            timer.disarm();
        } else {
            arm();
        }
    }

    synchronized int initialCount() {
        return initialCount;
    }

    private long period() {
        long period = (initialCount & 0xFFFF_FFFFL) * divisor();
        return mode == PERIODIC ? Math.max(period, SHORTEST_PERIOD) : period;
    }

    private void arm() {
        timer.arm(startedAt + period());
    }

    /** The count now, 0 to 2<sup>32</sup>-1. */
    synchronized long currentCount() {
        if (!counting || mode == TSC_DEADLINE) {
            return 0;
        }
        long gone = (clock.nanos() - startedAt) / divisor();
        long initial = initialCount & 0xFFFF_FFFFL;
        if (mode == PERIODIC) {
            return initial - gone % initial;
        }
        return Math.max(0, initial - gone);
    }

    void setDeadline(long value) {
        synchronized (this) {
            if (mode != TSC_DEADLINE) {
                return;
            }
            if (value == 0 || tsc.nanosAt(value) > clock.nanos()) {
                deadline = value;
                if (value == 0) {
                    timer.disarm();
                } else {
                    timer.arm(tsc.nanosAt(value));
                }
                return;
            }
            timer.disarm();
            deadline = 0;
        }
        // It has passed: the interrupt is there before the next instruction.
        expired.run();
    }

    /** IA32_TSC_DEADLINE: 0 once it has fired. */
    synchronized long deadline() {
        return mode == TSC_DEADLINE ? deadline : 0;
    }

    /** The guest moved its TSC: the same deadline is at another time now. */
    synchronized void tscMoved() {
        if (mode == TSC_DEADLINE && deadline != 0) {
            timer.arm(tsc.nanosAt(deadline));
        }
    }

    private void fire() {
        synchronized (this) {
            if (mode == TSC_DEADLINE) {
                if (deadline == 0) {
                    return;
                }
                deadline = 0;
            } else if (!counting) {
                return;
            } else if (mode == PERIODIC) {
                long period = period();
                long now = clock.nanos();
                // Ticks that the host overslept are merged into one, as a busy processor would see them.
                startedAt += Math.max(1, (now - startedAt) / period) * period;
                arm();
            }
        }
        expired.run();
    }

    /** Restores a count in flight, as a snapshot kept it. */
    synchronized void restore(int newMode, int newDivide, int initial, long current) {
        timer.disarm();
        mode = newMode;
        divide = newDivide & 0xB;
        initialCount = initial;
        counting = initial != 0 && (current > 0 || newMode == PERIODIC);
        deadline = 0;
        if (initial != 0 && mode != TSC_DEADLINE) {
            startedAt = clock.nanos() - ((initial & 0xFFFF_FFFFL) - current) * divisor();
            if (current > 0 || mode == PERIODIC) {
                arm();
            }
        }
    }
}
