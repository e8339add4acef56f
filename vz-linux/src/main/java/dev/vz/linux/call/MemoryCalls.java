package dev.vz.linux.call;

import java.lang.foreign.MemorySegment;

/** Mappings and memory files, by address. Every method returns the function's result, or errno negated. */
public final class MemoryCalls {

    private MemoryCalls() {}

    /** mmap(2); addresses of user space are positive. */
    public static long mmap(long address, long length, int protection, int flags, int descriptor, long offset) {
        return CallState.current().callLong(Words.MMAP, address, length, protection, flags, descriptor, offset);
    }

    /** munmap(2). */
    public static int munmap(long address, long length) {
        return CallState.current().callInt(Words.MUNMAP, address, length);
    }

    /** mprotect(2). */
    public static int mprotect(long address, long length, int protection) {
        return CallState.current().callInt(Words.MPROTECT, address, length, protection);
    }

    /** madvise(2). */
    public static int madvise(long address, long length, int advice) {
        return CallState.current().callInt(Words.MADVISE, address, length, advice);
    }

    /** mlock(2). */
    public static int mlock(long address, long length) {
        return CallState.current().callInt(Words.MLOCK, address, length);
    }

    /** munlock(2). */
    public static int munlock(long address, long length) {
        return CallState.current().callInt(Words.MUNLOCK, address, length);
    }

    /** msync(2). */
    public static int msync(long address, long length, int flags) {
        return CallState.current().callInt(Words.MSYNC, address, length, flags);
    }

    /** mincore(2); one byte per page. */
    public static int mincore(long address, long length, MemorySegment vector) {
        return CallState.current().callInt(Words.MINCORE, address, length, vector.address());
    }

    /** memfd_create(2); {@code name} ends in a NUL. */
    public static int memfdCreate(MemorySegment name, int flags) {
        return CallState.current().callInt(Words.MEMFD_CREATE, name.address(), flags);
    }

    /** prctl(2). */
    public static int prctl(int option, long first, long second, long third, long fourth) {
        return CallState.current().callInt(Words.PRCTL, option, first, second, third, fourth, 0);
    }

    private static final class Words {
        static final NativeFunction MMAP = Linkage.words("mmap");
        static final NativeFunction MUNMAP = Linkage.words("munmap");
        static final NativeFunction MPROTECT = Linkage.words("mprotect");
        static final NativeFunction MADVISE = Linkage.words("madvise");
        static final NativeFunction MLOCK = Linkage.words("mlock");
        static final NativeFunction MUNLOCK = Linkage.words("munlock");
        static final NativeFunction MSYNC = Linkage.words("msync");
        static final NativeFunction MINCORE = Linkage.words("mincore");
        static final NativeFunction MEMFD_CREATE = Linkage.words("memfd_create");
        static final NativeFunction PRCTL = Linkage.words("prctl");
    }
}
