package dev.vz.linux.file;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.call.FileCalls;
import dev.vz.linux.generated.LinuxHeaders;

/**
 * The length of a file, where it has data and holes, and when its bytes are on stable storage.
 *
 * <p>
 * Offsets and lengths are bytes. All methods may be called from any thread and throw
 * {@link dev.vz.error.HostException} when the kernel or the file system refuses.
 */
public final class FileSpace {

    private FileSpace() {}

    /** Makes the file {@code size} bytes long; what is added reads as zero. */
    public static void resize(FileDescriptor file, long size) {
        if (size < 0) {
            throw new ConfigurationException("The size of " + file + " cannot be " + size);
        }
        int result;
        do {
            result = FileCalls.ftruncate(file.value(), size);
        } while (result == -Errno.EINTR);
        if (result < 0) {
            throw Errno.failure("ftruncate to " + size + " bytes", file, result);
        }
    }

    /** Takes storage for {@code [offset, offset + length)}, growing the file where needed. */
    public static void allocate(FileDescriptor file, long offset, long length) {
        fallocate("fallocate", file, 0, offset, length);
    }

    /** Takes storage for {@code [offset, offset + length)}; the size stays, also where that is past the end. */
    public static void reserve(FileDescriptor file, long offset, long length) {
        fallocate("fallocate KEEP_SIZE", file, LinuxHeaders.FALLOC_FL_KEEP_SIZE(), offset, length);
    }

    /** Gives the storage of {@code [offset, offset + length)} back; it reads as zero and the size stays. */
    public static void punchHole(FileDescriptor file, long offset, long length) {
        fallocate("fallocate PUNCH_HOLE", file,
                LinuxHeaders.FALLOC_FL_PUNCH_HOLE() | LinuxHeaders.FALLOC_FL_KEEP_SIZE(), offset, length);
    }

    /** Makes {@code [offset, offset + length)} read as zero and keeps its storage; the size stays. */
    public static void zeroRange(FileDescriptor file, long offset, long length) {
        fallocate("fallocate ZERO_RANGE", file,
                LinuxHeaders.FALLOC_FL_ZERO_RANGE() | LinuxHeaders.FALLOC_FL_KEEP_SIZE(), offset, length);
    }

    /** Where the next data at or after {@code offset} starts, or -1 if only a hole follows. */
    public static long nextData(FileDescriptor file, long offset) {
        return seek("lseek SEEK_DATA", file, offset, LinuxHeaders.SEEK_DATA());
    }

    /** Where the next hole at or after {@code offset} starts, at the latest the end; -1 if {@code offset} is past it. */
    public static long nextHole(FileDescriptor file, long offset) {
        return seek("lseek SEEK_HOLE", file, offset, LinuxHeaders.SEEK_HOLE());
    }

    /** Waits until data and metadata are on stable storage: fsync(2). */
    public static void sync(FileDescriptor file) {
        Errno.check("fsync", file, FileCalls.fsync(file.value()));
    }

    /** Waits until the data, and the metadata needed to read it, are on stable storage: fdatasync(2). */
    public static void syncData(FileDescriptor file) {
        Errno.check("fdatasync", file, FileCalls.fdatasync(file.value()));
    }

    /**
     * Starts writing changed pages of {@code [offset, offset + length)} and, if {@code wait}, waits for them. This says
     * nothing about metadata or the device's own cache: it paces writing, and is no substitute for {@link #syncData}.
     */
    public static void writeBack(FileDescriptor file, long offset, long length, boolean wait) {
        int flags = LinuxHeaders.SYNC_FILE_RANGE_WRITE();
        if (wait) {
            flags |= LinuxHeaders.SYNC_FILE_RANGE_WAIT_BEFORE() | LinuxHeaders.SYNC_FILE_RANGE_WAIT_AFTER();
        }
        Errno.check("sync_file_range", file, FileCalls.syncFileRange(file.value(), offset, length, flags));
    }

    private static long seek(String operation, FileDescriptor file, long offset, int whence) {
        long result = FileCalls.lseek(file.value(), offset, whence);
        return result == -Errno.ENXIO ? -1 : Errno.check(operation, file, result);
    }

    private static void fallocate(String operation, FileDescriptor file, int mode, long offset, long length) {
        int result;
        do {
            result = FileCalls.fallocate(file.value(), mode, offset, length);
        } while (result == -Errno.EINTR);
        if (result < 0) {
            throw Errno.failure(operation + " of " + length + " bytes at " + offset, file, result);
        }
    }
}
