package dev.vz.linux.event;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.EventCalls;
import dev.vz.linux.call.FileCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A counter in the kernel that wakes whoever waits for it: eventfd(2). KVM's irqfd and ioeventfd are made of these.
 *
 * <p>
 * Thread-safe; neither side allocates.
 */
public final class EventFd implements AutoCloseable {

    /** The most that one {@link #tryAdd} can add, and that the counter can hold: 2⁶⁴−2, as an unsigned number. */
    public static final long MAXIMUM = -2L;

    private final FileDescriptor descriptor;
    private final boolean semaphore;

    private EventFd(FileDescriptor descriptor, boolean semaphore) {
        this.descriptor = descriptor;
        this.semaphore = semaphore;
    }

    /** A counter at 0 whose {@link #take} returns 0 instead of waiting: the kind that event loops use. */
    public static EventFd nonBlocking() {
        return create(0, false, true);
    }

    /** A counter at 0 whose {@link #take} waits until it is not 0. */
    public static EventFd blocking() {
        return create(0, false, false);
    }

    /** A semaphore with {@code permits}, whose {@link #take} takes one at a time and returns 0 instead of waiting. */
    public static EventFd semaphore(int permits) {
        return create(permits, true, true);
    }

    /** Takes over an eventfd that came from elsewhere, for example from a vhost-user front end. */
    public static EventFd adopt(FileDescriptor descriptor) {
        return new EventFd(descriptor, false);
    }

    private static EventFd create(int initial, boolean semaphore, boolean nonBlocking) {
        NativeAccess.require();
        int flags = LinuxHeaders.EFD_CLOEXEC() | (semaphore ? LinuxHeaders.EFD_SEMAPHORE() : 0)
                | (nonBlocking ? LinuxHeaders.EFD_NONBLOCK() : 0);
        int result = Errno.check("eventfd", "a new descriptor", EventCalls.eventfd(initial, flags));
        return new EventFd(FileDescriptor.adopt(result, "eventfd"), semaphore);
    }

    /** The descriptor, which stays this object's. */
    public FileDescriptor descriptor() {
        return descriptor;
    }

    /** Whether {@link #take} takes one at a time. */
    public boolean isSemaphore() {
        return semaphore;
    }

    /**
     * Adds one. A non-blocking counter that is full stays as it is: whoever waits for it is awake.
     *
     * @throws HostException if the descriptor is no eventfd
     */
    public void signal() {
        tryAdd(1);
    }

    /**
     * Adds {@code count}, an unsigned number of at most {@link #MAXIMUM}.
     *
     * @return whether it was added; a non-blocking counter takes no more than {@link #MAXIMUM} in all
     * @throws HostException if the descriptor is no eventfd, or {@code count} is out of range ({@code EINVAL})
     */
    public boolean tryAdd(long count) {
        MemorySegment scratch = CallState.current().scratch();
        scratch.set(ValueLayout.JAVA_LONG, 0, count);
        long result;
        do {
            result = FileCalls.writeScratch(descriptor.value(), scratch.address(), Long.BYTES);
        } while (result == -Errno.EINTR);
        if (result < 0 && result != -Errno.EAGAIN) {
            throw Errno.failure("write", descriptor, result);
        }
        return result >= 0;
    }

    /**
     * Returns the counter and resets it to 0; of a semaphore, takes one. While there is nothing to take, a non-blocking
     * eventfd returns 0 and a blocking one waits.
     *
     * @return the counter as an unsigned number
     */
    public long take() {
        MemorySegment scratch = CallState.current().scratch();
        long result;
        do {
            result = FileCalls.readScratch(descriptor.value(), scratch.address(), Long.BYTES);
        } while (result == -Errno.EINTR);
        if (result == -Errno.EAGAIN) {
            return 0;
        }
        if (result < 0) {
            throw Errno.failure("read", descriptor, result);
        }
        return scratch.get(ValueLayout.JAVA_LONG, 0);
    }

    @Override
    public void close() {
        descriptor.close();
    }

    @Override
    public String toString() {
        return descriptor.toString();
    }
}
