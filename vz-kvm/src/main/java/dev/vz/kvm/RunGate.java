package dev.vz.kvm;

import dev.vz.error.LifecycleException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Who is running a vCPU, and how others get it out of the guest.
 *
 * <p>
 * A request (a kick, an NMI, an SMI) sets its bit, then {@code immediate_exit}, then, if the runner may be inside
 * KVM_RUN, sends the signal. The runner clears {@code immediate_exit} first and takes the bits second. So whichever way
 * the two interleave, either the runner sees the bit, or the next KVM_RUN returns at once and it sees the bit then:
 *
 * <ul>
 * <li>before KVM_RUN is entered, {@code immediate_exit} is set, or the signal is pending, and both end it at once;
 * <li>inside KVM_RUN, the kernel has unblocked the signal and it ends it;
 * <li>a request that comes while the runner takes the bits is taken with them or leaves {@code immediate_exit} set.
 * </ul>
 *
 * <p>
 * The signal never reaches a handler: the runner's thread has it blocked always, the kernel unblocks it inside KVM_RUN
 * only (KVM_SET_SIGNAL_MASK) and blocks it again before it returns, and the runner then takes it off the queue. A runner
 * does not leave while somebody is about to send it the signal, so a thread id that the kernel has given to another
 * thread is never signalled.
 */
final class RunGate {

    /** A caller of {@code kick} wants the run to return. */
    static final int KICK = 1;
    /** An NMI is to be raised. */
    static final int NMI = 1 << 1;
    /** An SMI is to be raised. */
    static final int SMI = 1 << 2;

    private static final int REQUESTS = KICK | NMI | SMI;
    /** A thread is inside run. */
    private static final int RUNNING = 1 << 3;
    /** Its thread id is known: it can be signalled. */
    private static final int REACHABLE = 1 << 4;
    /** No further run. */
    private static final int CLOSED = 1 << 5;
    /** Number of threads that are making a request or touch the state now, in the bits from here on. */
    private static final int REQUESTER = 1 << 8;

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(RunGate.class, "state", int.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private final String name;
    private final RunPage page;
    private volatile int state;
    /** Written by the runner between RUNNING and REACHABLE, read by requesters after they have seen REACHABLE. */
    private int threadId;
    private volatile @Nullable Thread runner;

    RunGate(String name, RunPage page) {
        this.name = name;
        this.page = page;
    }

    /** The calling thread is the runner from now on. */
    void enter(int threadId) {
        while (true) {
            int now = state;
            if ((now & CLOSED) != 0) {
                throw new LifecycleException(name + " is closed; it cannot run any more");
            }
            if ((now & RUNNING) != 0) {
                throw new LifecycleException(name + " is being run by thread \"" + runnerName()
                        + "\"; kick it and wait for its run to return");
            }
            if (now >= REQUESTER) {
                LockSupport.parkNanos(1_000); // somebody touches the state
            } else if (STATE.compareAndSet(this, now, now | RUNNING)) {
                break;
            }
        }
        runner = Thread.currentThread();
        this.threadId = threadId;
        STATE.getAndBitwiseOr(this, REACHABLE);
    }

    /** The runner leaves; requesters that have seen it are waited for, a matter of one system call. */
    void leave() {
        runner = null;
        STATE.getAndBitwiseAnd(this, ~(RUNNING | REACHABLE));
        awaitRequesters();
    }

    /** Sets {@code request} and gets the runner out of the guest, if there is one. Any thread. */
    void request(int request) {
        while (true) {
            int now = state;
            // A request that is set already is being taken care of by whoever set it.
            if ((now & CLOSED) != 0 || (now & request) != 0) {
                return;
            }
            if (STATE.compareAndSet(this, now, (now | request) + REQUESTER)) {
                break;
            }
        }
        try {
            page.setImmediateExit(true);
            if ((state & REACHABLE) != 0 && runner != Thread.currentThread()) {
                VcpuThread.signal(threadId);
            }
        } finally {
            STATE.getAndAdd(this, -REQUESTER);
        }
    }

    /** Called by the runner when KVM_RUN was interrupted: takes the requests and allows the guest to be entered again. */
    int take() {
        page.setImmediateExit(false);
        int taken = (int) STATE.getAndBitwiseAnd(this, ~REQUESTS) & REQUESTS;
        VcpuThread.drainSignal();
        return taken;
    }

    /** After KVM_RUN was called only to return at once: a request that is there, or comes now, still takes effect. */
    void allowEntry() {
        page.setImmediateExit(false);
        if ((state & REQUESTS) != 0) {
            page.setImmediateExit(true);
        }
    }

    /** Takes the requests but the kick, which goes on keeping the next run short. */
    int takeInterrupts() {
        return (int) STATE.getAndBitwiseAnd(this, ~(NMI | SMI)) & (NMI | SMI);
    }

    /** Whether the calling thread is the runner. */
    boolean isRunner() {
        return runner == Thread.currentThread();
    }

    /** Goes on if the state may be touched by the calling thread. */
    void requireAccess() {
        requireAccess(state);
    }

    private void requireAccess(int now) {
        if ((now & CLOSED) != 0) {
            throw new LifecycleException(name + " is closed; its state cannot be read or written any more");
        }
        // The kernel would make the caller wait until the guest is left, which may be never.
        if ((now & RUNNING) != 0 && !isRunner()) {
            throw new LifecycleException(name + " is being run by thread \"" + runnerName()
                    + "\"; kick it and wait for its run to return before touching its state");
        }
    }

    /**
     * Does what {@code reading} says with the state. A run that begins meanwhile waits for its end, and so does a close:
     * without that the caller could find itself behind the run in the kernel's queue for this vCPU.
     */
    <T> T read(Supplier<T> reading) {
        arrive();
        try {
            return reading.get();
        } finally {
            STATE.getAndAdd(this, -REQUESTER);
        }
    }

    /** As {@link #read}, without a result. */
    void change(Runnable changing) {
        arrive();
        try {
            changing.run();
        } finally {
            STATE.getAndAdd(this, -REQUESTER);
        }
    }

    private void arrive() {
        int now;
        do {
            now = state;
            requireAccess(now);
        } while (!STATE.compareAndSet(this, now, now + REQUESTER));
    }

    /** No run from now on. Returns whether the calling thread is the first to say so. */
    boolean close() {
        return ((int) STATE.getAndBitwiseOr(this, CLOSED) & CLOSED) == 0;
    }

    /** Whether it may still be entered. */
    boolean isOpen() {
        return (state & CLOSED) == 0;
    }

    /** Whether a thread is inside run. */
    boolean isRunning() {
        return (state & RUNNING) != 0;
    }

    /** After {@link #close()}: gets the runner out, if there is one, and waits until it has left. */
    void expel() {
        STATE.getAndAdd(this, REQUESTER);
        try {
            STATE.getAndBitwiseOr(this, KICK);
            page.setImmediateExit(true);
            if ((state & REACHABLE) != 0) {
                VcpuThread.signal(threadId);
            }
        } finally {
            STATE.getAndAdd(this, -REQUESTER);
        }
        boolean interrupted = false;
        long pause = 1_000;
        while (isRunning()) {
            LockSupport.parkNanos(pause);
            interrupted |= Thread.interrupted();
            pause = Math.min(2 * pause, 1_000_000);
        }
        awaitRequesters();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits until nobody is between seeing this gate and having touched its page. */
    void awaitRequesters() {
        while (state >= REQUESTER) {
            Thread.onSpinWait();
        }
    }

    private String runnerName() {
        Thread thread = runner;
        return thread == null ? "?" : thread.getName();
    }
}
