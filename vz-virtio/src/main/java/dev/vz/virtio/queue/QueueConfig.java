package dev.vz.virtio.queue;

import dev.vz.error.ConfigurationException;

/**
 * A queue as the driver sets it up: size and addresses may change until it is enabled (virtio 1.3, 4.1.5.1.3).
 *
 * <p>
 * Not thread-safe; the transport writes it under its own lock.
 */
public final class QueueConfig {

    /** The most entries of any queue (virtio 1.3, 2.7 and 2.8.10.1). */
    public static final int LARGEST = 32768;

    private final int maxSize;
    private int size;
    private long descriptorArea;
    private long driverArea;
    private long deviceArea;

    /** A queue of up to {@code maxSize} entries: a power of two, 32768 at most. */
    public QueueConfig(int maxSize) {
        if (maxSize < 1 || maxSize > LARGEST || Integer.bitCount(maxSize) != 1) {
            throw new ConfigurationException("A virtqueue has a power of two of entries, 1 to 32768, got " + maxSize);
        }
        this.maxSize = maxSize;
        reset();
    }

    /** As after device or queue reset. */
    public void reset() {
        size = maxSize;
        descriptorArea = 0;
        driverArea = 0;
        deviceArea = 0;
    }

    /** The most entries the device offers. */
    public int maxSize() {
        return maxSize;
    }

    /** The number of entries the driver chose. */
    public int size() {
        return size;
    }

    /** The driver chooses {@code size}; judged when the queue is enabled. */
    public void setSize(int size) {
        this.size = size & 0xFFFF;
    }

    /** Guest-physical address of the descriptor area. */
    public long descriptorArea() {
        return descriptorArea;
    }

    /** Sets it. */
    public void setDescriptorArea(long gpa) {
        descriptorArea = gpa;
    }

    /** Guest-physical address of the driver area: the available ring, or the driver's event suppression. */
    public long driverArea() {
        return driverArea;
    }

    /** Sets it. */
    public void setDriverArea(long gpa) {
        driverArea = gpa;
    }

    /** Guest-physical address of the device area: the used ring, or the device's event suppression. */
    public long deviceArea() {
        return deviceArea;
    }

    /** Sets it. */
    public void setDeviceArea(long gpa) {
        deviceArea = gpa;
    }

    /** The same for a queue whose size somebody else has offered the driver: any size that a queue can have. */
    public QueueLayout freezeAnySize(QueueFeatures features) {
        return new QueueLayout(size, LARGEST, descriptorArea, driverArea, deviceArea, features);
    }

    /** What is set now, to be frozen at enable. */
    public QueueLayout freeze(QueueFeatures features) {
        return new QueueLayout(size, maxSize, descriptorArea, driverArea, deviceArea, features);
    }
}
