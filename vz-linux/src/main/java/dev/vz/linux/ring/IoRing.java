package dev.vz.linux.ring;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.RingCalls;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.file.IoVectors;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.io_cqring_offsets;
import dev.vz.linux.generated.io_sqring_offsets;
import dev.vz.linux.generated.io_uring_cqe;
import dev.vz.linux.generated.io_uring_params;
import dev.vz.linux.memory.MappedMemory;
import dev.vz.linux.memory.Mapping;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * A submission and a completion queue shared with the kernel: io_uring(7), Linux 5.6 or later.
 *
 * <p>
 * Requests are queued, submitted together, and complete in any order; each carries a number of the caller's. Memory that
 * a request names must stay mapped until its completion has been taken: the kernel has bare addresses. One thread at a
 * time uses a ring. Queueing, submitting and taking completions allocate nothing.
 */
public final class IoRing implements AutoCloseable {

    /** Most requests that may be queued between two submissions. */
    public static final int MAXIMUM = 4096;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final VarHandle INDEX = INT.varHandle();

    /** Hears of completions. */
    @FunctionalInterface
    public interface Handler {
        /**
         * A request is done.
         *
         * @param number what the request carried
         * @param result what the call would have returned: a count, or errno negated
         */
        void completed(long number, int result);
    }

    private final FileDescriptor ring;
    private final MappedMemory queues;
    private final MappedMemory entries;
    private final MemorySegment shared;
    private final MemorySegment sqes;
    private final int sqHead;
    private final int sqTail;
    private final int sqMask;
    private final int cqHead;
    private final int cqTail;
    private final int cqMask;
    private final int cqes;
    private final int capacity;
    private int tail;
    private int unsubmitted;
    private boolean closed;

    private IoRing(FileDescriptor ring, MemorySegment parameters) {
        this.ring = ring;
        MemorySegment sq = io_uring_params.sq_off(parameters);
        MemorySegment cq = io_uring_params.cq_off(parameters);
        capacity = io_uring_params.sq_entries(parameters);
        int completions = io_uring_params.cq_entries(parameters);
        cqes = io_cqring_offsets.cqes(cq);
        long size = Math.max(io_sqring_offsets.array(sq) + capacity * (long) Integer.BYTES,
                cqes + completions * io_uring_cqe.sizeof());
        queues = map(LinuxHeaders.IORING_OFF_SQ_RING(), size);
        try {
            entries = map(LinuxHeaders.IORING_OFF_SQES(), capacity * Entry.SIZE);
        } catch (RuntimeException | Error failure) {
            queues.close();
            throw failure;
        }
        shared = queues.segment();
        sqes = entries.segment();
        sqHead = io_sqring_offsets.head(sq);
        sqTail = io_sqring_offsets.tail(sq);
        sqMask = shared.get(INT, io_sqring_offsets.ring_mask(sq));
        cqHead = io_cqring_offsets.head(cq);
        cqTail = io_cqring_offsets.tail(cq);
        cqMask = shared.get(INT, io_cqring_offsets.ring_mask(cq));
        tail = shared.get(INT, sqTail);
        // Slot n of the queue is entry n, for ever: the array between them is filled once.
        for (int i = 0; i < capacity; i++) {
            shared.set(INT, io_sqring_offsets.array(sq) + i * (long) Integer.BYTES, i);
        }
    }

    private MappedMemory map(long offset, long size) {
        long pages = (size + MappedMemory.PAGE - 1) / MappedMemory.PAGE * MappedMemory.PAGE;
        return MappedMemory.map(Mapping.of(ring, offset, pages).named("io_uring"));
    }

