package dev.vz.storage.ring;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.file.BlockGeometry;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.file.FileSpace;
import dev.vz.linux.file.FileStatus;
import dev.vz.linux.ring.IoRing;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A raw disk in a file or on a block device of the host, through io_uring.
 *
 * <p>
 * Any thread submits; one thread of the disk's hands requests to the kernel, many at a time, and completes them. Direct
 * disks go past the page cache: offsets and lengths are multiples of the block, and memory that is not aligned is copied.
 * Buffers stay mapped until their request completes. Reads and writes allocate nothing but for such copies.
 */
public final class RingDisk implements BlockDevice {

    private static final int DEPTH = 128;
    private static final long WAKE = -1;
    private static final int PUNCH_HOLE = 0x02 | 0x01;
    private static final int ZERO_RANGE = 0x10;

    private final FileDescriptor file;
    private final BlockInfo info;
    private final boolean regular;
    private final boolean direct;
    private final IoRing ring;
    private final EventFd wake;
    private final Thread thread;
    private final AtomicReference<@Nullable BlockRequest> incoming = new AtomicReference<>();
    private final RingRequest[] table = new RingRequest[DEPTH];
    private final int[] free = new int[DEPTH];
    private int freeCount;
    private @Nullable BlockRequest waiting;
    private @Nullable BlockRequest lastWaiting;
    private volatile boolean closing;
    private boolean closed;

    private RingDisk(FileDescriptor file, BlockInfo info, boolean regular, boolean direct, IoRing ring, EventFd wake) {
        this.file = file;
        this.info = info;
        this.regular = regular;
        this.direct = direct;
        this.ring = ring;
        this.wake = wake;
        for (int i = 0; i < DEPTH; i++) {
            table[i] = new RingRequest(i);
            free[freeCount++] = DEPTH - 1 - i;
        }
        thread = Thread.ofPlatform().name("vz-ring").daemon().unstarted(this::run);
    }

    /**
     * Opens a file or block device that exists.
     *
     * @param direct whether to go past the page cache
     * @throws HostException if it cannot be opened, or if io_uring is not allowed here
     */
    public static RingDisk open(Path path, boolean readOnly, boolean direct) {
        OpenFlag access = readOnly ? OpenFlag.READ : OpenFlag.READ_WRITE;
        FileDescriptor file = direct ? FileDescriptor.open(path, access, OpenFlag.DIRECT)
                : FileDescriptor.open(path, access);
        try {
            FileStatus status = FileStatus.of(file);
            BlockInfo info;
            boolean regular = status.kind() == FileStatus.Kind.REGULAR;
            if (regular) {
                info = new BlockInfo(status.size(), direct ? 512 : 1, 4096, 0, readOnly, 4096, 1 << 30, false);
            } else if (status.kind() == FileStatus.Kind.BLOCK_DEVICE) {
                BlockGeometry geometry = BlockGeometry.of(file);
                info = new BlockInfo(geometry.size(), direct ? geometry.logicalBlockSize() : 1,
                        geometry.physicalBlockSize(), 0, readOnly, geometry.logicalBlockSize(), 1 << 30, false);
            } else {
                throw new ConfigurationException("A disk can be a file or a block device, but " + path + " is a "
                        + status.kind());
            }
            IoRing ring = IoRing.open(DEPTH + 1);
            try {
                var disk = new RingDisk(file, info, regular, direct, ring, EventFd.nonBlocking());
                disk.thread.start();
                return disk;
            } catch (RuntimeException | Error failure) {
                ring.close();
                throw failure;
            }
        } catch (RuntimeException | Error failure) {
            file.close();
            throw failure;
        }
    }

    @Override
    public BlockInfo info() {
        return info;
    }

