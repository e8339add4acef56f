package dev.vz.storage.job;

import dev.vz.block.BlockDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Writers, readers and discards on one disk. Each writer has sectors of its own, in clusters that are everybody's; its
 * {@code n}-th write goes to its sector {@code n % SLOTS} and fills it with {@code n}, so a sector tells how new it is.
 */
final class ChainLoad {

    static final int SECTOR = 512;
    static final int SLOTS = 96;

    /** Told that all writes of {@code writer} before {@code next} were flushed. */
    interface Flushed {
        void flushed(int writer, long next);
    }

    private final BlockDevice disk;
    private final int writers;
    private final long[] next;
    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean end = new AtomicBoolean();
    private final CountDownLatch running;
    private final long first;
    private final int flushEvery;

    private ChainLoad(BlockDevice disk, int writers, long first, int flushEvery) {
        this.disk = disk;
        this.writers = writers;
        this.first = first;
        this.flushEvery = flushEvery;
        next = new long[writers];
        Arrays.fill(next, first);
        running = new CountDownLatch(writers + 1);
    }

    /** Bytes of a disk for so many writers; the last quarter is for discards. */
    static long size(int writers) {
        return region(writers) / 3 * 4;
    }

    private static long region(int writers) {
        return (long) writers * SLOTS * SECTOR;
    }

    /** Begins; the writes before {@code first} are on the disk already. */
    static ChainLoad start(BlockDevice disk, int writers, long first, int flushEvery, Flushed flushed) {
        var load = new ChainLoad(disk, writers, first, flushEvery);
        for (int writer = 0; writer < writers; writer++) {
            int mine = writer;
            load.thread(() -> load.write(mine, flushed));
        }
        load.thread(load::discard);
        return load;
    }

    private void thread(Runnable work) {
        Thread.ofVirtual().start(() -> {
            try {
                work.run();
            } catch (Throwable failure) {
                failures.add(failure);
            } finally {
                running.countDown();
            }
        });
    }

    static long offset(int writer, int writers, long n) {
        return (n % SLOTS * writers + writer) * SECTOR;
    }

    private void write(int writer, Flushed flushed) {
        var random = new Random(writer);
        MemorySegment data = Arena.ofAuto().allocate(SECTOR);
        while (!end.get()) {
            long n = next[writer];
            disk.write(offset(writer, writers, n), fill(data, n));
            next[writer] = n + 1;
            long back = n - random.nextInt(SLOTS);
            if (back >= first && random.nextInt(3) == 0) {
                disk.read(offset(writer, writers, back), data);
                demand(data, back, writer);
            }
            if ((n + 1) % flushEvery == 0) {
                disk.flush();
                flushed.flushed(writer, n + 1);
            }
        }
    }

    private static void demand(MemorySegment data, long n, int writer) {
        for (long at = 0; at < SECTOR; at += 8) {
            long found = data.get(ValueLayout.JAVA_LONG, at);
            if (found != n) {
                throw new AssertionError("write " + n + " of writer " + writer + " reads " + found + " at byte " + at);
            }
        }
    }

    private static MemorySegment fill(MemorySegment data, long n) {
        for (long at = 0; at < SECTOR; at += 8) {
            data.set(ValueLayout.JAVA_LONG, at, n);
        }
        return data;
    }

    private void discard() {
        var random = new Random(99);
        long start = region(writers);
        long length = size(writers) - start;
        MemorySegment data = Arena.ofAuto().allocate(8192);
        while (!end.get()) {
            long at = start + random.nextInt((int) (length / 8192)) * 8192L;
            if (random.nextBoolean()) {
                disk.write(at, data.fill((byte) 7));
            } else {
                disk.discard(at, 8192);
            }
        }
    }

    boolean failed() {
        return !failures.isEmpty();
    }

    /** Ends the load and demands that everything reads as it was written last. */
    void finish() throws InterruptedException {
        end.set(true);
        running.await();
        for (Throwable failure : failures) {
            throw new AssertionError("under load", failure);
        }
        check(disk);
    }

    /** Demands of any disk that it reads as this one's writers left it. */
    void check(BlockDevice other) {
        MemorySegment data = Arena.ofAuto().allocate(SECTOR);
        for (int writer = 0; writer < writers; writer++) {
            for (long n = Math.max(first, next[writer] - SLOTS); n < next[writer]; n++) {
                other.read(offset(writer, writers, n), data);
                demand(data, n, writer);
            }
        }
    }

    /**
     * Demands that nothing flushed is missing after a crash, and no sector is torn.
     *
     * @param least by writer and slot, the last write that is known to be flushed
     * @return the first write that is newer than all on the disk
     */
    static long checkAfterCrash(BlockDevice disk, long[][] least) {
        MemorySegment data = Arena.ofAuto().allocate(SECTOR);
        long newest = 0;
        for (int writer = 0; writer < least.length; writer++) {
            for (int slot = 0; slot < SLOTS; slot++) {
                disk.read(offset(writer, least.length, slot), data);
                long found = data.get(ValueLayout.JAVA_LONG, 0);
                demand(data, found, writer);
                if (found < least[writer][slot] || found != 0 && found % SLOTS != slot) {
                    throw new AssertionError("writer " + writer + " had flushed write " + least[writer][slot]
                            + " to its sector " + slot + ", which reads " + found);
                }
                newest = Math.max(newest, found + 1);
            }
        }
        return newest;
    }
}
