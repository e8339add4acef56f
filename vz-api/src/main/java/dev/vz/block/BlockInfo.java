package dev.vz.block;

import dev.vz.error.ConfigurationException;

/**
 * What a device is like.
 *
 * @param size               bytes; a multiple of {@code logicalBlockSize}
 * @param logicalBlockSize   bytes: smallest unit that may be addressed (512 or 4096; 1 for byte-granular devices)
 * @param physicalBlockSize  bytes: smallest unit that is written without reading first
 * @param optimalTransfer    bytes: preferred size of a request; 0 if there is no preference
 * @param readOnly           whether writes fail
 * @param discardGranularity bytes: unit in which discards have an effect; 0 if they never have
 * @param maxTransfer        bytes: largest read or write; {@link Integer#MAX_VALUE} at most
 * @param rotational         whether seeks cost time
 */
public record BlockInfo(long size, int logicalBlockSize, int physicalBlockSize, int optimalTransfer, boolean readOnly,
        int discardGranularity, int maxTransfer, boolean rotational) {

    /** Checks the numbers. */
    public BlockInfo {
        if (size < 0 || logicalBlockSize < 1 || size % logicalBlockSize != 0) {
            throw new ConfigurationException("A block device of " + size + " bytes cannot have blocks of "
                    + logicalBlockSize + " bytes");
        }
    }

    /** {@code size} bytes in 512-byte blocks, writable, discarding in 4096-byte units. */
    public static BlockInfo ofSize(long size) {
        return new BlockInfo(size, 512, 4096, 0, false, 4096, 1 << 30, false);
    }

    /** The same, read-only or not. */
    public BlockInfo withReadOnly(boolean readOnly) {
        return new BlockInfo(size, logicalBlockSize, physicalBlockSize, optimalTransfer, readOnly, discardGranularity,
                maxTransfer, rotational);
    }

    /** The same with another size. */
    public BlockInfo withSize(long size) {
        return new BlockInfo(size, logicalBlockSize, physicalBlockSize, optimalTransfer, readOnly, discardGranularity,
                maxTransfer, rotational);
    }
}
