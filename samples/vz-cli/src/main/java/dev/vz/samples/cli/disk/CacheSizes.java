package dev.vz.samples.cli.disk;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The options for the memory that tables of a qcow2 image take: they are checked, and the caches are what they are. */
final class CacheSizes {

    private CacheSizes() {}

    /** What is wrong with {@code options} for an image of clusters of {@code cluster} bytes; {@code null} if nothing is. */
    static @Nullable String problem(Map<String, String> options, int cluster) {
        long both = size(options, "cache-size");
        long l2 = size(options, "l2-cache-size");
        long refcounts = size(options, "refcount-cache-size");
        if (both >= 0 && l2 >= 0 && refcounts >= 0) {
            return "cache-size, l2-cache-size and refcount-cache-size may not be set at the same time";
        }
        if (both >= 0 && l2 > both) {
            return "l2-cache-size may not exceed cache-size";
        }
        if (both >= 0 && refcounts > both) {
            return "refcount-cache-size may not exceed cache-size";
        }
        long entry = size(options, "l2-cache-entry-size");
        if (entry >= 0 && (entry < 512 || entry > cluster || Long.bitCount(entry) != 1)) {
            return "L2 cache entry size must be a power of two between 512 and the cluster size (" + cluster + ")";
        }
        return null;
    }

    private static long size(Map<String, String> options, String name) {
        String text = options.get(name);
        return text == null ? -1 : Sizes.tryParse(text).orElseThrow(() -> new CommandFailure("Parameter '" + name
                + "' expects a size"));
    }
}
