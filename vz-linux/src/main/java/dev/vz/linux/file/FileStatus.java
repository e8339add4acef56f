package dev.vz.linux.file;

import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.FileCalls;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.statx;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What the kernel knows of an open file: statx(2).
 *
 * @param kind                  what sort of file it is
 * @param size                  bytes; 0 for a block device, whose size is in {@link BlockGeometry}
 * @param allocatedBytes        bytes of storage taken; less than {@code size} where there are holes
 * @param preferredBlockSize    bytes per request that suit the file system
 * @param permissions           the low twelve bits of the mode
 * @param inode                 the file's number within its file system
 * @param device                the file system's device, major number in the upper half
 * @param specialDevice         for a device file, which device it is, major number in the upper half
 * @param directMemoryAlignment bytes to which buffers must be aligned for {@code O_DIRECT}; 0 if the kernel does not say
 * @param directOffsetAlignment bytes to which offsets and lengths must be aligned for {@code O_DIRECT}; 0 if the kernel
 *                              does not say
 */
public record FileStatus(Kind kind, long size, long allocatedBytes, int preferredBlockSize, int permissions, long inode,
        long device, long specialDevice, int directMemoryAlignment, int directOffsetAlignment) {

    /** What sort of file it is. */
    public enum Kind {
        /** An ordinary file, a memory file among them. */
        REGULAR,
        /** A block device. */
        BLOCK_DEVICE,
        /** A character device. */
        CHARACTER_DEVICE,
        /** A directory. */
        DIRECTORY,
        /** A socket. */
        SOCKET,
        /** A pipe. */
        PIPE,
        /** Anything else, an eventfd for example. */
        OTHER
    }

    private static final int SECTOR = 512;

    /**
     * Asks for the status of an open file.
     *
     * @throws dev.vz.error.HostException if the kernel refuses
     */
    public static FileStatus of(FileDescriptor descriptor) {
        MemorySegment scratch = CallState.current().scratch();
        MemorySegment status = scratch.asSlice(0, statx.sizeof());
        MemorySegment itself = scratch.asSlice(statx.sizeof(), 1);
        itself.set(ValueLayout.JAVA_BYTE, 0, (byte) 0);
        status.fill((byte) 0);
        int result = FileCalls.statx(descriptor.value(), itself, LinuxHeaders.AT_EMPTY_PATH(),
                LinuxHeaders.STATX_BASIC_STATS() | LinuxHeaders.STATX_DIOALIGN(), status);
        Errno.check("statx", descriptor, result);
        boolean direct = (statx.stx_mask(status) & LinuxHeaders.STATX_DIOALIGN()) != 0;
        int mode = Short.toUnsignedInt(statx.stx_mode(status));
        return new FileStatus(kind(mode), statx.stx_size(status), statx.stx_blocks(status) * SECTOR,
                statx.stx_blksize(status), mode & 07777, statx.stx_ino(status),
                device(statx.stx_dev_major(status), statx.stx_dev_minor(status)),
                device(statx.stx_rdev_major(status), statx.stx_rdev_minor(status)),
                direct ? statx.stx_dio_mem_align(status) : 0, direct ? statx.stx_dio_offset_align(status) : 0);
    }

    private static Kind kind(int mode) {
        int type = mode & LinuxHeaders.S_IFMT();
        if (type == LinuxHeaders.S_IFREG()) {
            return Kind.REGULAR;
        } else if (type == LinuxHeaders.S_IFBLK()) {
            return Kind.BLOCK_DEVICE;
        } else if (type == LinuxHeaders.S_IFCHR()) {
            return Kind.CHARACTER_DEVICE;
        } else if (type == LinuxHeaders.S_IFDIR()) {
            return Kind.DIRECTORY;
        } else if (type == LinuxHeaders.S_IFSOCK()) {
            return Kind.SOCKET;
        } else if (type == LinuxHeaders.S_IFIFO()) {
            return Kind.PIPE;
        }
        return Kind.OTHER;
    }

    private static long device(int major, int minor) {
        return (long) major << 32 | Integer.toUnsignedLong(minor);
    }
}
