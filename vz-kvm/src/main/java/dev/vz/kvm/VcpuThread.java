package dev.vz.kvm;

import dev.vz.error.LifecycleException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.thread.NativeThread;
import dev.vz.linux.thread.SignalSet;
import dev.vz.linux.thread.Signals;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The signal that gets a thread out of KVM_RUN, and the mask that confines it there.
 *
 * <p>
 * It has no handler and never runs one. A thread that has ever run a vCPU keeps it blocked; the kernel opens it for the
 * duration of KVM_RUN, sees it pending, returns EINTR and blocks it again, and the thread takes it off its queue. Every
 * other signal is treated inside KVM_RUN as outside, so those that the JVM sends to its own threads arrive as ever.
 */
final class VcpuThread {

    /** A real-time signal, well away from the first ones that libraries like to take. */
    private static final int INDEX = 28;

    private VcpuThread() {}

    /** Makes the calling thread fit to run vCPUs, and returns the kernel's id of it. */
    static int prepare() {
        if (Thread.currentThread().isVirtual()) {
            throw new LifecycleException("A vCPU runs on a platform thread; " + Thread.currentThread()
                    + " is virtual, and the guest would keep its carrier");
        }
        Signals.block(Kick.SET);
        return NativeThread.id();
    }

    /** KVM_SET_SIGNAL_MASK: inside KVM_RUN of {@code vcpu} the calling thread blocks what it blocks now, but the kick. */
    static void setRunMask(FileDescriptor vcpu) {
        SignalSet inside = Signals.blocked().without(Kick.SIGNAL);
        try (var arena = Arena.ofConfined()) {
            // struct kvm_signal_mask: the length of the kernel's sigset, then the sigset.
            MemorySegment mask = arena.allocate(4 + Long.BYTES, 4);
            mask.set(ValueLayout.JAVA_INT, 0, Long.BYTES);
            mask.set(ValueLayout.JAVA_LONG_UNALIGNED, 4, inside.bits());
            Ioctl.checked("ioctl KVM_SET_SIGNAL_MASK", vcpu, KvmHeaders.KVM_SET_SIGNAL_MASK(), mask);
        }
    }

    /** Sends the kick to {@code thread}, which is inside {@code run} and stays there until this returns. */
    static void signal(int thread) {
        int result = Signals.send(thread, Kick.SIGNAL);
        // EAGAIN: the user's queue of signals is full, so that thread has some to wake up for.
        if (result < 0 && result != -Errno.EAGAIN) {
            throw Errno.failure("tgkill with signal " + Kick.SIGNAL, "vCPU thread " + thread, result);
        }
    }

    /** Takes the kick off the calling thread's queue, however often it is there. */
    static void drainSignal() {
        while (Signals.consume(Kick.SET) != 0) {
            Thread.onSpinWait();
        }
    }

    /** Apart, so that it is asked for after the check for native access. */
    private static final class Kick {
        static final int SIGNAL = Signals.realTime(INDEX);
        static final SignalSet SET = SignalSet.of(SIGNAL);
    }
}
