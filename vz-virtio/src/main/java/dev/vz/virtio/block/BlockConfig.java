package dev.vz.virtio.block;

import dev.vz.block.BlockInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The device's configuration (virtio 1.3, 5.2.4), in units of its fields.
 *
 * @param capacity               sectors of 512 bytes
 * @param sizeMax                bytes of one segment at the most
 * @param segMax                 segments of one request at the most
 * @param blkSize                bytes of a logical block
 * @param physicalBlockExp       logical blocks in a physical one, as a power of two
 * @param minIoSize              logical blocks
 * @param optIoSize              logical blocks; 0 if there is no preference
 * @param numQueues              number of queues
 * @param discardSectorAlignment sectors
 */
record BlockConfig(long capacity, int sizeMax, int segMax, int blkSize, int physicalBlockExp, int minIoSize,
        int optIoSize, int numQueues, int discardSectorAlignment) {

    static final int SECTOR = 512;
    static final int BYTES = 60;
    static final int CAPACITY = 0;
    static final int WRITEBACK = 32;
    /** The most sectors of one discard or write-zeroes: 2 GiB. */
    static final int MAX_RANGE_SECTORS = 1 << 22;
    private static final int MOST_SEGMENTS = 254;

    static BlockConfig of(BlockInfo info, int queues, int queueSize) {
        // Header and status take a descriptor each (5.2.6).
        int segments = Math.clamp(info.maxTransfer() / 4096, 1, Math.min(MOST_SEGMENTS, queueSize - 2));
        int block = Math.max(SECTOR, info.logicalBlockSize());
        int physical = Math.max(block, info.physicalBlockSize());
        return new BlockConfig(info.size() / SECTOR, Math.max(block, info.maxTransfer() / segments / block * block),
                segments, block, 31 - Integer.numberOfLeadingZeros(physical / block),
                Math.min(0xFFFF, physical / block),
                info.optimalTransfer() / block, queues, Math.max(1, info.discardGranularity() / SECTOR));
    }

    byte[] encode() {
        ByteBuffer b = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(CAPACITY, capacity).putInt(8, sizeMax).putInt(12, segMax);
        b.putInt(20, blkSize).put(24, (byte) physicalBlockExp).putShort(26, (short) minIoSize).putInt(28, optIoSize);
        b.put(WRITEBACK, (byte) 1).putShort(34, (short) numQueues);
        b.putInt(36, MAX_RANGE_SECTORS).putInt(40, 1).putInt(44, discardSectorAlignment);
        b.putInt(48, MAX_RANGE_SECTORS).putInt(52, 1).put(56, (byte) 1);
        return b.array();
    }
}