    /**
     * A ring with room for {@code entries} requests between two submissions; rounded up to a power of two.
     *
     * @throws HostException {@code ENOSYS} if the kernel has no io_uring, {@code EPERM} if it is forbidden here
     */
    public static IoRing open(int entries) {
        NativeAccess.require();
        if (entries < 1 || entries > MAXIMUM) {
            throw new ConfigurationException("A ring has room for 1 to " + MAXIMUM + " requests, not " + entries);
        }
        // The call is made and its answer read before anything else uses the scratch space.
        MemorySegment parameters = CallState.current().scratch().asSlice(0, io_uring_params.sizeof());
        parameters.fill((byte) 0);
        io_uring_params.flags(parameters, LinuxHeaders.IORING_SETUP_CLAMP());
        int result = RingCalls.setup(entries, parameters);
        if (result < 0) {
            throw new HostException("io_uring_setup", entries + " entries", -result, Errno.name(-result),
                    "use positional I/O on threads instead; sysctl kernel.io_uring_disabled and the sandbox's filter"
                            + " say whether it is allowed");
        }
        FileDescriptor ring = FileDescriptor.adopt(result, "io_uring");
        try {
            MemorySegment copy = MemorySegment.ofArray(new long[(int) io_uring_params.sizeof() / Long.BYTES]);
            copy.copyFrom(parameters);
            if ((io_uring_params.features(copy) & LinuxHeaders.IORING_FEAT_SINGLE_MMAP()) == 0) {
                throw new HostException("io_uring_setup", "io_uring", Errno.EOPNOTSUPP, "EOPNOTSUPP",
                        "this kernel's io_uring is too old: 5.4 or later is needed");
            }
            return new IoRing(ring, copy);
        } catch (RuntimeException | Error failure) {
            ring.close();
            throw failure;
        }
    }

    /** Whether a ring can be opened here. */
    public static boolean isAvailable() {
        try {
            open(1).close();
            return true;
        } catch (HostException refused) {
            return false;
        }
    }

    /** The ring's descriptor, which stays its own: readable while completions wait. */
    public FileDescriptor descriptor() {
        return ring;
    }

    /** Signals {@code event} whenever a completion arrives, so that a loop can wait for it. */
    public void notify(EventFd event) {
        MemorySegment scratch = CallState.current().scratch();
        scratch.set(INT, 0, event.descriptor().value());
        Errno.check("io_uring_register IORING_REGISTER_EVENTFD", ring, RingCalls.register(ring.value(),
                LinuxHeaders.IORING_REGISTER_EVENTFD(), scratch.address(), 1));
    }

    /** How many more requests can be queued before {@link #submit}. */
    public int room() {
        return capacity - (tail - (int) INDEX.getAcquire(shared, (long) sqHead));
    }

    // Queueing

    /** Queues pread(2) into {@code [offset, offset + length)} of {@code buffer}, which is native memory. */
    public void read(FileDescriptor file, long position, MemorySegment buffer, long offset, int length, long number) {
        data(LinuxHeaders.IORING_OP_READ(), file, position, buffer, offset, length, 0, number);
    }

    /** Queues pwrite(2); {@code flags} as for {@code FileIo.pwritev}. */
    public void write(FileDescriptor file, long position, MemorySegment buffer, long offset, int length, int flags,
            long number) {
        data(LinuxHeaders.IORING_OP_WRITE(), file, position, buffer, offset, length, flags, number);
    }

    /** Queues preadv(2); the vectors must not change until it is done. */
    public void readv(FileDescriptor file, long position, IoVectors vectors, long number) {
        entry(LinuxHeaders.IORING_OP_READV(), file, position, vectors.array().address(), vectors.count(), 0, number);
    }

    /** Queues pwritev(2); the vectors must not change until it is done. */
    public void writev(FileDescriptor file, long position, IoVectors vectors, int flags, long number) {
        entry(LinuxHeaders.IORING_OP_WRITEV(), file, position, vectors.array().address(), vectors.count(), flags,
                number);
    }

    /** Queues fdatasync(2). It does not wait for requests that are under way. */
    public void dataSync(FileDescriptor file, long number) {
        entry(LinuxHeaders.IORING_OP_FSYNC(), file, 0, 0, 0, LinuxHeaders.IORING_FSYNC_DATASYNC(), number);
    }

    /** Queues fallocate(2). */
    public void fallocate(FileDescriptor file, int mode, long position, long length, long number) {
        // This operation has its length where others have an address, and its mode where they have a length.
        entry(LinuxHeaders.IORING_OP_FALLOCATE(), file, position, length, mode, 0, number);
    }

    /** Queues nothing, which completes with 0. */
    public void nop(long number) {
        int at = claim();
        fill(at, LinuxHeaders.IORING_OP_NOP(), -1, 0, 0, 0, 0, number);
    }

    /** Queues waiting until {@code descriptor} is ready for one of {@code events}, bits of poll(2). */
    public void poll(FileDescriptor descriptor, int events, long number) {
        entry(LinuxHeaders.IORING_OP_POLL_ADD(), descriptor, 0, 0, 0, events, number);
    }

