package dev.vz.storage;

import dev.vz.block.BlockRequest;
import dev.vz.error.ConfigurationException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.CompressingDriver;
import dev.vz.storage.image.ImageDriver;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;

/** Moves data between buffers and the places that a driver names, down the backing chain. */
final class ImageIo {

    private static final MemorySegment ZEROS = Arena.global().allocate(IoContext.BOUNCE);

    private final ImageDriver driver;
    private volatile @Nullable ImageIo backing;
    private final StampedLock use;
    private final IoContext.Pool contexts = new IoContext.Pool();

    ImageIo(ImageDriver driver, @Nullable ImageIo backing) {
        this.driver = driver;
        this.backing = backing;
        this.use = driver.use();
    }

    /** Reads zeros from now on where the driver has nothing; no request is under way. */
    void detach() {
        backing = null;
    }

    /** Reads from {@code below} from now on where the driver has nothing; no request is under way. */
    void attach(ImageIo below) {
        backing = below;
    }

    void read(BlockRequest request) {
        long at = request.offset();
        for (int i = 0; i < request.bufferCount(); i++) {
            long length = request.bufferLength(i);
            read(at, request.segment(i), request.bufferOffset(i), length);
            at += length;
        }
    }

    /** Reads as {@link #read} does, if neither storage nor another thread need be waited for; whether all was read. */
    boolean readNow(BlockRequest request) {
        if (driver.isPlain()) {
            return plainNow(request);
        }
        long at = request.offset();
        for (int i = 0; i < request.bufferCount(); i++) {
            MemorySegment buffer = request.buffer(i);
            if (!readNow(at, buffer, 0, buffer.byteSize())) {
                return false;
            }
            at += buffer.byteSize();
        }
        return true;
    }

    private boolean readNow(long offset, MemorySegment target, long targetOffset, long length) {
        long stamp = use.tryReadLock();
        if (stamp == 0) {
            return false;
        }
        IoContext context = contexts.take();
        try {
            long done = 0;
            while (done < length) {
                long run = readRunNow(context, offset + done, target, targetOffset + done, length - done);
                if (run == 0) {
                    return false;
                }
                done += run;
            }
            return true;
        } finally {
            contexts.give(context);
            use.unlockRead(stamp);
        }
    }

    private long readRunNow(IoContext context, long offset, MemorySegment target, long targetOffset, long length) {
        Mapping mapping = context.mapping;
        if (!driver.locateNow(offset, length, mapping)) {
            return 0;
        }
        long run = mapping.length();
        ImageIo below = backing;
        return switch (mapping.kind()) {
            case DATA -> file(mapping).readNow(mapping.fileOffset(), target, targetOffset, run) ? run : 0;
            case COMPRESSED -> 0; // unpacking takes its time
            case UNALLOCATED -> below == null || offset >= below.driver.size() ? zeros(target, targetOffset, run)
                    : belowNow(below, offset, target, targetOffset, run);
            case ZERO -> zeros(target, targetOffset, run);
        };
    }

    private static long belowNow(ImageIo below, long offset, MemorySegment target, long targetOffset, long length) {
        long within = Math.min(length, below.driver.size() - offset);
        return below.readNow(offset, target, targetOffset, within) ? within : 0;
    }

    private static long zeros(MemorySegment target, long offset, long length) {
        target.asSlice(offset, length).fill((byte) 0);
        return length;
    }

    /** Writes as {@link #write} does, if nobody need be waited for as far as is known; whether all was written. */
    boolean writeNow(BlockRequest request) {
        return driver.isPlain() && plainNow(request);
    }

    private boolean plainNow(BlockRequest request) {
        long stamp = use.tryReadLock();
        if (stamp == 0) {
            return false;
        }
        try {
            ImageFile file = driver.file();
            return request.operation() == BlockRequest.Operation.READ ? file.readNow(request) : file.writeNow(request);
        } finally {
            use.unlockRead(stamp);
        }
    }

    void write(BlockRequest request) {
        long at = request.offset();
        for (int i = 0; i < request.bufferCount(); i++) {
            long length = request.bufferLength(i);
            write(at, request.segment(i), request.bufferOffset(i), length);
            at += length;
        }
    }

    /** Reads a range that may reach past the end of this disk, where there are zeros. */
    private void readPadded(long offset, MemorySegment target, long targetOffset, long length) {
        long within = Math.clamp(driver.size() - offset, 0, length);
        read(offset, target, targetOffset, within);
        if (within < length) {
            target.asSlice(targetOffset + within, length - within).fill((byte) 0);
        }
    }

