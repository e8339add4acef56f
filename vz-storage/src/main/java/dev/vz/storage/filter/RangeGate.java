package dev.vz.storage.filter;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * Ranges that are held, alone or together with others: one that is wanted alone waits for all that overlap it, and later
 * ones wait for it. First come, first served, so nobody starves. Thread-safe.
 */
final class RangeGate {

    /** A range that is held, or wanted. */
    static final class Hold {
        private final long start;
        private final long end;
        private final boolean alone;
        private boolean held;
        private @Nullable Runnable work;

        private Hold(long start, long end, boolean alone) {
            this.start = start;
            this.end = end;
            this.alone = alone;
        }

        private boolean conflicts(Hold other) {
            return (alone || other.alone) && start < other.end && other.start < end;
        }

        /** Runs {@code work} when it is held: now, or on the thread of whoever releases what is in the way. */
        void whenHeld(Runnable work) {
            synchronized (this) {
                if (!held) {
                    this.work = work;
                    return;
                }
            }
            work.run();
        }

        /** Waits until it is held. */
        void await() {
            var latch = new CountDownLatch(1);
            whenHeld(latch::countDown);
            boolean interrupted = false;
            while (true) {
                try {
                    latch.await();
                    break;
                } catch (InterruptedException later) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }

        private @Nullable Runnable grant() {
            synchronized (this) {
                held = true;
                Runnable waiting = work;
                work = null;
                return waiting;
            }
        }
    }

    /** In the order in which they were wanted. */
    private final List<Hold> holds = new ArrayList<>();

    /** Wants {@code [start, end)}, alone or together with others that want it so. */
    Hold hold(long start, long end, boolean alone) {
        var hold = new Hold(start, end, alone);
        synchronized (holds) {
            boolean free = holds.stream().noneMatch(hold::conflicts);
            holds.add(hold);
            if (free) {
                hold.grant();
            }
        }
        return hold;
    }

    /** Gives a range back; others get theirs. */
    void release(Hold released) {
        var granted = new ArrayList<Runnable>();
        synchronized (holds) {
            holds.remove(released);
            for (int i = 0; i < holds.size(); i++) {
                Hold candidate = holds.get(i);
                if (!candidate.held && holds.subList(0, i).stream().noneMatch(candidate::conflicts)) {
                    Runnable work = candidate.grant();
                    if (work != null) {
                        granted.add(work);
                    }
                }
            }
        }
        granted.forEach(Runnable::run);
    }
}
