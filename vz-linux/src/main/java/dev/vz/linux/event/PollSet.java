package dev.vz.linux.event;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.EventCalls;
import dev.vz.linux.generated.pollfd;
import dev.vz.linux.thread.SignalSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A few descriptors to wait for once: ppoll(2). For many, or for ever, there is {@link EpollLoop}.
 *
 * <p>
 * Made once and used again; waiting allocates nothing. Used by one thread at a time.
 */
public final class PollSet {

    private static final long SECOND = 1_000_000_000L;

    private final MemorySegment array;
    private final @Nullable FileDescriptor[] descriptors;
    private int count;

    /** Room for {@code capacity} descriptors, at most 1024. */
    public PollSet(int capacity) {
        NativeAccess.require();
        if (capacity < 1 || capacity > 1024) {
            throw new ConfigurationException("A poll set takes 1 to 1024 descriptors, not " + capacity);
        }
        array = Arena.ofAuto().allocate(pollfd.layout(), capacity);
        descriptors = new FileDescriptor[capacity];
    }

    /**
     * Adds a descriptor.
     *
     * @param interest bits of {@link Readiness}
     * @return its index, for {@link #ready(int)}
     */
    public int add(FileDescriptor descriptor, int interest) {
        if (count == descriptors.length) {
            throw new ConfigurationException("This poll set is full with " + count + " descriptors");
        }
        if (interest != (short) interest) {
            throw new ConfigurationException("poll knows no readiness 0x" + Integer.toHexString(interest)
                    + "; those above 0xffff are for epoll only");
        }
        descriptors[count] = descriptor;
        array.set(ValueLayout.JAVA_SHORT, count * Layout.SIZE + Layout.INTEREST, (short) interest);
        return count++;
    }

    /** Changes what the descriptor at {@code index} is waited for; 0 leaves only errors. */
    public void interest(int index, int interest) {
        Objects.checkIndex(index, count);
        array.set(ValueLayout.JAVA_SHORT, index * Layout.SIZE + Layout.INTEREST, (short) interest);
    }

    /**
     * Waits until one of the descriptors is ready.
     *
     * @param timeout nanoseconds; 0 not at all, negative for ever
     * @return number of descriptors that are ready; 0 after the timeout, or when a signal came first
     * @throws dev.vz.error.LifecycleException if one of them is closed
     */
    public int poll(long timeout) {
        return poll(timeout, null);
    }

    /**
     * The same, with the thread's signal mask replaced by {@code blocked} while it waits.
     */
    public int poll(long timeout, @Nullable SignalSet blocked) {
        for (int i = 0; i < count; i++) {
            FileDescriptor descriptor = descriptors[i];
            if (descriptor != null) {
                array.set(ValueLayout.JAVA_INT, i * Layout.SIZE + Layout.DESCRIPTOR, descriptor.value());
            }
            array.set(ValueLayout.JAVA_SHORT, i * Layout.SIZE + Layout.READY, (short) 0);
        }
        MemorySegment scratch = CallState.current().scratch();
        scratch.set(ValueLayout.JAVA_LONG, 0, timeout / SECOND);
        scratch.set(ValueLayout.JAVA_LONG, Long.BYTES, timeout % SECOND);
        long mask = 0;
        if (blocked != null) {
            mask = scratch.address() + 16;
            blocked.store(scratch.asSlice(16, SignalSet.SIZE));
        }
        int result;
        try {
            result = EventCalls.ppoll(array.address(), count, timeout < 0 ? 0 : scratch.address(), mask);
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result < 0 && result != -Errno.EINTR) {
            throw Errno.failure("ppoll", count + " descriptors", result);
        }
        return Math.max(result, 0);
    }

    /** What the descriptor at {@code index} was ready for when {@link #poll(long)} returned: bits of {@link Readiness}. */
    public int ready(int index) {
        Objects.checkIndex(index, count);
        return Short.toUnsignedInt(array.get(ValueLayout.JAVA_SHORT, index * Layout.SIZE + Layout.READY));
    }

    /** Number of descriptors. */
    public int count() {
        return count;
    }

    /** Forgets all descriptors. */
    public void clear() {
        Arrays.fill(descriptors, 0, count, null);
        count = 0;
    }

    // Apart, so that the bindings are first touched after the check for native access.
    private static final class Layout {
        static final long SIZE = pollfd.sizeof();
        static final long DESCRIPTOR = pollfd.fd$offset();
        static final long INTEREST = pollfd.events$offset();
        static final long READY = pollfd.revents$offset();
    }
}
