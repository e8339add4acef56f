package dev.vz.storage.vdi;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The header of a VDI image, version 1.1. All numbers are little-endian.
 *
 * @param type         1 dynamic, 2 static
 * @param blockMap     where the block map is, in bytes
 * @param data         where blocks start, in bytes
 * @param diskSize     bytes of the disk
 * @param blocks       entries of the block map
 * @param allocated    blocks that are said to be in the file
 */
record VdiHeader(int type, long blockMap, long data, long diskSize, int blocks, int allocated) {

    static final int SIGNATURE = 0xbeda107f;
    static final int VERSION = 0x00010001;
    static final int BLOCK = 1 << 20;
    static final int LENGTH = 512;
    static final int UNALLOCATED = -1;
    static final int DISCARDED = -2;
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final int ALLOCATED_AT = 388;

    static VdiHeader read(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(LENGTH);
            file.read(0, bytes);
            return parse(bytes, file.name());
        }
    }

    private static VdiHeader parse(MemorySegment bytes, String name) {
        if (bytes.get(INT, 64) != SIGNATURE) {
            throw bad(name, "its signature is 0x" + Integer.toHexString(bytes.get(INT, 64)));
        }
        if (bytes.get(INT, 68) != VERSION) {
            throw new CapabilityException("Cannot open " + name + ": version 1.1 of VDI is known, it has 0x" + Integer
                    .toHexString(bytes.get(INT, 68)));
        }
        int type = bytes.get(INT, 76);
        if (type != 1 && type != 2 || nonZero(bytes, 424, 32)) {
            throw new CapabilityException("Cannot open " + name + ": dynamic and static VDI images are known, it is of "
                    + "type " + type + (nonZero(bytes, 424, 32) ? " with a parent" : ""));
        }
        long blockMap = Integer.toUnsignedLong(bytes.get(INT, 340));
        long data = Integer.toUnsignedLong(bytes.get(INT, 344));
        long diskSize = bytes.get(LONG, 368);
        int blocks = bytes.get(INT, 384);
        if (bytes.get(INT, 376) != BLOCK) {
            throw new CapabilityException(
                    "Cannot open " + name + ": VDI images with blocks of 1 MiB are known, its blocks have "
                            + Integer.toUnsignedString(bytes.get(INT, 376)) + " bytes");
        }
        if (bytes.get(INT, 360) != 512 || bytes.get(INT, 376) != BLOCK || bytes.get(INT, 380) != 0) {
            throw new CapabilityException("Cannot open " + name + ": VDI images with sectors of 512 bytes and plain "
                    + "blocks of 1 MiB are known, it has " + Integer.toUnsignedString(bytes.get(INT, 360)) + " and "
                    + Integer.toUnsignedString(bytes.get(INT, 376)));
        }
        if (blockMap < LENGTH || blockMap % 512 != 0 || data % 512 != 0 || blocks < 0
                || data < blockMap + blocks * 4L) {
            throw bad(name, "a block map of " + Integer.toUnsignedString(blocks) + " entries at " + blockMap
                    + " before data at " + data);
        }
        if (diskSize < 0 || diskSize > (long) blocks * BLOCK) {
            throw bad(name, "a disk of " + Long.toUnsignedString(diskSize) + " bytes does not fit into " + blocks
                    + " blocks");
        }
        return new VdiHeader(type, blockMap, data, diskSize, blocks, bytes.get(INT, ALLOCATED_AT));
    }

    private static boolean nonZero(MemorySegment bytes, long from, long length) {
        return bytes.asSlice(from, length).mismatch(MemorySegment.ofArray(new byte[(int) length])) >= 0;
    }

    private static FormatException bad(String name, String what) {
        return new FormatException("The VDI header of " + name + " is not valid: " + what);
    }
}