    @Override
    public void submit(BlockRequest request) {
        BlockResult bad = request.check(info.size());
        if (bad == null && info.readOnly() && request.operation() != Operation.READ
                && request.operation() != Operation.FLUSH) {
            bad = BlockResult.READ_ONLY;
        }
        if (bad == null && direct && (request.offset() % info.logicalBlockSize() != 0
                || request.length() % info.logicalBlockSize() != 0)) {
            bad = BlockResult.INVALID;
        }
        if (bad == null && request.length() == 0 && request.operation() != Operation.FLUSH) {
            bad = BlockResult.OK;
        }
        if (closing) {
            bad = BlockResult.CANCELLED;
        }
        if (bad != null) {
            request.complete(bad);
            return;
        }
        BlockRequest top;
        do {
            top = incoming.get();
            request.next = top;
        } while (!incoming.compareAndSet(top, request));
        if (top == null) {
            wake.signal(); // once for all that come before the thread looks
        }
    }

    // On the disk's thread

    private void run() {
        boolean armed = false;
        while (true) {
            accept();
            if (closing && freeCount == DEPTH && waiting == null && incoming.get() == null) {
                return;
            }
            if (!armed) {
                ring.poll(wake.descriptor(), Readiness.IN, WAKE);
                armed = true;
            }
            ring.submit(1);
            woken = false;
            ring.drain(this::completed);
            armed = !woken;
        }
    }

    private boolean woken;

    /** Takes what has been submitted, in its order, and queues as much as there is room for. */
    private void accept() {
        BlockRequest list = incoming.getAndSet(null);
        BlockRequest ordered = null;
        BlockRequest last = list;
        while (list != null) {
            BlockRequest following = list.next;
            list.next = ordered;
            ordered = list;
            list = following;
        }
        if (ordered != null) {
            if (lastWaiting == null) {
                waiting = ordered;
            } else {
                lastWaiting.next = ordered;
            }
            lastWaiting = last;
        }
        while (waiting != null && freeCount > 0 && ring.room() > 1) {
            BlockRequest request = waiting;
            waiting = request.next;
            request.next = null;
            if (waiting == null) {
                lastWaiting = null;
            }
            RingRequest place = table[free[--freeCount]];
            place.begin(request);
            begin(place, request);
        }
    }

    private void begin(RingRequest place, BlockRequest request) {
        boolean data = request.operation() == Operation.READ || request.operation() == Operation.WRITE;
        try {
            if (data && !RingRequest.usable(request, direct ? info.logicalBlockSize() : 1)) {
                place.useBounce(request, request.operation() == Operation.WRITE);
            }
            queue(place, request);
        } catch (RuntimeException unusable) {
            // A buffer that is closed or read-only, or no memory for a copy: the request's fault or loss, not the disk's.
            finish(place, BlockResult.INVALID, unusable);
        }
    }

    private void queue(RingRequest place, BlockRequest request) {
        long position = request.offset() + place.done;
        switch (request.operation()) {
            case READ -> {
                place.prepareVectors(request);
                ring.readv(file, position, place.vectors, place.index);
            }
            case WRITE -> {
                place.prepareVectors(request);
                ring.writev(file, position, place.vectors, request.has(BlockRequest.FUA) ? FileIo.DATA_SYNC : 0,
                        place.index);
            }
            case FLUSH -> ring.dataSync(file, place.index);
            case DISCARD -> ring.fallocate(file, PUNCH_HOLE, position, request.length(), place.index);
            case WRITE_ZEROES -> {
                place.syncFollows = request.has(BlockRequest.FUA);
                ring.fallocate(file, request.has(BlockRequest.MAY_UNMAP) ? PUNCH_HOLE : ZERO_RANGE, position,
                        request.length(), place.index);
            }
        }
    }

