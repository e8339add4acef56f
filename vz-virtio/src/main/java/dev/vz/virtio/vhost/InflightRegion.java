package dev.vz.virtio.vhost;

import dev.vz.error.FormatException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.file.FileStatus;
import dev.vz.linux.memory.MappedMemory;
import dev.vz.linux.memory.Mapping;
import dev.vz.linux.memory.MemoryFile;
import dev.vz.linux.memory.Seal;
import dev.vz.virtio.queue.InflightLog;
import java.util.EnumSet;
import org.jspecify.annotations.Nullable;

/**
 * The memory in which queues note what is in flight. The front end keeps it while no back end is there, and hands it to
 * the next one.
 */
final class InflightRegion implements AutoCloseable {

    private static final long PAGE = 4096;

    private final MappedMemory mapping;
    private final long offset;
    private final long size;
    private final int queues;
    private final int queueSize;
    private final @Nullable MemoryFile file;

    private InflightRegion(MappedMemory mapping, long offset, long size, int queues, int queueSize,
            @Nullable MemoryFile file) {
        this.mapping = mapping;
        this.offset = offset;
        this.size = size;
        this.queues = queues;
        this.queueSize = queueSize;
        this.file = file;
    }

    /** A new one, large enough for packed queues or for split ones. */
    static InflightRegion create(int queues, int queueSize, boolean packed) {
        long size = size(queues, queueSize, packed);
        MemoryFile file = MemoryFile.create("vhost-user in flight", size);
        try {
            file.seal(EnumSet.of(Seal.SHRINK, Seal.GROW, Seal.SEAL));
            return new InflightRegion(MappedMemory.map(file.mapping(0)), 0, size, queues, queueSize, file);
        } catch (RuntimeException | Error failure) {
            file.close();
            throw failure;
        }
    }

    /** One that the front end has kept. The descriptor stays the caller's. */
    static InflightRegion of(FileDescriptor descriptor, long size, long offset, int queues, int queueSize) {
        long needed = size(queues, queueSize, false);
        FileStatus status = FileStatus.of(descriptor);
        if (offset < 0 || size < queues * stride(queueSize, false) || size > 1L << 30 || offset > status.size() - size
                || status.kind() != FileStatus.Kind.REGULAR) {
            throw new FormatException("a region of " + size + " bytes at " + offset + " for what is in flight does not"
                    + " lie in a file of " + status.size() + " bytes, or does not hold the " + needed + " bytes of "
                    + queues + " queues of " + queueSize);
        }
        long start = offset / PAGE * PAGE;
        long end = Math.ceilDiv(offset + size, PAGE) * PAGE;
        MappedMemory mapping = MappedMemory.map(Mapping.of(descriptor, start, Math.min(end,
                Math.ceilDiv(status.size(), PAGE) * PAGE) - start));
        return new InflightRegion(mapping, offset - start, size, queues, queueSize, null);
    }

    private static long stride(int queueSize, boolean packed) {
        // Each queue's part on lines of the cache of its own.
        return Math.ceilDiv(InflightLog.bytes(queueSize, packed), 64L) * 64;
    }

    private static long size(int queues, int queueSize, boolean packed) {
        return Math.ceilDiv(queues * stride(queueSize, packed), PAGE) * PAGE;
    }

    long size() {
        return size;
    }

    /** The descriptor of a region that was made here. */
    FileDescriptor descriptor() {
        MemoryFile own = file;
        if (own == null) {
            throw new FormatException("the front end's own region for what is in flight has no descriptor here");
        }
        return own.descriptor();
    }

    /** The part of queue {@code index}, if it has that size and the region is large enough for its kind. */
    @Nullable
    InflightLog log(int index, int entries, boolean packed) {
        long stride = stride(queueSize, packed);
        if (index >= queues || entries > queueSize || (index + 1) * stride > size) {
            return null;
        }
        return InflightLog.of(mapping.segment().asSlice(offset + index * stride, stride), entries, packed);
    }

    @Override
    public void close() {
        mapping.close();
        MemoryFile own = file;
        if (own != null) {
            own.close();
        }
    }
}
