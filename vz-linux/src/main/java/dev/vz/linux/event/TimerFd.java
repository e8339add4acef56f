package dev.vz.linux.event;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.EventCalls;
import dev.vz.linux.call.FileCalls;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.itimerspec;
import dev.vz.linux.generated.timespec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A timer that is waited for like any descriptor: timerfd_create(2).
 *
 * <p>
 * Times are nanoseconds. Thread-safe; arming and taking allocate nothing.
 */
public final class TimerFd implements AutoCloseable {

    /** Which clock a timer follows. */
    public enum Clock {
        /** Never set back, stands still while the host sleeps. */
        MONOTONIC,
        /** The wall clock, in nanoseconds since 1970. */
        REALTIME,
        /** Never set back, goes on while the host sleeps. */
        BOOTTIME;

        // Looked up when used: the bindings need native access.
        private int value() {
            return switch (this) {
                case MONOTONIC -> LinuxHeaders.CLOCK_MONOTONIC();
                case REALTIME -> LinuxHeaders.CLOCK_REALTIME();
                case BOOTTIME -> LinuxHeaders.CLOCK_BOOTTIME();
            };
        }
    }

    private static final long SECOND = 1_000_000_000L;

    private final FileDescriptor descriptor;

    private TimerFd(FileDescriptor descriptor) {
        this.descriptor = descriptor;
    }

    /** A disarmed timer whose {@link #take} returns 0 instead of waiting. */
    public static TimerFd nonBlocking(Clock clock) {
        return create(clock, true);
    }

    /** A disarmed timer whose {@link #take} waits until it has expired. */
    public static TimerFd blocking(Clock clock) {
        return create(clock, false);
    }

    private static TimerFd create(Clock clock, boolean nonBlocking) {
        NativeAccess.require();
        int flags = LinuxHeaders.TFD_CLOEXEC() | (nonBlocking ? LinuxHeaders.TFD_NONBLOCK() : 0);
        int result = EventCalls.timerfdCreate(clock.value(), flags);
        return new TimerFd(FileDescriptor.adopt(Errno.check("timerfd_create", clock, result), "timerfd " + clock));
    }

    /** The descriptor, which stays this object's. */
    public FileDescriptor descriptor() {
        return descriptor;
    }

    /**
     * Expires after {@code delay}, and every {@code period} from then on.
     *
     * @param delay  nanoseconds; 0 or less expires at once
     * @param period nanoseconds; 0 expires once
     */
    public void armAfter(long delay, long period) {
        arm(0, Math.max(delay, 1), period);
    }

    /**
     * Expires when its clock shows {@code time}, at once if it has, and every {@code period} from then on.
     *
     * @param time   nanoseconds of this timer's clock, positive
     * @param period nanoseconds; 0 expires once
     */
    public void armAt(long time, long period) {
        if (time <= 0) {
            throw new ConfigurationException("A timer cannot expire at " + time + " ns; use a positive time");
        }
        arm(LinuxHeaders.TFD_TIMER_ABSTIME(), time, period);
    }

    /** Does not expire any more; what has expired can still be taken. */
    public void disarm() {
        arm(0, 0, 0);
    }

    /** Nanoseconds until it expires next; 0 if disarmed. */
    public long remaining() {
        MemorySegment value = CallState.current().scratch();
        Errno.check("timerfd_gettime", descriptor, EventCalls.timerfdGettime(descriptor.value(), value));
        return value.get(ValueLayout.JAVA_LONG, Layout.VALUE_SECONDS) * SECOND
                + value.get(ValueLayout.JAVA_LONG, Layout.VALUE_NANOSECONDS);
    }

    /**
     * How often it has expired since the last time. While that is 0, a non-blocking timer returns 0 and a blocking one
     * waits.
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

    private void arm(int flags, long value, long period) {
        if (period < 0) {
            throw new ConfigurationException("The period of a timer cannot be " + period + " ns");
        }
        MemorySegment spec = CallState.current().scratch();
        spec.set(ValueLayout.JAVA_LONG, Layout.INTERVAL_SECONDS, period / SECOND);
        spec.set(ValueLayout.JAVA_LONG, Layout.INTERVAL_NANOSECONDS, period % SECOND);
        spec.set(ValueLayout.JAVA_LONG, Layout.VALUE_SECONDS, value / SECOND);
        spec.set(ValueLayout.JAVA_LONG, Layout.VALUE_NANOSECONDS, value % SECOND);
        int result = EventCalls.timerfdSettime(descriptor.value(), flags, spec);
        if (result < 0) {
            throw Errno.failure("timerfd_settime", descriptor, result);
        }
    }

    // Apart, so that the bindings are first touched after the check for native access.
    private static final class Layout {
        static final long INTERVAL_SECONDS = itimerspec.it_interval$offset() + timespec.tv_sec$offset();
        static final long INTERVAL_NANOSECONDS = itimerspec.it_interval$offset() + timespec.tv_nsec$offset();
        static final long VALUE_SECONDS = itimerspec.it_value$offset() + timespec.tv_sec$offset();
        static final long VALUE_NANOSECONDS = itimerspec.it_value$offset() + timespec.tv_nsec$offset();
    }
}
