package dev.vz.storage.image;

import dev.vz.error.ConfigurationException;

/**
 * What an image may cost.
 *
 * @param maxChainDepth images in a backing chain, the first included
 * @param maxTableBytes bytes of any one table that is held in memory as a whole
 * @param cacheBytes    bytes of table slices that are cached for one image
 */
public record Budget(int maxChainDepth, long maxTableBytes, long cacheBytes) {

    /** Chains of 200, tables of 32 MiB, 16 MiB of cache. */
    public static final Budget DEFAULT = new Budget(200, 32L << 20, 16L << 20);

    /** Checks the numbers. */
    public Budget {
        if (maxChainDepth < 1 || maxTableBytes < 1 || cacheBytes < 1) {
            throw new ConfigurationException("A budget's limits are positive, got " + maxChainDepth + " images, "
                    + maxTableBytes + " table bytes, " + cacheBytes + " cache bytes");
        }
    }
}
