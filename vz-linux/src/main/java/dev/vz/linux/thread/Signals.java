package dev.vz.linux.thread;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.Errno;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.ThreadCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.MemorySegment;

/**
 * Sending signals to threads, and holding them back.
 *
 * <p>
 * A thread that blocks a signal and lets a system call accept it (KVM_RUN with its own mask, {@code ppoll}) can be woken
 * from that call by {@link #send}, without any signal handler: the signal stays pending until {@link #consume}. No handler
 * of the JVM is touched. All methods but {@link #send} and {@link #realTime} are about the calling thread, a platform
 * thread.
 */
public final class Signals {

    private Signals() {}

    /**
     * A real-time signal that neither the C library nor the JVM uses.
     *
     * @param index 0 for the first
     */
    public static int realTime(int index) {
        NativeAccess.require();
        int first = ThreadCalls.firstRealTimeSignal();
        int last = ThreadCalls.lastRealTimeSignal();
        if (index < 0 || index > last - first) {
            throw new ConfigurationException("There are real-time signals 0 to " + (last - first) + ", not " + index);
        }
        return first + index;
    }

    /**
     * Sends {@code signal} to one thread of this process: tgkill(2). Allocates nothing.
     *
     * @param thread what {@link NativeThread#id()} returned in that thread
     * @param signal its number, or 0 to ask whether the thread is there
     * @return 0, or {@code ESRCH} or {@code EAGAIN} negated: the thread has ended, or too many signals are queued
     */
    public static int send(int thread, int signal) {
        NativeAccess.require();
        return ThreadCalls.tgkill(ThisProcess.ID, thread, signal);
    }

    /** Blocks {@code signals} in the calling thread, and returns what was blocked before. */
    public static SignalSet block(SignalSet signals) {
        return change("block", LinuxHeaders.SIG_BLOCK(), signals);
    }

    /** Unblocks {@code signals} in the calling thread, and returns what was blocked before. */
    public static SignalSet unblock(SignalSet signals) {
        return change("unblock", LinuxHeaders.SIG_UNBLOCK(), signals);
    }

    /** Blocks {@code signals} and no others in the calling thread, and returns what was blocked before. */
    public static SignalSet setBlocked(SignalSet signals) {
        return change("set", LinuxHeaders.SIG_SETMASK(), signals);
    }

    /** What is blocked in the calling thread. */
    public static SignalSet blocked() {
        NativeThread.requirePlatformThread("read the signal mask");
        MemorySegment old = CallState.current().scratch().asSlice(SignalSet.SIZE, SignalSet.SIZE);
        check("read the signal mask", ThreadCalls.pthreadSigmask(LinuxHeaders.SIG_BLOCK(), 0, old.address()));
        return SignalSet.load(old);
    }

    /**
     * Takes one pending signal of {@code signals}, which the calling thread blocks, without waiting: sigtimedwait(2).
     * Allocates nothing.
     *
     * @return its number, or 0 if none is pending
     */
    public static int consume(SignalSet signals) {
        NativeThread.requirePlatformThread("take a pending signal");
        MemorySegment scratch = CallState.current().scratch();
        signals.store(scratch);
        MemorySegment timeout = scratch.asSlice(SignalSet.SIZE, 16);
        timeout.fill((byte) 0);
        int result = ThreadCalls.sigtimedwait(scratch, 0, timeout);
        if (result == -Errno.EAGAIN || result == -Errno.EINTR) {
            return 0;
        }
        return check("sigtimedwait", result);
    }

    private static SignalSet change(String what, int how, SignalSet signals) {
        NativeThread.requirePlatformThread(what + " blocked signals");
        MemorySegment scratch = CallState.current().scratch();
        MemorySegment old = scratch.asSlice(SignalSet.SIZE, SignalSet.SIZE);
        signals.store(scratch);
        old.fill((byte) 0);
        check("pthread_sigmask", ThreadCalls.pthreadSigmask(how, scratch.address(), old.address()));
        return SignalSet.load(old);
    }

    private static int check(String operation, int result) {
        if (result < 0) {
            throw Errno.failure(operation, "thread " + Thread.currentThread().getName(), result);
        }
        return result;
    }

    // Asked for once: a kick is a system call, not two.
    private static final class ThisProcess {
        static final int ID = ThreadCalls.getpid();
    }
}
