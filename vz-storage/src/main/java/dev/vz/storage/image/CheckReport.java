package dev.vz.storage.image;

import java.util.List;

/**
 * What a check of an image found.
 *
 * @param corruptions      wrong metadata that was found and is still there: data may be lost
 * @param leaks            clusters counted more often than they are used, and still so: space is lost
 * @param corruptionsFixed corruptions that were repaired
 * @param leaksFixed       leaks that were repaired
 * @param totalClusters    clusters of the disk
 * @param allocatedClusters those of them that have storage
 * @param fragmentedClusters those of them whose storage does not follow the one before
 * @param compressedClusters those of them that are compressed
 * @param imageEndOffset   bytes from the file's start to the end of its last used cluster
 * @param checkErrors      what could not be checked
 * @param messages         one sentence for each finding, up to a limit
 */
public record CheckReport(long corruptions, long leaks, long corruptionsFixed, long leaksFixed, long totalClusters,
        long allocatedClusters, long fragmentedClusters, long compressedClusters, long imageEndOffset,
        long checkErrors, List<String> messages) {

    /** Whether nothing is wrong (any more). */
    public boolean clean() {
        return corruptions == 0 && leaks == 0;
    }
}
