package dev.vz.linux.file;

import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.FileCalls;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.flock;
import java.lang.foreign.MemorySegment;

/**
 * Advisory locks on ranges of bytes that belong to the open file, not to the process: the open-file-description locks of
 * fcntl(2). Two openings of one file exclude each other even within one process, and a lock ends with its opening.
 */
public final class RangeLock {

    private RangeLock() {}

    /**
     * Locks {@code [offset, offset + length)}, or changes a lock of the same opening, without waiting.
     *
     * @param exclusive whether nobody else may lock the range at all, or only not exclusively
     * @param length    bytes; 0 means to the end of the file, however far it grows
     * @return whether it was locked; if not, somebody else holds a lock that excludes it
     */
    public static boolean tryLock(FileDescriptor file, long offset, long length, boolean exclusive) {
        MemorySegment lock = describe(exclusive ? LinuxHeaders.F_WRLCK() : LinuxHeaders.F_RDLCK(), offset, length);
        int result = FileCalls.fcntl(file.value(), LinuxHeaders.F_OFD_SETLK(), lock.address());
        if (result == -Errno.EAGAIN || result == -Errno.EACCES) {
            return false;
        }
        Errno.check("fcntl F_OFD_SETLK", file, result);
        return true;
    }

    /** Gives the lock on {@code [offset, offset + length)} back. */
    public static void unlock(FileDescriptor file, long offset, long length) {
        MemorySegment lock = describe(LinuxHeaders.F_UNLCK(), offset, length);
        Errno.check("fcntl F_OFD_SETLK", file,
                FileCalls.fcntl(file.value(), LinuxHeaders.F_OFD_SETLK(), lock.address()));
    }

    /** Whether somebody else holds a lock that would exclude such a lock. */
    public static boolean isLockedByOther(FileDescriptor file, long offset, long length, boolean exclusive) {
        MemorySegment lock = describe(exclusive ? LinuxHeaders.F_WRLCK() : LinuxHeaders.F_RDLCK(), offset, length);
        Errno.check("fcntl F_OFD_GETLK", file,
                FileCalls.fcntl(file.value(), LinuxHeaders.F_OFD_GETLK(), lock.address()));
        return flock.l_type(lock) != LinuxHeaders.F_UNLCK();
    }

    private static MemorySegment describe(int type, long offset, long length) {
        MemorySegment lock = CallState.current().scratch().asSlice(0, flock.sizeof());
        lock.fill((byte) 0);
        flock.l_type(lock, (short) type);
        flock.l_whence(lock, (short) LinuxHeaders.SEEK_SET());
        flock.l_start(lock, offset);
        flock.l_len(lock, length);
        return lock;
    }
}
