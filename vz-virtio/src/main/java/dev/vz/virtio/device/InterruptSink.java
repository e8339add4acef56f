package dev.vz.virtio.device;

/** How a device reaches its driver; implemented by transports. Any thread; does not block. */
public interface InterruptSink {

    /** Queue {@code index} has used buffers. */
    void queue(int index);

    /** The configuration space or the device's status has changed. */
    void config();
}
