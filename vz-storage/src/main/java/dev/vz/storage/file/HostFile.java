package dev.vz.storage.file;

import dev.vz.block.BlockRequest;
import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.file.BlockGeometry;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.file.FileSpace;
import dev.vz.linux.file.FileStatus;
import dev.vz.linux.file.IoVectors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A regular file or block device of the host, by positional system calls through the page cache.
 *
 * <p>
 * Buffers in native memory are handed to the kernel as they are; those on the Java heap are copied on the way. Reads and
 * writes allocate nothing.
 */
public final class HostFile implements ImageFile {

    private static final int BOUNCE = 64 * 1024;
    private static final MemorySegment ZEROS = Arena.global().allocate(BOUNCE);
    private static final ThreadLocal<MemorySegment> HEAP_BOUNCE = ThreadLocal
            .withInitial(() -> Arena.ofAuto().allocate(BOUNCE));

    private static final ThreadLocal<IoVectors> VECTORS = ThreadLocal
            .withInitial(() -> new IoVectors(IoVectors.MAXIMUM));

    /** Bytes: taking storage for fewer costs as much as it saves. */
    private static final long BULK = 256 * 1024;

    private record Identity(long device, long inode) {}

    private enum Preparing {
        UNKNOWN, HELPS, IS_USELESS
    }

    private final FileDescriptor descriptor;
    private final boolean readOnly;
    private final boolean blockDevice;
    private final CacheMode cacheMode;
    private final Identity identity;
    /** The length as this object has seen and made it: asking the kernel before every allocation costs more than a read. */
    private final AtomicLong size;
    /** Until the host says that it cannot tell what is in its cache. */
    private volatile boolean knowsCached = true;
    private final WritePace pace = new WritePace(System::nanoTime);
    /** Whether a write is cheaper where storage was taken for it; until the file system is asked, it is not known. */
    private volatile Preparing preparing = Preparing.UNKNOWN;

    private HostFile(FileDescriptor descriptor, boolean readOnly, CacheMode cacheMode) {
        this.descriptor = descriptor;
        this.readOnly = readOnly;
        this.cacheMode = cacheMode;
        FileStatus status = FileStatus.of(descriptor);
        switch (status.kind()) {
            case REGULAR -> {
                blockDevice = false;
                size = new AtomicLong(status.size());
            }
            case BLOCK_DEVICE -> {
                blockDevice = true;
                size = new AtomicLong(BlockGeometry.of(descriptor).size());
            }
            default -> throw new ConfigurationException("An image can live in a file or a block device, but "
                    + descriptor.description() + " is a " + status.kind());
        }
        identity = blockDevice ? new Identity(-1, status.specialDevice())
                : new Identity(status.device(), status.inode());
    }

    /** Opens a file that exists. */
    public static HostFile open(Path path, boolean readOnly, CacheMode cacheMode) {
        return adopt(FileDescriptor.open(path, flags(readOnly ? OpenFlag.READ : OpenFlag.READ_WRITE, cacheMode)),
                readOnly, cacheMode);
    }

    /** Opens a file that exists, with writes into the page cache. */
    public static HostFile open(Path path, boolean readOnly) {
        return open(path, readOnly, CacheMode.WRITEBACK);
    }

    /** Makes an empty file, in place of one that may be there; a block device is opened as it is. */
    public static HostFile create(Path path) {
        return create(path, CacheMode.WRITEBACK);
    }

    /** Makes an empty file, in place of one that may be there; a block device is opened as it is. */
    public static HostFile create(Path path, CacheMode cacheMode) {
        return adopt(FileDescriptor.open(path, 0644, OpenFlag.READ_WRITE, OpenFlag.CREATE, OpenFlag.TRUNCATE), false,
                cacheMode);
    }

    /** Takes over an open descriptor. */
    public static HostFile adopt(FileDescriptor descriptor, boolean readOnly, CacheMode cacheMode) {
        try {
            return new HostFile(descriptor, readOnly, cacheMode);
        } catch (RuntimeException failure) {
            descriptor.close();
            throw failure;
        }
    }

    private static OpenFlag[] flags(OpenFlag access, CacheMode cacheMode) {
        return cacheMode == CacheMode.WRITETHROUGH ? new OpenFlag[] {access, OpenFlag.DSYNC} : new OpenFlag[] {access};
    }

