package dev.vz.linux.file;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.call.FileCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * Reading and writing between descriptors and native memory.
 *
 * <p>
 * The methods named after system calls return the number of bytes moved, which may be fewer than asked for, 0 at the end
 * of a file, or the error number negated; they allocate nothing. A segment's arena cannot be closed while a call uses it
 * (the pieces of {@link IoVectors} are the exception). Any thread may call.
 */
public final class FileIo {

    /** Do not wait: {@code EAGAIN} if the data is not in the page cache. For {@link #preadv} and {@link #pwritev}. */
    public static final int NO_WAIT = LinuxHeaders.RWF_NOWAIT();

    /** This write is on stable storage before it returns, as with {@code O_DSYNC}. For {@link #pwritev}. */
    public static final int DATA_SYNC = LinuxHeaders.RWF_DSYNC();

    /** Poll the device for completion. For {@link #preadv} and {@link #pwritev} with {@code O_DIRECT}. */
    public static final int HIGH_PRIORITY = LinuxHeaders.RWF_HIPRI();

    private FileIo() {}

    /** read(2) into {@code [offset, offset + length)} of {@code buffer}. */
    public static long read(FileDescriptor descriptor, MemorySegment buffer, long offset, long length) {
        return FileCalls.read(descriptor.value(), buffer, offset, length);
    }

    /** write(2) from {@code [offset, offset + length)} of {@code buffer}. */
    public static long write(FileDescriptor descriptor, MemorySegment buffer, long offset, long length) {
        return FileCalls.write(descriptor.value(), buffer, offset, length);
    }

    /** pread(2) at {@code position} into {@code [offset, offset + length)} of {@code buffer}. */
    public static long pread(FileDescriptor file, long position, MemorySegment buffer, long offset, long length) {
        return FileCalls.pread(file.value(), buffer, offset, length, position);
    }

    /** pwrite(2) at {@code position} from {@code [offset, offset + length)} of {@code buffer}. */
    public static long pwrite(FileDescriptor file, long position, MemorySegment buffer, long offset, long length) {
        return FileCalls.pwrite(file.value(), buffer, offset, length, position);
    }

    /** readv(2): at the descriptor's own position, or whatever a stream has. */
    public static long readv(FileDescriptor descriptor, IoVectors vectors) {
        try {
            return FileCalls.preadv2(descriptor.value(), vectors.array(), vectors.count(), -1, 0);
        } finally {
            Reference.reachabilityFence(vectors); // and with it the pieces, whose addresses the kernel has
        }
    }

    /** writev(2): at the descriptor's own position, or to a stream. */
    public static long writev(FileDescriptor descriptor, IoVectors vectors) {
        try {
            return FileCalls.pwritev2(descriptor.value(), vectors.array(), vectors.count(), -1, 0);
        } finally {
            Reference.reachabilityFence(vectors); // and with it the pieces, whose addresses the kernel has
        }
    }

    /** preadv2(2) at {@code position}; {@code flags} is 0 or of {@link #NO_WAIT} and {@link #HIGH_PRIORITY}. */
    public static long preadv(FileDescriptor file, long position, IoVectors vectors, int flags) {
        if (position < 0) {
            return -Errno.EINVAL; // the kernel would take -1 for the file's own position
        }
        try {
            return FileCalls.preadv2(file.value(), vectors.array(), vectors.count(), position, flags);
        } finally {
            Reference.reachabilityFence(vectors); // and with it the pieces, whose addresses the kernel has
        }
    }

    /** pwritev2(2) at {@code position}; {@code flags} is 0 or of the constants above. */
    public static long pwritev(FileDescriptor file, long position, IoVectors vectors, int flags) {
        if (position < 0) {
            return -Errno.EINVAL;
        }
        try {
            return FileCalls.pwritev2(file.value(), vectors.array(), vectors.count(), position, flags);
        } finally {
            Reference.reachabilityFence(vectors); // and with it the pieces, whose addresses the kernel has
        }
    }

    /**
     * Reads until {@code buffer} is full or the file ends, going on after signals and short reads.
     *
     * @return bytes read; fewer than the buffer has only at the end of the file
     * @throws HostException if the kernel reports an error
     */
    public static long preadFully(FileDescriptor file, long position, MemorySegment buffer) {
        long size = buffer.byteSize();
        long done = 0;
        while (done < size) {
            long result = pread(file, position + done, buffer, done, size - done);
            if (result == 0) {
                return done;
            }
            if (result > 0) {
                done += result;
            } else if (result != -Errno.EINTR) {
                throw Errno.failure("pread of " + size + " bytes at " + position, file, result);
            }
        }
        return done;
    }

    /**
     * Writes all of {@code buffer}, going on after signals and short writes.
     *
     * @throws HostException if the kernel reports an error; how much was written before is then unknown
     */
    public static void pwriteFully(FileDescriptor file, long position, MemorySegment buffer) {
        long size = buffer.byteSize();
        long done = 0;
        while (done < size) {
            long result = pwrite(file, position + done, buffer, done, size - done);
            if (result >= 0) {
                done += result;
            } else if (result != -Errno.EINTR) {
                throw Errno.failure("pwrite of " + size + " bytes at " + position, file, result);
            }
        }
    }
}