    void read(long offset, MemorySegment target, long targetOffset, long length) {
        IoContext context = contexts.take();
        try {
            long done = 0;
            while (done < length) {
                done += readRun(context, offset + done, target, targetOffset + done, length - done);
            }
        } finally {
            contexts.give(context);
        }
    }

    private long readRun(IoContext context, long offset, MemorySegment target, long targetOffset, long length) {
        Mapping mapping = context.mapping;
        long stamp = use.readLock();
        try {
            driver.locate(offset, length, mapping);
            long run = mapping.length();
            switch (mapping.kind()) {
                case DATA -> file(mapping).read(mapping.fileOffset(), target, targetOffset, run);
                case ZERO -> target.asSlice(targetOffset, run).fill((byte) 0);
                case UNALLOCATED -> {
                    if (backing == null) {
                        target.asSlice(targetOffset, run).fill((byte) 0);
                    } else {
                        backing.readPadded(offset, target, targetOffset, run);
                    }
                }
                case COMPRESSED -> MemorySegment.copy(unpacked(context), mapping.offsetInUnit(), target, targetOffset,
                        run);
            }
            return run;
        } finally {
            use.unlockRead(stamp);
        }
    }

    private static ImageFile file(Mapping mapping) {
        return Objects.requireNonNull(mapping.file());
    }

    private MemorySegment unpacked(IoContext context) {
        Mapping mapping = context.mapping;
        MemorySegment unit = context.unit(driver.unitSize());
        long generation = driver.unitGeneration();
        if (context.unitFileOffset == mapping.fileOffset() && context.unitGeneration == generation) {
            return unit;
        }
        MemorySegment stored = context.stored(mapping.storedLength());
        file(mapping).read(mapping.fileOffset(), stored, 0, mapping.storedLength());
        context.unitFileOffset = -1;
        driver.unpack(mapping, stored, unit);
        context.unitFileOffset = mapping.fileOffset();
        context.unitGeneration = generation;
        return unit;
    }

    void write(long offset, MemorySegment source, long sourceOffset, long length) {
        IoContext context = contexts.take();
        try {
            long done = 0;
            while (done < length) {
                done += writeRun(context, offset + done, source, sourceOffset + done, length - done);
            }
        } finally {
            contexts.give(context);
        }
    }

    private long writeRun(IoContext context, long offset, MemorySegment source, long sourceOffset, long length) {
        WritePlan plan = context.plan;
        long stamp = use.readLock();
        try {
            driver.prepareWrite(offset, length, plan);
            if (!plan.allocating()) {
                plan.file().write(plan.fileOffset(), source, sourceOffset, plan.length());
                return plan.length();
            }
            boolean written = false;
            try {
                long end = plan.offset() + plan.length();
                fill(context, plan.fillStart(), plan.offset());
                plan.file().expectWrite(plan.fileOffset(), plan.length());
                plan.file().write(plan.fileOffset(), source, sourceOffset, plan.length());
                fill(context, end, plan.fillEnd());
                written = true;
            } finally {
                if (written) {
                    driver.commitWrite(plan);
                } else {
                    driver.abortWrite(plan);
                }
            }
            return plan.length();
        } finally {
            use.unlockRead(stamp);
        }
    }

    /** Puts what the image reads in {@code [from, to)} so far into the plan's new storage. */
    private void fill(IoContext context, long from, long to) {
        WritePlan plan = context.plan;
        long at = from;
        while (at < to) {
            driver.locate(at, to - at, context.mapping);
            long run = context.mapping.length();
            boolean zero = context.mapping.kind() == Mapping.Kind.ZERO
                    || context.mapping.kind() == Mapping.Kind.UNALLOCATED && (backing == null || at >= backing.driver
                            .size());
            long target = plan.fileOffset() + (at - plan.offset());
            if (!zero) {
                run = Math.min(run, IoContext.BOUNCE);
                MemorySegment bounce = context.bounce();
                // The lock is held already, and taking it twice could wait for a writer between the two.
                readHeld(context, at, bounce, run);
                plan.file().write(target, bounce, 0, run);
            } else if (!plan.readsZero()) {
                run = Math.min(run, IoContext.BOUNCE);
                plan.file().write(target, ZEROS, 0, run);
            }
            at += run;
        }
    }

    private void readHeld(IoContext context, long offset, MemorySegment target, long length) {
        Mapping mapping = context.mapping;
        switch (mapping.kind()) {
            case DATA -> file(mapping).read(mapping.fileOffset(), target, 0, length);
            case COMPRESSED -> MemorySegment.copy(unpacked(context), mapping.offsetInUnit(), target, 0, length);
            case UNALLOCATED -> Objects.requireNonNull(backing).readPadded(offset, target, 0, length);
            case ZERO -> target.asSlice(0, length).fill((byte) 0);
        }
    }

