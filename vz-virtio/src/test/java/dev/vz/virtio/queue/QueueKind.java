package dev.vz.virtio.queue;

/** The four kinds of queue that every rule is shown on. */
public enum QueueKind {
    SPLIT(new QueueFeatures(true, false, false, false, false)), SPLIT_EVENT_IDX(
            new QueueFeatures(true, true, false, false, false)),
    PACKED(
            new QueueFeatures(true, false, true, false, false)),
    PACKED_EVENT_IDX(
            new QueueFeatures(true, true, true, false, false));

    /** What is negotiated. */
    public final QueueFeatures features;

    QueueKind(QueueFeatures features) {
        this.features = features;
    }
}