    private void completed(long number, int result) {
        if (number == WAKE) {
            woken = true;
            wake.take();
            return;
        }
        RingRequest place = table[(int) number];
        BlockRequest request = place.request;
        if (request == null) {
            return;
        }
        if (result == -Errno.EINTR || result == -Errno.EAGAIN) {
            queue(place, request);
            return;
        }
        if (place.syncing) {
            end(place, result);
            return;
        }
        switch (request.operation()) {
            case READ, WRITE -> moved(place, request, result);
            case FLUSH -> end(place, result);
            case DISCARD -> end(place, result == -Errno.EOPNOTSUPP ? 0 : result);
            case WRITE_ZEROES -> {
                if (result == -Errno.EOPNOTSUPP) {
                    zeroByHand(place, request);
                } else if (result >= 0 && place.syncFollows) {
                    place.syncing = true;
                    ring.dataSync(file, place.index);
                } else {
                    end(place, result);
                }
            }
        }
    }

    private void moved(RingRequest place, BlockRequest request, int result) {
        if (result < 0) {
            end(place, result);
            return;
        }
        place.done += result;
        if (result == 0 && request.operation() == Operation.READ) {
            place.zeroRest(request);
            place.done = request.length();
        } else if (result == 0) {
            end(place, -Errno.ENOSPC);
            return;
        }
        if (place.done < request.length()) {
            queue(place, request);
            return;
        }
        if (place.bounce != null && request.operation() == Operation.READ) {
            RingRequest.move(request, place.bounce, false);
        }
        end(place, 0);
    }

    /** The file system cannot zero a range: zeros are written, unless only a fast way was wanted. Blocks this thread. */
    private void zeroByHand(RingRequest place, BlockRequest request) {
        if (request.has(BlockRequest.FAST_ONLY)) {
            finish(place, BlockResult.NOT_FAST, null);
            return;
        }
        try (var arena = java.lang.foreign.Arena.ofConfined()) {
            var zeros = arena.allocate(Math.min(1 << 20, request.length()), 4096);
            for (long at = 0; at < request.length(); at += zeros.byteSize()) {
                FileIo.pwriteFully(file, request.offset() + at,
                        zeros.asSlice(0, Math.min(zeros.byteSize(), request.length() - at)));
            }
            place.syncing = true;
            ring.dataSync(file, place.index);
        } catch (HostException refused) {
            finish(place, refused.errno() == Errno.ENOSPC ? BlockResult.NO_SPACE : BlockResult.IO_ERROR, refused);
        }
    }

    private void end(RingRequest place, int result) {
        if (result >= 0) {
            finish(place, BlockResult.OK, null);
        } else {
            finish(place, result == -Errno.ENOSPC ? BlockResult.NO_SPACE : BlockResult.IO_ERROR,
                    Errno.failure("io_uring request " + place.request, file, result));
        }
    }

    private void finish(RingRequest place, BlockResult result, @Nullable Throwable cause) {
        BlockRequest request = place.request;
        place.request = null;
        place.bounce = null;
        free[freeCount++] = place.index;
        if (request == null) {
            return;
        }
        if (cause == null) {
            request.complete(result);
        } else {
            request.fail(result, cause);
        }
    }

    // Off the disk's thread

    @Override
    public BlockExtent status(long offset, long length) {
        if (offset < 0 || length <= 0 || length > info.size() - offset) {
            throw new ConfigurationException("Cannot ask about " + length + " bytes at " + offset + " of "
                    + info.size());
        }
        if (!regular) {
            return new BlockExtent(offset, length, true, false);
        }
        long data = FileSpace.nextData(file, offset);
        if (data != offset) {
            long end = data < 0 ? offset + length : Math.min(data, offset + length);
            return new BlockExtent(offset, end - offset, false, true);
        }
        long hole = FileSpace.nextHole(file, offset);
        return new BlockExtent(offset, Math.min(hole < 0 ? length : hole - offset, length), true, false);
    }

    @Override
    public void close() {
        synchronized (table) {
            if (closed) {
                return;
            }
            closed = true;
        }
        closing = true;
        wake.signal();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        try (file; wake; ring) {
            if (!info.readOnly()) {
                FileSpace.syncData(file);
            }
        }
    }

    @Override
    public String toString() {
        return "disk on " + file;
    }
}