    private void data(int operation, FileDescriptor file, long position, MemorySegment buffer, long offset, int length,
            int flags, long number) {
        if (!buffer.isNative()) {
            throw new ConfigurationException("The kernel reaches native memory only, not an array of the Java heap");
        }
        if (offset < 0 || length < 0 || length > buffer.byteSize() - offset) {
            throw new ConfigurationException(length + " bytes at offset " + offset + " are not within a piece of "
                    + buffer.byteSize() + " bytes");
        }
        entry(operation, file, position, buffer.address() + offset, length, flags, number);
    }

    private void entry(int operation, FileDescriptor file, long position, long address, int length, int flags,
            long number) {
        int descriptor = file.value();
        fill(claim(), operation, descriptor, position, address, length, flags, number);
    }

    private int claim() {
        if (closed) {
            throw new LifecycleException("The ring is closed");
        }
        if (room() == 0) {
            throw new LifecycleException("The ring's " + capacity + " places are taken; submit first");
        }
        return tail & sqMask;
    }

    private void fill(int index, int operation, int descriptor, long position, long address, int length, int flags,
            long number) {
        long at = index * Entry.SIZE;
        sqes.set(LONG, at, operation & 0xffL | (long) descriptor << 32);
        sqes.set(LONG, at + Entry.OFFSET, position);
        sqes.set(LONG, at + Entry.ADDRESS, address);
        sqes.set(INT, at + Entry.LENGTH, length);
        sqes.set(INT, at + Entry.FLAGS, flags);
        sqes.set(LONG, at + Entry.NUMBER, number);
        sqes.set(LONG, at + 40, 0);
        sqes.set(LONG, at + 48, 0);
        sqes.set(LONG, at + 56, 0);
        tail++;
        unsubmitted++;
    }

    // Submitting and completing

    /** How many queued requests the kernel has not seen yet. */
    public int unsubmitted() {
        return unsubmitted;
    }

    /**
     * Hands the queued requests to the kernel and waits for completions.
     *
     * @param waitFor how many completions must be there before it returns; 0 does not wait
     * @throws HostException if the kernel refuses; a signal is no refusal
     */
    public void submit(int waitFor) {
        if (closed) {
            throw new LifecycleException("The ring is closed");
        }
        // The entries are written before the kernel sees the new tail.
        INDEX.setRelease(shared, (long) sqTail, tail);
        do {
            int result = RingCalls.enter(ring.value(), unsubmitted, waitFor,
                    waitFor > 0 ? LinuxHeaders.IORING_ENTER_GETEVENTS() : 0);
            if (result >= 0) {
                unsubmitted -= result;
            } else if (result != -Errno.EINTR && result != -Errno.EAGAIN && result != -Errno.EBUSY) {
                throw Errno.failure("io_uring_enter", ring, result);
            } else if (waitFor > 0 || result != -Errno.EINTR) {
                return; // the caller takes completions, which makes room, and submits again
            }
        } while (unsubmitted > 0);
    }

    /** Takes all completions that are there, telling {@code handler} of each; returns how many. */
    public int drain(Handler handler) {
        int taken = 0;
        int head = shared.get(INT, cqHead);
        while (head != (int) INDEX.getAcquire(shared, (long) cqTail)) {
            long at = cqes + (head & cqMask) * Entry.COMPLETION_SIZE;
            long number = shared.get(LONG, at);
            int result = shared.get(INT, at + Long.BYTES);
            head++;
            // The place is the kernel's again before the handler runs, which may queue and submit.
            INDEX.setRelease(shared, (long) cqHead, head);
            handler.completed(number, result);
            taken++;
        }
        return taken;
    }

    /** Gives the ring back. Requests that are under way may still use their memory for a while. Idempotent. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            entries.close();
            queues.close();
            ring.close();
        }
    }

    @Override
    public String toString() {
        return ring.toString();
    }

    /** The fields of {@code struct io_uring_sqe}, whose anonymous unions have no names to bind. */
    static final class Entry {
        static final long SIZE = 64;
        static final long OFFSET = 8;
        static final long ADDRESS = 16;
        static final long LENGTH = 24;
        static final long FLAGS = 28;
        static final long NUMBER = 32;
        static final long COMPLETION_SIZE = 16;

        private Entry() {}
    }
}
