package dev.vz.virtio.queue;

/**
 * A queue as it was when the driver enabled it; nothing the driver writes afterwards changes it.
 *
 * @param size           entries: a power of two for split queues, any number for packed ones
 * @param maxSize        the most entries the device offered
 * @param descriptorArea guest-physical, aligned to 16
 * @param driverArea     guest-physical, aligned to 2 (split) or 4 (packed)
 * @param deviceArea     guest-physical, aligned to 4
 * @param features       what was negotiated
 */
public record QueueLayout(int size, int maxSize, long descriptorArea, long driverArea, long deviceArea,
        QueueFeatures features) {

    /** Bytes of the descriptor area. */
    public long descriptorBytes() {
        return 16L * size;
    }

    /** Bytes of the driver area. */
    public long driverBytes() {
        return features.packed() ? 4 : 6 + 2L * size;
    }

    /** Bytes of the device area. */
    public long deviceBytes() {
        return features.packed() ? 4 : 6 + 8L * size;
    }

    /** What the driver did wrong, as a sentence; empty if nothing. */
    String fault() {
        if (size < 1 || size > maxSize) {
            return "queue size " + size + " is not between 1 and " + maxSize;
        }
        if (!features.packed() && Integer.bitCount(size) != 1) {
            return "queue size " + size + " of a split queue is not a power of two";
        }
        long driverAlign = features.packed() ? 4 : 2;
        if ((descriptorArea & 15) != 0 || (driverArea & (driverAlign - 1)) != 0 || (deviceArea & 3) != 0) {
            return String.format("areas at 0x%x, 0x%x, 0x%x are not aligned to 16, %d and 4", descriptorArea,
                    driverArea, deviceArea, driverAlign);
        }
        return "";
    }
}