    @Override
    public String name() {
        return descriptor.description();
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public long size() {
        return size.get();
    }

    @Override
    public long allocatedBytes() {
        return FileStatus.of(descriptor).allocatedBytes();
    }

    @Override
    public Object identity() {
        return identity;
    }

    @Override
    public void read(long position, MemorySegment target, long offset, long length) {
        if (!target.isNative()) {
            MemorySegment bounce = HEAP_BOUNCE.get();
            for (long done = 0; done < length; done += BOUNCE) {
                long piece = Math.min(BOUNCE, length - done);
                read(position + done, bounce, 0, piece);
                MemorySegment.copy(bounce, 0, target, offset + done, piece);
            }
            return;
        }
        long done = 0;
        while (done < length) {
            long result = FileIo.pread(descriptor, position + done, target, offset + done, length - done);
            if (result == 0) {
                target.asSlice(offset + done, length - done).fill((byte) 0);
                return;
            }
            if (result > 0) {
                done += result;
            } else if (result != -Errno.EINTR) {
                throw Errno.failure("pread of " + length + " bytes at " + position, descriptor, result);
            }
        }
    }

    @Override
    public boolean readNow(long position, MemorySegment target, long offset, long length) {
        if (!knowsCached || target.isReadOnly() || !isReachable(target)) {
            return false;
        }
        IoVectors vectors = vectors();
        vectors.add(target, offset, length);
        return readNow(position, vectors);
    }

    @Override
    public boolean readNow(BlockRequest request) {
        if (!knowsCached || request.bufferCount() > IoVectors.MAXIMUM) {
            return false;
        }
        IoVectors vectors = vectors();
        return add(request, vectors) && readNow(request.offset(), vectors);
    }

    private boolean readNow(long position, IoVectors vectors) {
        long wanted = vectors.bytes();
        long result = FileIo.preadv(descriptor, position, vectors, FileIo.NO_WAIT);
        vectors.clear();
        if (result == -Errno.EOPNOTSUPP || result == -Errno.EINVAL) {
            knowsCached = false;
        }
        return result == wanted;
    }

    private static IoVectors vectors() {
        IoVectors vectors = VECTORS.get();
        vectors.clear();
        return vectors;
    }

    /** The kernel gets a bare address, so memory that is gone or another thread's is left to the careful way. */
    private static boolean isReachable(MemorySegment segment) {
        return segment.isNative() && segment.scope().isAlive() && segment.isAccessibleBy(Thread.currentThread());
    }

    /** Adds all buffers, or none. */
    private static boolean add(BlockRequest request, IoVectors vectors) {
        boolean filled = request.operation() == BlockRequest.Operation.READ;
        for (int i = 0; i < request.bufferCount(); i++) {
            MemorySegment segment = request.segment(i);
            if (!isReachable(segment) || filled && segment.isReadOnly()) {
                vectors.clear();
                return false;
            }
            vectors.add(segment, request.bufferOffset(i), request.bufferLength(i));
        }
        return true;
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        if (!source.isNative()) {
            MemorySegment bounce = HEAP_BOUNCE.get();
            for (long done = 0; done < length; done += BOUNCE) {
                long piece = Math.min(BOUNCE, length - done);
                MemorySegment.copy(source, offset + done, bounce, 0, piece);
                write(position + done, bounce, 0, piece);
            }
            return;
        }
        long done = 0;
        while (done < length) {
            long result = FileIo.pwrite(descriptor, position + done, source, offset + done, length - done);
            if (result >= 0) {
                done += result;
            } else if (result != -Errno.EINTR) {
                throw Errno.failure("pwrite of " + length + " bytes at " + position, descriptor, result);
            }
        }
        grown(position + length);
    }

    @Override
    public boolean writeNow(long position, MemorySegment source, long offset, long length) {
        if (!takesNow(position, length) || !isReachable(source)) {
            return false;
        }
        IoVectors vectors = vectors();
        vectors.add(source, offset, length);
        return writeNow(position, vectors);
    }

    @Override
    public boolean writeNow(BlockRequest request) {
        if (!takesNow(request.offset(), request.length()) || request.bufferCount() > IoVectors.MAXIMUM) {
            return false;
        }
        IoVectors vectors = vectors();
        return add(request, vectors) && writeNow(request.offset(), vectors);
    }

    private boolean takesNow(long position, long length) {
        return !readOnly && cacheMode != CacheMode.WRITETHROUGH && length <= size.get() - position && pace.isPrompt();
    }

    private boolean writeNow(long position, IoVectors vectors) {
        long wanted = vectors.bytes();
        long begun = pace.begin();
        long result = FileIo.pwritev(descriptor, position, vectors, 0);
        vectors.clear();
        pace.written(begun, wanted);
        return result == wanted;
    }

    /**
     * ext4 keeps account of each block of a write that it has no place for yet; for a range that has one, a write into its
     * cache takes little more than half the time. It is the only file system of which that has been measured, and others
     * do worse things with storage taken early: btrfs does not compress it, tmpfs fills it with zeros.
     */
    @Override
    public void expectWrite(long position, long length) {
        if (length < BULK || preparing == Preparing.IS_USELESS) {
            return;
        }
        if (preparing == Preparing.UNKNOWN) {
            preparing = isOnExt4() ? Preparing.HELPS : Preparing.IS_USELESS;
        }
        try {
            if (preparing == Preparing.HELPS) {
                FileSpace.reserve(descriptor, position, length);
            }
        } catch (HostException refused) {
            // The write will say what is wrong, if anything is: a full disk, for one.
            preparing = Preparing.IS_USELESS;
        }
    }

    private boolean isOnExt4() {
        try {
            return !blockDevice && Files.getFileStore(Path.of("/proc/self/fd/" + descriptor.value())).type().equals(
                    "ext4");
        } catch (IOException unknown) {
            return false;
        }
    }

    @Override
    public void flush() {
        if (!readOnly && cacheMode != CacheMode.UNSAFE) {
            FileSpace.syncData(descriptor);
        }
    }

    @Override
    public void resize(long size) {
        if (blockDevice) {
            if (size > this.size.get()) {
                throw new ConfigurationException("The block device " + name() + " has " + this.size.get()
                        + " bytes and cannot grow to " + size);
            }
            return;
        }
        FileSpace.resize(descriptor, size);
        this.size.set(size);
    }

    @Override
    public void allocate(long position, long length) {
        if (!blockDevice && length > 0) {
            FileSpace.allocate(descriptor, position, length);
            grown(position + length);
        }
    }

    @Override
    public void discard(long position, long length) {
        long within = Math.min(length, size.get() - position);
        if (within <= 0) {
            return;
        }
        try {
            if (blockDevice) {
                BlockGeometry.discard(descriptor, position, within);
            } else {
                FileSpace.punchHole(descriptor, position, within);
            }
        } catch (HostException refused) {
            // A discard is a hint: a file system without holes keeps the bytes, which is allowed.
            if (refused.errno() != Errno.EOPNOTSUPP) {
                throw refused;
            }
        }
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        long within = Math.clamp(size.get() - position, 0, length);
        if (within > 0 && !zeroedByHost(position, within, mayUnmap)) {
            for (long done = 0; done < within; done += BOUNCE) {
                write(position + done, ZEROS, 0, Math.min(BOUNCE, within - done));
            }
        }
        if (within < length) {
            if (mayUnmap) {
                growTo(position + length);
            } else {
                allocateOrGrow(position + within, length - within);
            }
        }
    }

    private void allocateOrGrow(long position, long length) {
        try {
            allocate(position, length);
        } catch (HostException refused) {
            if (refused.errno() != Errno.EOPNOTSUPP) {
                throw refused;
            }
            growTo(position + length);
        }
    }

    /**
     * Makes the file at least {@code end} bytes long by its last byte, which is the caller's to set: truncating to a
     * length could cut off what another thread is writing further on.
     */
    private void growTo(long end) {
        write(end - 1, ZEROS, 0, 1);
    }

    private boolean zeroedByHost(long position, long length, boolean mayUnmap) {
        try {
            if (blockDevice) {
                BlockGeometry.writeZeroes(descriptor, position, length);
            } else if (mayUnmap) {
                FileSpace.punchHole(descriptor, position, length);
            } else {
                FileSpace.zeroRange(descriptor, position, length);
            }
            return true;
        } catch (HostException refused) {
            if (refused.errno() == Errno.EOPNOTSUPP) {
                return false;
            }
            throw refused;
        }
    }

    @Override
    public long nextData(long position) {
        if (blockDevice || position >= size.get()) {
            return Math.min(position, size.get());
        }
        long found = FileSpace.nextData(descriptor, position);
        return found < 0 ? size.get() : Math.min(found, size.get());
    }

    @Override
    public long nextHole(long position) {
        if (blockDevice || position >= size.get()) {
            return size.get();
        }
        long found = FileSpace.nextHole(descriptor, position);
        return found < 0 ? size.get() : Math.min(found, size.get());
    }

    @Override
    public void close() {
        descriptor.close();
    }

    private void grown(long end) {
        if (end > size.get()) {
            size.accumulateAndGet(end, Math::max);
        }
    }

    @Override
    public String toString() {
        return name();
    }
}
