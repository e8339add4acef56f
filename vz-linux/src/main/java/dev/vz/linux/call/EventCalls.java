package dev.vz.linux.call;

import java.lang.foreign.MemorySegment;

/** Counters, timers and waiting. Every method returns the function's result, or errno negated. */
public final class EventCalls {

    private EventCalls() {}

    /** eventfd(2). */
    public static int eventfd(int initial, int flags) {
        return CallState.current().callInt(Words.EVENTFD, initial, flags);
    }

    /** timerfd_create(2). */
    public static int timerfdCreate(int clock, int flags) {
        return CallState.current().callInt(Words.TIMERFD_CREATE, clock, flags);
    }

    /** timerfd_settime(2), without asking for the old value. */
    public static int timerfdSettime(int descriptor, int flags, MemorySegment value) {
        return CallState.current().callInt(Words.TIMERFD_SETTIME, descriptor, flags, value.address(), 0);
    }

    /** timerfd_gettime(2). */
    public static int timerfdGettime(int descriptor, MemorySegment value) {
        return CallState.current().callInt(Words.TIMERFD_GETTIME, descriptor, value.address());
    }

    /** epoll_create1(2). */
    public static int epollCreate1(int flags) {
        return CallState.current().callInt(Words.EPOLL_CREATE1, flags);
    }

    /** epoll_ctl(2). */
    public static int epollCtl(int epoll, int operation, int descriptor, MemorySegment event) {
        return CallState.current().callInt(Words.EPOLL_CTL, epoll, operation, descriptor, event.address());
    }

    /** epoll_wait(2) into an array that outlives the call; {@code timeout} in milliseconds, -1 for ever. */
    public static int epollWait(int epoll, long events, int capacity, int timeout) {
        return CallState.current().callInt(Words.EPOLL_WAIT, epoll, events, capacity, timeout);
    }

    /** ppoll(2) into an array that outlives the call; {@code timeout} 0 for ever, {@code mask} 0 for none. */
    public static int ppoll(long descriptors, int count, long timeout, long mask) {
        return CallState.current().callInt(Words.PPOLL, descriptors, count, timeout, mask);
    }

    private static final class Words {
        static final NativeFunction EVENTFD = Linkage.words("eventfd");
        static final NativeFunction TIMERFD_CREATE = Linkage.words("timerfd_create");
        static final NativeFunction TIMERFD_SETTIME = Linkage.words("timerfd_settime");
        static final NativeFunction TIMERFD_GETTIME = Linkage.words("timerfd_gettime");
        static final NativeFunction EPOLL_CREATE1 = Linkage.words("epoll_create1");
        static final NativeFunction EPOLL_CTL = Linkage.words("epoll_ctl");
        static final NativeFunction EPOLL_WAIT = Linkage.words("epoll_wait");
        static final NativeFunction PPOLL = Linkage.words("ppoll");
    }
}
