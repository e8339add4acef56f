package dev.vz.storage.job;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.storage.filter.ChangeTracker;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Copies what has changed on a disk into another one: an incremental backup, or the rounds of a mirror.
 *
 * <p>
 * The marks are taken when it begins, so changes that are made meanwhile are the next backup's. If it fails or is
 * cancelled, what was not copied is marked again, so that the next run goes on where this one stopped. Runs on the
 * caller's thread.
 */
public final class DiskBackup {

    private static final int CHUNK = 1 << 20;

    private DiskBackup() {}

    /**
     * Copies all of {@code source}, holes left out; with marks, what changes meanwhile is copied by the next run.
     *
     * @throws LifecycleException if the control cancelled it
     */
    public static void full(BlockDevice source, BlockDevice target, JobControl control) {
        var everything = new ChangeTracker.Marks(source.info().size(), 1 << 20);
        if (source.info().size() > 0) {
            everything.mark(0, source.info().size());
        }
        incremental(source, everything, target, control);
    }

    /**
     * Copies what {@code marks} says and takes those marks away.
     *
     * @param source where the data is now
     * @param marks  what has changed since {@code target} was last the same
     * @param target at least as large
     * @throws LifecycleException if the control cancelled it
     */
    public static void incremental(BlockDevice source, ChangeTracker.Marks marks, BlockDevice target,
            JobControl control) {
        if (target.info().size() < source.info().size()) {
            throw new ConfigurationException("A backup of " + source.info().size() + " bytes does not fit into "
                    + target + " of " + target.info().size());
        }
        ChangeTracker.Marks taken = marks.take();
        boolean whole = false;
        try (Arena arena = Arena.ofShared()) {
            copy(source, taken, target, control, arena.allocate(CHUNK, 4096));
            target.flush();
            whole = true;
        } finally {
            if (!whole) {
                marks.add(taken);
            }
        }
    }

    private static void copy(BlockDevice source, ChangeTracker.Marks taken, BlockDevice target, JobControl control,
            MemorySegment buffer) {
        long size = source.info().size();
        long total = taken.marked();
        long done = 0;
        long at = taken.nextMarked(0);
        while (at < size) {
            long end = taken.nextClear(at);
            while (at < end) {
                if (control.cancelled()) {
                    throw new LifecycleException("The backup of " + source + " was cancelled after " + done + " of "
                            + total + " bytes; what is missing is still marked");
                }
                long length = Math.min(CHUNK, end - at);
                run(source, target, at, length, buffer);
                taken.clear(at, length);
                done += length;
                at += length;
                control.progress(Math.min(done, total), total);
            }
            at = taken.nextMarked(at);
        }
    }

    private static void run(BlockDevice source, BlockDevice target, long offset, long length, MemorySegment buffer) {
        long at = offset;
        while (at < offset + length) {
            BlockExtent extent = source.status(at, offset + length - at);
            if (extent.zero()) {
                zero(target, at, extent.length());
            } else {
                MemorySegment data = buffer.asSlice(0, extent.length());
                source.read(at, data);
                target.write(at, data);
            }
            at += extent.length();
        }
    }

    private static void zero(BlockDevice target, long offset, long length) {
        long at = offset;
        while (at < offset + length) {
            BlockExtent there = target.status(at, offset + length - at);
            if (!there.zero()) {
                target.writeZeroes(at, there.length());
            }
            at += there.length();
        }
    }
}
