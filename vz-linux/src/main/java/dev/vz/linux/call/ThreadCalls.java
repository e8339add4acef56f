package dev.vz.linux.call;

import java.lang.foreign.MemorySegment;

/** Threads, signals and namespaces. Every method returns the function's result, or errno negated. */
public final class ThreadCalls {

    private ThreadCalls() {}

    /** getpid(2). */
    public static int getpid() {
        return CallState.current().callInt(Words.GETPID, 0);
    }

    /** gettid(2). */
    public static int gettid() {
        return CallState.current().callInt(Words.GETTID, 0);
    }

    /** tgkill(2). */
    public static int tgkill(int process, int thread, int signal) {
        return CallState.current().callInt(Words.TGKILL, process, thread, signal);
    }

    /** sched_setaffinity(2). */
    public static int schedSetaffinity(int thread, long size, MemorySegment mask) {
        return CallState.current().callInt(Words.SCHED_SETAFFINITY, thread, size, mask.address());
    }

    /** sched_getaffinity(2). */
    public static int schedGetaffinity(int thread, long size, MemorySegment mask) {
        return CallState.current().callInt(Words.SCHED_GETAFFINITY, thread, size, mask.address());
    }

    /** setpriority(2). */
    public static int setpriority(int which, int who, int nice) {
        return CallState.current().callInt(Words.SETPRIORITY, which, who, nice);
    }

    /** setns(2). */
    public static int setns(int descriptor, int type) {
        return CallState.current().callInt(Words.SETNS, descriptor, type);
    }

    /** unshare(2). */
    public static int unshare(int flags) {
        return CallState.current().callInt(Words.UNSHARE, flags);
    }

    /** sigtimedwait(2). */
    public static int sigtimedwait(MemorySegment set, long info, MemorySegment timeout) {
        return CallState.current().callInt(Words.SIGTIMEDWAIT, set.address(), info, timeout.address());
    }

    /** __libc_current_sigrtmin(3): the first signal that the C library leaves free. */
    public static int firstRealTimeSignal() {
        return CallState.current().callInt(Words.__LIBC_CURRENT_SIGRTMIN, 0);
    }

    /** __libc_current_sigrtmax(3): the last signal that the C library leaves free. */
    public static int lastRealTimeSignal() {
        return CallState.current().callInt(Words.__LIBC_CURRENT_SIGRTMAX, 0);
    }

    /** pthread_sigmask(3), which returns its error number instead of setting errno. */
    public static int pthreadSigmask(int how, long set, long old) {
        return -CallState.current().callInt(Words.PTHREAD_SIGMASK, how, set, old);
    }

    private static final class Words {
        static final NativeFunction GETPID = Linkage.words("getpid");
        static final NativeFunction GETTID = Linkage.words("gettid");
        static final NativeFunction TGKILL = Linkage.words("tgkill");
        static final NativeFunction SCHED_SETAFFINITY = Linkage.words("sched_setaffinity");
        static final NativeFunction SCHED_GETAFFINITY = Linkage.words("sched_getaffinity");
        static final NativeFunction SETPRIORITY = Linkage.words("setpriority");
        static final NativeFunction SETNS = Linkage.words("setns");
        static final NativeFunction UNSHARE = Linkage.words("unshare");
        static final NativeFunction PTHREAD_SIGMASK = Linkage.words("pthread_sigmask");
        static final NativeFunction SIGTIMEDWAIT = Linkage.words("sigtimedwait");
        static final NativeFunction __LIBC_CURRENT_SIGRTMIN = Linkage.words("__libc_current_sigrtmin");
        static final NativeFunction __LIBC_CURRENT_SIGRTMAX = Linkage.words("__libc_current_sigrtmax");
    }
}
