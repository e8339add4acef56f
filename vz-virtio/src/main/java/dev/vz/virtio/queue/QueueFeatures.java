package dev.vz.virtio.queue;

/**
 * The negotiated features that change how a queue works (virtio 1.3, 6).
 *
 * @param indirect         VIRTIO_F_INDIRECT_DESC (28)
 * @param eventIdx         VIRTIO_F_EVENT_IDX (29)
 * @param packed           VIRTIO_F_RING_PACKED (34)
 * @param inOrder          VIRTIO_F_IN_ORDER (35)
 * @param notificationData VIRTIO_F_NOTIFICATION_DATA (38)
 */
public record QueueFeatures(boolean indirect, boolean eventIdx, boolean packed, boolean inOrder,
        boolean notificationData) {

    /** Bit numbers. */
    public static final int INDIRECT_DESC = 28;
    /** Bit number. */
    public static final int EVENT_IDX = 29;
    /** Bit number. */
    public static final int RING_PACKED = 34;
    /** Bit number. */
    public static final int IN_ORDER = 35;
    /** Bit number. */
    public static final int NOTIFICATION_DATA = 38;

    /** Those among {@code features}, the bits that driver and device agreed on. */
    public static QueueFeatures of(long features) {
        return new QueueFeatures(has(features, INDIRECT_DESC), has(features, EVENT_IDX), has(features, RING_PACKED),
                has(features, IN_ORDER), has(features, NOTIFICATION_DATA));
    }

    private static boolean has(long features, int bit) {
        return (features >>> bit & 1) != 0;
    }
}
