package dev.vz.linux.file;

import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.call.CallState;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How large a block device is and in what units it works: the BLK ioctls of linux/fs.h.
 *
 * @param size              bytes
 * @param logicalBlockSize  the smallest unit that can be addressed, in bytes
 * @param physicalBlockSize the smallest unit that is written without reading it first, in bytes
 * @param minimumIoSize     the smallest request that suits the device, in bytes
 * @param optimalIoSize     the request size that suits the device best, in bytes; 0 if it does not say
 */
public record BlockGeometry(long size, int logicalBlockSize, int physicalBlockSize, int minimumIoSize,
        int optimalIoSize) {

    /**
     * Asks an open block device.
     *
     * @throws dev.vz.error.HostException {@code ENOTTY} if it is no block device
     */
    public static BlockGeometry of(FileDescriptor device) {
        MemorySegment answer = CallState.current().scratch();
        Ioctl.checked("BLKGETSIZE64", device, LinuxHeaders.BLKGETSIZE64(), answer);
        long size = answer.get(ValueLayout.JAVA_LONG, 0);
        return new BlockGeometry(size, ask("BLKSSZGET", device, LinuxHeaders.BLKSSZGET(), answer),
                ask("BLKPBSZGET", device, LinuxHeaders.BLKPBSZGET(), answer),
                ask("BLKIOMIN", device, LinuxHeaders.BLKIOMIN(), answer),
                ask("BLKIOOPT", device, LinuxHeaders.BLKIOOPT(), answer));
    }

    /**
     * Tells the device that {@code [offset, offset + length)} is not needed any more; what it reads afterwards is
     * undefined.
     */
    public static void discard(FileDescriptor device, long offset, long length) {
        range("BLKDISCARD", device, LinuxHeaders.BLKDISCARD(), offset, length);
    }

    /** Makes {@code [offset, offset + length)} of the device read as zero, by itself where it can. */
    public static void writeZeroes(FileDescriptor device, long offset, long length) {
        range("BLKZEROOUT", device, LinuxHeaders.BLKZEROOUT(), offset, length);
    }

    private static int ask(String request, FileDescriptor device, long number, MemorySegment answer) {
        answer.set(ValueLayout.JAVA_INT, 0, 0);
        Ioctl.checked(request, device, number, answer);
        return answer.get(ValueLayout.JAVA_INT, 0);
    }

    private static void range(String request, FileDescriptor device, long number, long offset, long length) {
        MemorySegment range = CallState.current().scratch();
        range.set(ValueLayout.JAVA_LONG, 0, offset);
        range.set(ValueLayout.JAVA_LONG, Long.BYTES, length);
        Ioctl.checked(request, device, number, range);
    }
}
