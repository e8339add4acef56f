package dev.vz.linux.thread;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.Errno;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.MemoryCalls;
import dev.vz.linux.call.ThreadCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;

/**
 * The kernel's thread behind a platform thread: its id, the processors it may use, its priority and name.
 *
 * <p>
 * Ids are valid until their thread ends. Methods that take an id may be called from any thread; 0 means the calling one.
 */
public final class NativeThread {

    /** The most processors that an affinity can name. */
    public static final int MAXIMUM_PROCESSORS = 8192;

    /** The kernel keeps 15 bytes of a name, and a terminator. */
    private static final int NAME_LENGTH = 15;

    private NativeThread() {}

    /** The kernel's id of the calling platform thread: gettid(2). */
    public static int id() {
        requirePlatformThread("ask for the thread id");
        return ThreadCalls.gettid();
    }

    /**
     * Restricts a thread to {@code processors}.
     *
     * @param thread     an id, or 0 for the calling thread
     * @param processors numbers of processors, as {@code /proc/cpuinfo} counts them; at least one
     * @throws dev.vz.error.HostException {@code EINVAL} if none of them may be used, {@code ESRCH} without such a thread
     */
    public static void setAffinity(int thread, BitSet processors) {
        NativeAccess.require();
        if (processors.length() > MAXIMUM_PROCESSORS) {
            throw new ConfigurationException("Processors are numbered below " + MAXIMUM_PROCESSORS + ", not "
                    + (processors.length() - 1));
        }
        long[] words = processors.toLongArray();
        try (var local = Arena.ofConfined()) {
            MemorySegment mask = local.allocate(MAXIMUM_PROCESSORS / 8, Long.BYTES);
            MemorySegment.copy(words, 0, mask, ValueLayout.JAVA_LONG, 0, words.length);
            int result = ThreadCalls.schedSetaffinity(thread, mask.byteSize(), mask);
            if (result < 0) {
                throw Errno.failure("sched_setaffinity to processors " + processors, describe(thread), result);
            }
        }
    }

    /** The processors that a thread may use; 0 is the calling thread. */
    public static BitSet affinity(int thread) {
        NativeAccess.require();
        try (var local = Arena.ofConfined()) {
            MemorySegment mask = local.allocate(MAXIMUM_PROCESSORS / 8, Long.BYTES);
            int result = ThreadCalls.schedGetaffinity(thread, mask.byteSize(), mask);
            if (result < 0) {
                throw Errno.failure("sched_getaffinity", describe(thread), result);
            }
            return BitSet.valueOf(mask.toArray(ValueLayout.JAVA_LONG));
        }
    }

    /**
     * Sets a thread's nice value, from -20 (first) to 19 (last).
     *
     * @throws dev.vz.error.HostException {@code EACCES} if this user may not go below what it has
     */
    public static void setNice(int thread, int nice) {
        NativeAccess.require();
        if (nice < -20 || nice > 19) {
            throw new ConfigurationException("A nice value is between -20 and 19, not " + nice);
        }
        int result = ThreadCalls.setpriority(LinuxHeaders.PRIO_PROCESS(), thread, nice);
        if (result < 0) {
            throw Errno.failure("setpriority " + nice, describe(thread), result);
        }
    }

    /** Names the calling platform thread for tools such as {@code top -H}; the kernel keeps the first 15 bytes. */
    public static void setName(String name) {
        requirePlatformThread("set the kernel's name of a thread");
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        try (var local = Arena.ofConfined()) {
            MemorySegment text = local.allocate(NAME_LENGTH + 1);
            MemorySegment.copy(bytes, 0, text, ValueLayout.JAVA_BYTE, 0, Math.min(bytes.length, NAME_LENGTH));
            Errno.check("prctl PR_SET_NAME", "thread " + name,
                    MemoryCalls.prctl(LinuxHeaders.PR_SET_NAME(), text.address(), 0, 0, 0));
        }
    }

    /** The kernel's name of the calling platform thread. */
    public static String name() {
        requirePlatformThread("ask for the kernel's name of a thread");
        try (var local = Arena.ofConfined()) {
            MemorySegment text = local.allocate(NAME_LENGTH + 1);
            Errno.check("prctl PR_GET_NAME", "the calling thread",
                    MemoryCalls.prctl(LinuxHeaders.PR_GET_NAME(), text.address(), 0, 0, 0));
            return text.getString(0);
        }
    }

    /** Throws unless the calling thread is one of the kernel's for good. */
    static void requirePlatformThread(String action) {
        NativeAccess.require();
        if (Thread.currentThread().isVirtual()) {
            throw new LifecycleException("Cannot " + action + " on virtual thread " + Thread.currentThread()
                    + ": it has no kernel thread of its own; use a platform thread");
        }
    }

    private static String describe(int thread) {
        return thread == 0 ? "the calling thread" : "thread " + thread;
    }
}