    boolean zeroesFast(long offset, long length) {
        int granularity = driver.zeroGranularity();
        return granularity != 0 && offset % granularity == 0
                && (length % granularity == 0 || offset + length == driver.size());
    }

    void writeZeroes(long offset, long length, boolean mayUnmap) {
        long done = 0;
        while (done < length) {
            long stamp = use.readLock();
            long zeroed;
            try {
                zeroed = driver.zero(offset + done, length - done, mayUnmap);
            } finally {
                use.unlockRead(stamp);
            }
            if (zeroed == 0) {
                zeroed = writeZeros(offset + done, length - done);
            }
            done += zeroed;
        }
    }

    /** Writes zeros up to the next place where the driver may do it better, unless it reads as zeros already. */
    private long writeZeros(long offset, long length) {
        int granule = Math.max(driver.granule(), 1);
        int unit = driver.zeroGranularity() == 0 ? granule : driver.zeroGranularity();
        long piece = Math.min(length, unit - offset % unit);
        IoContext context = contexts.take();
        try {
            long stamp = use.readLock();
            try {
                driver.locate(offset, piece, context.mapping);
                Mapping.Kind kind = context.mapping.kind();
                if (kind == Mapping.Kind.ZERO || kind == Mapping.Kind.UNALLOCATED && backing == null) {
                    return context.mapping.length();
                }
            } finally {
                use.unlockRead(stamp);
            }
        } finally {
            contexts.give(context);
        }
        piece = Math.min(piece, ZEROS.byteSize());
        write(offset, ZEROS, 0, piece);
        return piece;
    }

    void discard(long offset, long length) {
        long stamp = use.readLock();
        try {
            driver.discard(offset, length);
        } finally {
            use.unlockRead(stamp);
        }
    }

    void writeCompressed(long offset, MemorySegment source) {
        if (!(driver instanceof CompressingDriver compressing) || driver.unitSize() == 0) {
            throw new ConfigurationException("The format " + driver.format() + " cannot be written compressed");
        }
        int unit = driver.unitSize();
        long end = offset + source.byteSize();
        if (offset < 0 || offset % unit != 0 || end > driver.size() || end % unit != 0 && end != driver.size()) {
            throw new ConfigurationException("Compressed writes are in whole units of " + unit + " bytes, not "
                    + source.byteSize() + " bytes at " + offset);
        }
        for (long done = 0; done < source.byteSize(); done += unit) {
            long piece = Math.min(unit, source.byteSize() - done);
            boolean stored;
            long stamp = use.readLock();
            try {
                stored = compressing.writeCompressed(offset + done, source, done, piece);
            } finally {
                use.unlockRead(stamp);
            }
            if (!stored) {
                write(offset + done, source, done, piece);
            }
        }
    }

    MapExtent map(long offset, long length) {
        IoContext context = contexts.take();
        try {
            long stamp = use.readLock();
            try {
                driver.locate(offset, length, context.mapping);
            } finally {
                use.unlockRead(stamp);
            }
            Mapping mapping = context.mapping;
            long run = mapping.length();
            return switch (mapping.kind()) {
                case DATA -> data(offset, run, mapping);
                case ZERO -> new MapExtent(offset, run, 0, true, true, false, false, mapping.file(),
                        mapping.fileOffset());
                case COMPRESSED -> new MapExtent(offset, run, 0, true, false, true, true, null, 0);
                case UNALLOCATED -> below(offset, run);
            };
        } finally {
            contexts.give(context);
        }
    }

    /** Raw files have holes, which the host's file system knows; within a format's own storage that is not asked. */
    private MapExtent data(long offset, long run, Mapping mapping) {
        ImageFile file = file(mapping);
        long at = mapping.fileOffset();
        if (driver.granule() != 1) {
            return new MapExtent(offset, run, 0, true, false, true, false, file, at);
        }
        long data = file.nextData(at);
        // What a length that is no whole number of sectors leaves behind the file's end is a hole, too.
        boolean hole = data > at || at >= file.size();
        long end = hole ? data : file.nextHole(at);
        return new MapExtent(offset, Math.clamp(end - at, 1, run), 0, true, hole, !hole, false, file, at);
    }

    private MapExtent below(long offset, long run) {
        ImageIo below = backing;
        if (below == null || offset >= below.driver.size()) {
            return new MapExtent(offset, run, 0, false, true, false, false, null, 0);
        }
        MapExtent extent = below.map(offset, Math.min(run, below.driver.size() - offset));
        return new MapExtent(offset, extent.length(), extent.depth() + 1, extent.present(), extent.zero(), extent
                .data(), extent.compressed(), extent.file(), extent.fileOffset());
    }
}
