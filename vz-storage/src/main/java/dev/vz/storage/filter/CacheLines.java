package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The lines of a cache with their states, and their traffic with the device below. A line is empty, or holds a block;
 * then it may be busy (its content is on the way in or out, and nobody touches it), pinned (somebody copies) and dirty.
 * Thread-safe; no I/O happens under the lock.
 */
final class CacheLines {

    private final BlockDevice below;
    private final int lineSize;
    private final long deviceSize;
    private final MemorySegment memory;
    private final SlotMap map;
    private final ReplacementPolicy policy;
    private final ReplacementPolicy.Pinned pinned = this::isPinned;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final long[] keys;
    private final int[] pins;
    private final boolean[] busy;
    private final boolean[] dirty;
    private final int[] free;
    private int freeCount;
    private long hits;
    private long misses;

    CacheLines(BlockDevice below, CacheOptions options) {
        this.below = below;
        this.lineSize = options.lineSize();
        this.deviceSize = below.info().size();
        int lines = options.lines();
        memory = Arena.ofAuto().allocate((long) lines * lineSize, 4096);
        map = new SlotMap(lines);
        policy = switch (options.policy()) {
            case LRU -> new LruPolicy(lines);
            case CLOCK_PRO -> new ClockProPolicy(lines);
            case TINY_LFU -> new TinyLfuPolicy(lines);
        };
        keys = new long[lines];
        pins = new int[lines];
        busy = new boolean[lines];
        dirty = new boolean[lines];
        free = new int[lines];
        for (int i = lines - 1; i >= 0; i--) {
            free[freeCount++] = i;
        }
    }

    private boolean isPinned(int slot) {
        return busy[slot] || pins[slot] > 0;
    }

    /** Bytes of the block {@code key}: a line's, but for the last block of the disk. */
    private int length(long key) {
        return (int) Math.min(lineSize, deviceSize - key * lineSize);
    }

    MemorySegment memory() {
        return memory;
    }

    long offset(int slot) {
        return (long) slot * lineSize;
    }

    long hits() {
        return hits;
    }

    long misses() {
        return misses;
    }

    /** Pins the lines of all blocks from {@code first} to {@code last} if they are there and at rest; whether it did. */
    boolean tryPin(long first, long last, int[] slots) {
        if (!lock.tryLock()) {
            return false;
        }
        try {
            for (long key = first; key <= last; key++) {
                int slot = map.get(key);
                if (slot < 0 || busy[slot]) {
                    return false;
                }
                slots[(int) (key - first)] = slot;
            }
            for (int i = 0; i <= last - first; i++) {
                pins[slots[i]]++;
                policy.used(slots[i]);
            }
            hits += last - first + 1;
            return true;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Pins the line of a block, after bringing it in.
     *
     * @param overwrite whether all of it is about to be written, so that it need not be read
     */
    int pin(long key, boolean overwrite) {
        lock.lock();
        try {
            while (true) {
                int slot = map.get(key);
                if (slot >= 0) {
                    if (busy[slot]) {
                        changed.awaitUninterruptibly();
                        continue;
                    }
                    hits++;
                    pins[slot]++;
                    policy.used(slot);
                    return slot;
                }
                slot = makeRoom(key);
                if (slot < 0) {
                    continue; // the lock was given up meanwhile: look again
                }
                misses++;
                bringIn(key, slot, overwrite);
                pins[slot]++;
                return slot;
            }
        } finally {
            lock.unlock();
        }
    }

    /** An empty slot; -1 if the world may have changed: the caller looks again. Under the lock, which it may give up. */
    @SuppressWarnings("WaitNotInLoop") // the loop is the caller's
    private int makeRoom(long key) {
        if (freeCount > 0) {
            return free[--freeCount];
        }
        int slot = policy.victim(key, pinned);
        if (slot < 0) {
            changed.awaitUninterruptibly();
            return -1;
        }
        if (dirty[slot]) {
            writeOut(slot);
            return -1;
        }
        empty(slot);
        return free[--freeCount];
    }

    private void empty(int slot) {
        map.remove(keys[slot]);
        policy.emptied(slot, keys[slot]);
        free[freeCount++] = slot;
    }

    private void bringIn(long key, int slot, boolean overwrite) {
        keys[slot] = key;
        map.put(key, slot);
        policy.filled(slot, key);
        dirty[slot] = false;
        busy[slot] = true;
        if (overwrite) {
            return; // busy until it is unpinned: until then it shows another block's bytes
        }
        boolean good = false;
        lock.unlock();
        try {
            below.read(key * lineSize, memory.asSlice(offset(slot), length(key)));
            good = true;
        } finally {
            lock.lock();
            busy[slot] = false;
            if (!good) {
                empty(slot);
            }
            changed.signalAll();
        }
    }

    /** Writes a dirty line to the device below. Under the lock, which it gives up; the line is at rest. */
    private void writeOut(int slot) {
        busy[slot] = true;
        dirty[slot] = false;
        boolean good = false;
        lock.unlock();
        try {
            below.write(keys[slot] * lineSize, memory.asSlice(offset(slot), length(keys[slot])));
            good = true;
        } finally {
            lock.lock();
            busy[slot] = false;
            if (!good) {
                dirty[slot] = true; // it is still the only copy
            }
            changed.signalAll();
        }
    }

    /** Lets a line go; {@code written} if its content has changed and is not below yet. */
    void unpin(int slot, boolean written) {
        lock.lock();
        try {
            dirty[slot] |= written;
            // Pinned and busy at once are only lines that were brought in to be overwritten.
            busy[slot] = false;
            if (--pins[slot] == 0) {
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Lets a line go that was to be overwritten and was not: what it holds is nothing. */
    void discardPinned(int slot) {
        lock.lock();
        try {
            boolean fresh = busy[slot];
            busy[slot] = false;
            if (--pins[slot] == 0 && fresh) {
                empty(slot);
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Whether a block is there or on its way. */
    boolean holds(long key) {
        lock.lock();
        try {
            return map.get(key) >= 0;
        } finally {
            lock.unlock();
        }
    }

    /** Writes all dirty lines from {@code first} to {@code last} out; and forgets them if so wished. */
    void writeBack(long first, long last, boolean forget) {
        lock.lock();
        try {
            int slot = 0;
            while (slot < keys.length) {
                long key = keys[slot];
                boolean concerned = key >= first && key <= last && map.get(key) == slot;
                if (!concerned || !dirty[slot] && !forget && !busy[slot]) {
                    slot++;
                } else if (isPinned(slot)) {
                    changed.awaitUninterruptibly();
                } else if (dirty[slot]) {
                    writeOut(slot);
                } else {
                    empty(slot);
                    slot++;
                }
            }
        } finally {
            lock.unlock();
        }
    }
}
