package dev.vz.kvm;

import dev.vz.error.LifecycleException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** INTERIM. */
final class VcpuThread {

    static final int SIGNAL = 62;

    private static final Linker L = Linker.nativeLinker();
    private static final ValueLayout.OfInt I = ValueLayout.JAVA_INT;
    private static final java.lang.foreign.AddressLayout P = ValueLayout.ADDRESS;
    private static final MethodHandle GETTID = h("gettid", FunctionDescriptor.of(I));
    private static final MethodHandle TGKILL = h("tgkill", FunctionDescriptor.of(I, I, I, I));
    private static final MethodHandle SIGMASK = h("pthread_sigmask", FunctionDescriptor.of(I, I, P, P));
    private static final MethodHandle WAIT = h("sigtimedwait", FunctionDescriptor.of(I, P, P, P));
    private static final int PID = (int) ProcessHandle.current().pid();
    private static final MemorySegment SET = set();
    private static final MemorySegment ZERO = Arena.global().allocate(16);

    private VcpuThread() {
    }

    private static MethodHandle h(String n, FunctionDescriptor d) {
        return L.downcallHandle(L.defaultLookup().findOrThrow(n), d);
    }

    private static MemorySegment set() {
        MemorySegment s = Arena.global().allocate(128);
        s.set(ValueLayout.JAVA_LONG, 0, 1L << SIGNAL - 1);
        return s;
    }

    static int prepare() {
        if (Thread.currentThread().isVirtual()) {
            throw new LifecycleException("A vCPU runs on a platform thread");
        }
        try {
            var _ = (int) SIGMASK.invokeExact(0, SET, MemorySegment.NULL);
            return (int) GETTID.invokeExact();
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    static void setRunMask(FileDescriptor vcpu) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment now = arena.allocate(128);
            var _ = (int) SIGMASK.invokeExact(0, MemorySegment.NULL, now);
            MemorySegment mask = arena.allocate(12, 4);
            mask.set(ValueLayout.JAVA_INT, 0, 8);
            mask.set(ValueLayout.JAVA_LONG_UNALIGNED, 4, now.get(ValueLayout.JAVA_LONG, 0) & ~(1L << SIGNAL - 1));
            Ioctl.checked("ioctl KVM_SET_SIGNAL_MASK", vcpu, KvmHeaders.KVM_SET_SIGNAL_MASK(), mask);
        } catch (RuntimeException e) {
            throw e;
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    static void signal(int threadId) {
        try {
            var _ = (int) TGKILL.invokeExact(PID, threadId, SIGNAL);
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    static void drainSignal() {
        try {
            while ((int) WAIT.invokeExact(SET, MemorySegment.NULL, ZERO) == SIGNAL) {
                Thread.onSpinWait();
            }
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }
}
