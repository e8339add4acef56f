package dev.vz.net.gateway;

import org.jspecify.annotations.Nullable;

/**
 * Deadlines of many things: a wheel of 1024 slots of 16 ms. A deadline more than a turn ahead stays in its slot for further
 * turns. Setting and clearing take constant time and allocate nothing; a deadline is met up to a slot late, never early.
 */
final class TimerWheel {

    private static final int SLOTS = 1024;
    private static final int ASIDE = SLOTS;
    private static final int SHIFT = 24; // 16.8 ms

    private final @Nullable Timed[] slots = new Timed[SLOTS + 1];
    private final long[] occupied = new long[SLOTS / 64];
    private long tick;

    TimerWheel(long now) {
        tick = now >> SHIFT;
    }

    /** Lets {@code timed} expire no later than at {@code deadline}: an earlier one that is set stays. */
    void arm(Timed timed, long deadline) {
        if (timed.timerSlot >= 0) {
            if (timed.deadline - deadline <= 0) {
                return;
            }
            clear(timed);
        }
        timed.deadline = deadline;
        // Rounded up, and never into the slot that has been looked at.
        int slot = (int) (Math.max((deadline >> SHIFT) + 1, tick + 1) & SLOTS - 1);
        link(timed, slot);
    }

    private void link(Timed timed, int slot) {
        Timed first = slots[slot];
        timed.timerNext = first;
        timed.timerPrevious = null;
        if (first != null) {
            first.timerPrevious = timed;
        }
        slots[slot] = timed;
        timed.timerSlot = slot;
        if (slot != ASIDE) {
            occupied[slot >>> 6] |= 1L << slot;
        }
    }

    /** Lets {@code timed} expire no more. */
    void clear(Timed timed) {
        int slot = timed.timerSlot;
        if (slot < 0) {
            return;
        }
        Timed next = timed.timerNext;
        Timed previous = timed.timerPrevious;
        if (next != null) {
            next.timerPrevious = previous;
        }
        if (previous != null) {
            previous.timerNext = next;
        } else {
            slots[slot] = next;
            if (next == null && slot != ASIDE) {
                occupied[slot >>> 6] &= ~(1L << slot);
            }
        }
        timed.timerNext = null;
        timed.timerPrevious = null;
        timed.timerSlot = -1;
    }

    /** Expires every timed whose deadline has come. */
    void advance(long now) {
        long target = now >> SHIFT;
        // After a long pause one turn sees every slot.
        long from = Math.max(tick + 1, target - SLOTS + 1);
        for (long t = from; t <= target; t++) {
            tick = t;
            int slot = (int) (t & SLOTS - 1);
            if ((occupied[slot >>> 6] & 1L << slot) != 0) {
                expireSlot(slot, now);
            }
        }
        tick = Math.max(tick, target);
    }

    private void expireSlot(int slot, long now) {
        // Timeds of later turns are laid aside one by one; so the list may change in any way while handlers run.
        for (Timed timed = slots[slot]; timed != null; timed = slots[slot]) {
            clear(timed);
            if (timed.deadline - now <= 0) {
                timed.expired(now);
            } else {
                link(timed, ASIDE);
            }
        }
        for (Timed timed = slots[ASIDE]; timed != null; timed = slots[ASIDE]) {
            clear(timed);
            link(timed, slot);
        }
    }

    /** Nanoseconds from {@code now} until {@link #advance} has something to look at; -1 if nothing is set. */
    long untilNext(long now) {
        for (int i = 1; i <= SLOTS; i++) {
            int slot = (int) (tick + i & SLOTS - 1);
            long word = occupied[slot >>> 6] >>> slot;
            if (word == 0) {
                i += 63 - (slot & 63); // nothing in the rest of this word
            } else {
                int skip = Long.numberOfTrailingZeros(word);
                return Math.max((tick + Math.min(i + skip, SLOTS) << SHIFT) - now, 1);
            }
        }
        return -1;
    }
}
