package dev.vz.storage.job;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.MapExtent;
import dev.vz.storage.image.CompressingDriver;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Copies what one disk reads into another image: conversion between formats, compression, flattening of a chain.
 *
 * <p>
 * What reads as zeros is not written where the target says that it reads as zeros already. Several threads work on
 * different parts of the disk; with one, data lies in the target in the disk's order.
 */
public final class DiskCopy {

    /**
     * How to copy.
     *
     * @param threads     how many threads work at a time, 1 to 64
     * @param compress    whether to store data compressed
     * @param sparseUnit  bytes, a power of two from 512 to 1 MiB: as many zeros in one piece, aligned, are not written;
     *                    0 to write zeros that the source holds as data
     * @param topOnly     whether only what the source's own image holds is copied, without the images below it
     * @param allocateAll whether all of the target is written, zeros too
     * @param targetZero  whether all of the target is known to read as zeros, so that none need be written
     */
    public record Options(int threads, boolean compress, int sparseUnit, boolean topOnly, boolean allocateAll,
            boolean targetZero) {

        /** One thread, as it is, zeros of 4096 bytes and more left out. */
        public static final Options DEFAULT = new Options(1, false, 4096);

        /** The whole chain, and nothing allocated that need not be. */
        public Options(int threads, boolean compress, int sparseUnit) {
            this(threads, compress, sparseUnit, false, false, false);
        }

        /** The same, for the source's own image alone. */
        public Options withTopOnly(boolean topOnly) {
            return new Options(threads, compress, sparseUnit, topOnly, allocateAll, targetZero);
        }

        /** The same, with all of the target written. */
        public Options withAllocateAll(boolean allocateAll) {
            return new Options(threads, compress, sparseUnit, topOnly, allocateAll, targetZero);
        }

        /** The same, into a target that is known to read as zeros or not. */
        public Options withTargetZero(boolean targetZero) {
            return new Options(threads, compress, sparseUnit, topOnly, allocateAll, targetZero);
        }

        /** Checks the numbers. */
        public Options {
            if (threads < 1 || threads > 64) {
                throw new ConfigurationException("A copy has 1 to 64 threads, not " + threads);
            }
            if (sparseUnit != 0 && (sparseUnit < 512 || sparseUnit > 1 << 20 || Integer.bitCount(sparseUnit) != 1)) {
                throw new ConfigurationException(
                        "Zeros are left out in units of a power of two from 512 bytes to 1 MiB, "
                                + "not " + sparseUnit);
            }
        }
    }

    private static final int CHUNK = 4 << 20;
    private static final MemorySegment ZEROS = Arena.global().allocate(2 << 20);

    private final DiskImage source;
    private final DiskImage target;
    private final Options options;
    private final JobControl control;
    private final long start;
    private final long size;
    private final AtomicLong next = new AtomicLong();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private long done;

    private DiskCopy(DiskImage source, DiskImage target, long start, Options options, JobControl control) {
        this.source = source;
        this.target = target;
        this.start = start;
        this.options = options;
        this.control = control;
        this.size = source.info().size();
    }

    /**
     * Copies all of {@code source} over {@code target}, which is at least as large, and flushes it.
     *
     * @throws LifecycleException if the control cancelled it; the target then holds some of the disk
     */
    public static void run(DiskImage source, DiskImage target, Options options, JobControl control) {
        run(source, target, 0, options, control);
    }

    /**
     * Copies all of {@code source} over {@code target} from {@code start} on, and flushes it.
     *
     * @throws LifecycleException if the control cancelled it; the target then holds some of the disk
     */
    public static void run(DiskImage source, DiskImage target, long start, Options options, JobControl control) {
        if (start < 0 || start > target.info().size() || target.info().size() - start < source.info().size()) {
            throw new ConfigurationException("A disk of " + source.info().size() + " bytes does not fit into " + target
                    + " of " + target.info().size());
        }
        if (options.compress() && (!(target.driver() instanceof CompressingDriver) || target.driver()
                .unitSize() == 0)) {
            throw new ConfigurationException("The format " + target.driver().format()
                    + " of the target cannot be written compressed");
        }
        new DiskCopy(source, target, start, options, control).run();
    }

