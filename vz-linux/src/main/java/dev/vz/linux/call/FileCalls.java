package dev.vz.linux.call;

import java.lang.foreign.MemorySegment;

/** Files and descriptors. Every method returns the function's result, or errno negated. */
public final class FileCalls {

    private FileCalls() {}

    /** openat(2); {@code path} ends in a NUL. */
    public static int openat(int directory, MemorySegment path, int flags, int mode) {
        return CallState.current().callInt(Words.OPENAT, directory, path.address(), flags, mode);
    }

    /** close(2). */
    public static int close(int descriptor) {
        return CallState.current().callInt(Words.CLOSE, descriptor);
    }

    /** fcntl(2) with an integer, or with an address. */
    public static int fcntl(int descriptor, int command, long argument) {
        return CallState.current().callInt(Words.FCNTL, descriptor, command, argument);
    }

    /** ftruncate(2). */
    public static int ftruncate(int descriptor, long length) {
        return CallState.current().callInt(Words.FTRUNCATE, descriptor, length);
    }

    /** fallocate(2). */
    public static int fallocate(int descriptor, int mode, long offset, long length) {
        return CallState.current().callInt(Words.FALLOCATE, descriptor, mode, offset, length);
    }

    /** fsync(2). */
    public static int fsync(int descriptor) {
        return CallState.current().callInt(Words.FSYNC, descriptor);
    }

    /** fdatasync(2). */
    public static int fdatasync(int descriptor) {
        return CallState.current().callInt(Words.FDATASYNC, descriptor);
    }

    /** sync_file_range(2). */
    public static int syncFileRange(int descriptor, long offset, long length, int flags) {
        return CallState.current().callInt(Words.SYNC_FILE_RANGE, descriptor, offset, length, flags);
    }

    /** lseek(2), here only to find data and holes. */
    public static long lseek(int descriptor, long offset, int whence) {
        return CallState.current().callLong(Words.LSEEK, descriptor, offset, whence, 0, 0, 0);
    }

    /** statx(2); {@code path} ends in a NUL. */
    public static int statx(int descriptor, MemorySegment path, int flags, int mask, MemorySegment buffer) {
        return CallState.current().callInt(Words.STATX, descriptor, path.address(), flags, mask, buffer.address(), 0);
    }

    /** read(2) into the thread's scratch space, or other memory that cannot go away. */
    public static long readScratch(int descriptor, long address, long length) {
        return CallState.current().callLong(Words.READ, descriptor, address, length, 0, 0, 0);
    }

    /** write(2) from the thread's scratch space, or other memory that cannot go away. */
    public static long writeScratch(int descriptor, long address, long length) {
        return CallState.current().callLong(Words.WRITE, descriptor, address, length, 0, 0, 0);
    }

    /** read(2), into the {@code length} bytes of {@code buffer} from {@code at}. */
    public static long read(int descriptor, MemorySegment buffer, long at, long length) {
        return CallState.current().callPiece(Data.READ, descriptor, buffer, at, length, 0);
    }

    /** write(2), from the {@code length} bytes of {@code buffer} from {@code at}. */
    public static long write(int descriptor, MemorySegment buffer, long at, long length) {
        return CallState.current().callPiece(Data.WRITE, descriptor, buffer, at, length, 0);
    }

    /** pread(2), into the {@code length} bytes of {@code buffer} from {@code at}. */
    public static long pread(int descriptor, MemorySegment buffer, long at, long length, long offset) {
        return CallState.current().callPiece(Data.PREAD, descriptor, buffer, at, length, offset);
    }

    /** pwrite(2), from the {@code length} bytes of {@code buffer} from {@code at}. */
    public static long pwrite(int descriptor, MemorySegment buffer, long at, long length, long offset) {
        return CallState.current().callPiece(Data.PWRITE, descriptor, buffer, at, length, offset);
    }

    /** preadv2(2); at the file's own position where {@code offset} is -1. */
    public static long preadv2(int descriptor, MemorySegment vectors, int count, long offset, int flags) {
        return CallState.current().callData(Data.PREADV2, descriptor, vectors, count, offset, flags);
    }

    /** pwritev2(2); at the file's own position where {@code offset} is -1. */
    public static long pwritev2(int descriptor, MemorySegment vectors, int count, long offset, int flags) {
        return CallState.current().callData(Data.PWRITEV2, descriptor, vectors, count, offset, flags);
    }

    private static final class Words {
        static final NativeFunction OPENAT = Linkage.words("openat");
        static final NativeFunction CLOSE = Linkage.words("close");
        static final NativeFunction FCNTL = Linkage.words("fcntl");
        static final NativeFunction FTRUNCATE = Linkage.words("ftruncate");
        static final NativeFunction FALLOCATE = Linkage.words("fallocate");
        static final NativeFunction FSYNC = Linkage.words("fsync");
        static final NativeFunction FDATASYNC = Linkage.words("fdatasync");
        static final NativeFunction SYNC_FILE_RANGE = Linkage.words("sync_file_range");
        static final NativeFunction LSEEK = Linkage.words("lseek");
        static final NativeFunction STATX = Linkage.words("statx");
        static final NativeFunction READ = Linkage.words("read");
        static final NativeFunction WRITE = Linkage.words("write");
    }

    private static final class Data {
        static final NativeFunction READ = Linkage.piece("read");
        static final NativeFunction WRITE = Linkage.piece("write");
        static final NativeFunction PREAD = Linkage.piece("pread");
        static final NativeFunction PWRITE = Linkage.piece("pwrite");
        static final NativeFunction PREADV2 = Linkage.data("preadv2");
        static final NativeFunction PWRITEV2 = Linkage.data("pwritev2");
    }
}