    private void run() {
        var helpers = new ArrayList<Thread>();
        for (int i = 1; i < options.threads(); i++) {
            helpers.add(Thread.ofPlatform().name("vz-copy-" + i).daemon().start(this::work));
        }
        work();
        boolean interrupted = false;
        for (Thread helper : helpers) {
            while (helper.isAlive()) {
                try {
                    helper.join();
                } catch (InterruptedException later) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        switch (failure.get()) {
            case null -> target.flush();
            case RuntimeException exception -> throw exception;
            case Error error -> throw error;
            case Throwable other -> throw new IllegalStateException("a copy failed in an unexpected way", other);
        }
    }

    private void work() {
        MemorySegment buffer = Arena.ofAuto().allocate(CHUNK);
        try {
            while (failure.get() == null) {
                long offset = next.getAndAdd(CHUNK);
                if (offset >= size) {
                    return;
                }
                if (control.cancelled()) {
                    throw new LifecycleException(
                            "Copying " + source + " to " + target + " was cancelled after " + offset
                                    + " bytes");
                }
                long length = Math.min(CHUNK, size - offset);
                chunk(offset, length, buffer);
                finished(length);
            }
        } catch (RuntimeException | Error problem) {
            failure.compareAndSet(null, problem);
        }
    }

    private synchronized void finished(long length) {
        done += length;
        control.progress(done, size);
    }

    private void chunk(long offset, long length, MemorySegment buffer) {
        long at = offset;
        long end = offset + length;
        while (at < end) {
            MapExtent extent = source.map(at, end - at);
            long stop = at + extent.length();
            if (options.topOnly() && (extent.depth() > 0 || !extent.present())) {
                at = stop;
                continue;
            }
            if (extent.zero()) {
                zero(start + at, stop - at);
            } else {
                if (options.compress()) {
                    // A unit is compressed as a whole, whatever the source's extents are.
                    int unit = target.driver().unitSize();
                    at = Math.max(offset, (start + at) / unit * unit - start);
                    stop = Math.min(end, (start + stop + unit - 1) / unit * unit - start);
                }
                MemorySegment data = buffer.asSlice(0, stop - at);
                source.read(at, data);
                if (options.compress()) {
                    compress(start + at, data);
                } else {
                    store(start + at, data);
                }
            }
            at = stop;
        }
    }

    private void zero(long offset, long length) {
        long at = offset;
        while (options.allocateAll() && at < offset + length) {
            long piece = Math.min(ZEROS.byteSize(), offset + length - at);
            target.write(at, ZEROS.asSlice(0, piece));
            at += piece;
        }
        while (at < offset + length && !options.targetZero()) {
            MapExtent there = target.map(at, offset + length - at);
            if (!there.zero()) {
                target.writeZeroes(at, there.length());
            }
            at += there.length();
        }
    }

    private void compress(long offset, MemorySegment data) {
        int unit = target.driver().unitSize();
        long at = 0;
        while (at < data.byteSize()) {
            long stop = pieceEnd(offset, at, data.byteSize(), unit);
            MemorySegment piece = data.asSlice(at, stop - at);
            if (options.sparseUnit() != 0 && isZero(data, at, stop)) {
                zero(offset + at, stop - at);
            } else if (stop - at == unit || (offset + at) % unit == 0 && offset + stop == target.info().size()) {
                target.writeCompressed(offset + at, piece);
            } else {
                target.write(offset + at, piece); // of this unit another disk has the rest
            }
            at = stop;
        }
    }

    private void store(long offset, MemorySegment data) {
        int unit = options.sparseUnit();
        long size = data.byteSize();
        if (unit == 0) {
            target.write(offset, data);
            return;
        }
        long at = 0;
        while (at < size) {
            long start = at;
            long stop = pieceEnd(offset, at, size, unit);
            boolean zero = isZero(data, at, stop);
            do {
                at = stop;
                stop = pieceEnd(offset, at, size, unit);
            } while (at < size && isZero(data, at, stop) == zero);
            if (zero) {
                zero(offset + start, at - start);
            } else {
                target.write(offset + start, data.asSlice(start, at - start));
            }
        }
    }

    /** Where the piece that begins {@code at} bytes behind {@code offset} ends: at a multiple of {@code unit} of the disk. */
    private static long pieceEnd(long offset, long at, long size, int unit) {
        return Math.min(size, at + unit - (offset + at & unit - 1));
    }

    private static boolean isZero(MemorySegment data, long from, long to) {
        return MemorySegment.mismatch(data, from, to, ZEROS, 0, to - from) < 0;
    }
}
