package dev.vz.virtio.pci;

import dev.vz.bus.BusDevice;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.queue.QueueConfig;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The common configuration structure (virtio 1.3, 4.1.4.3). An access of the wrong width for its field reads as zeros and
 * changes nothing (4.1.3.1); a 64-bit field is two 32-bit ones.
 */
final class CommonRegisters implements BusDevice {

    static final int NO_VECTOR = 0xFFFF;
    static final int BYTES = 0x40;

    private static final int DEVICE_FEATURE_SELECT = 0x00;
    private static final int DEVICE_FEATURE = 0x04;
    private static final int DRIVER_FEATURE_SELECT = 0x08;
    private static final int DRIVER_FEATURE = 0x0C;
    private static final int CONFIG_MSIX_VECTOR = 0x10;
    private static final int NUM_QUEUES = 0x12;
    private static final int DEVICE_STATUS = 0x14;
    private static final int CONFIG_GENERATION = 0x15;
    private static final int QUEUE_SELECT = 0x16;
    private static final int QUEUE_SIZE = 0x18;
    private static final int QUEUE_MSIX_VECTOR = 0x1A;
    private static final int QUEUE_ENABLE = 0x1C;
    private static final int QUEUE_NOTIFY_OFF = 0x1E;
    private static final int QUEUE_DESC = 0x20;
    private static final int QUEUE_DRIVER = 0x28;
    private static final int QUEUE_DEVICE = 0x30;
    private static final int QUEUE_NOTIFY_CONFIG_DATA = 0x38;
    private static final int QUEUE_RESET = 0x3A;

    private final DeviceHost host;
    private final int vectors;
    private final ReentrantLock lock = new ReentrantLock();
    /** Read by workers when they interrupt. */
    private volatile int configVector = NO_VECTOR;
    private volatile int[] queueVectors;
    private int deviceFeatureSelect;
    private int driverFeatureSelect;
    private int queueSelect;

    CommonRegisters(DeviceHost host, int vectors) {
        this.host = host;
        this.vectors = vectors;
        this.queueVectors = noVectors();
    }

    private int[] noVectors() {
        var none = new int[host.queues()];
        Arrays.fill(none, NO_VECTOR);
        return none;
    }

    int configVector() {
        return configVector;
    }

    int queueVector(int queue) {
        return queueVectors[queue];
    }

    /** As after the driver wrote 0 to the status (4.1.4.3.1). */
    void reset() {
        lock.lock();
        try {
            deviceFeatureSelect = 0;
            driverFeatureSelect = 0;
            queueSelect = 0;
            configVector = NO_VECTOR;
            queueVectors = noVectors();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long read(long offset, int size) {
        int at = (int) offset;
        lock.lock();
        try {
            return size == width(at) ? field(at) : 0;
        } finally {
            lock.unlock();
        }
    }

    private static int width(int at) {
        return switch (at) {
            case DEVICE_STATUS, CONFIG_GENERATION -> 1;
            case CONFIG_MSIX_VECTOR, NUM_QUEUES, QUEUE_SELECT, QUEUE_SIZE, QUEUE_MSIX_VECTOR, QUEUE_ENABLE, QUEUE_NOTIFY_OFF, QUEUE_NOTIFY_CONFIG_DATA, QUEUE_RESET ->
                    2;
            case DEVICE_FEATURE_SELECT, DEVICE_FEATURE, DRIVER_FEATURE_SELECT, DRIVER_FEATURE, QUEUE_DESC, QUEUE_DESC
                    + 4, QUEUE_DRIVER, QUEUE_DRIVER + 4, QUEUE_DEVICE, QUEUE_DEVICE + 4 -> 4;
            default -> 0;
        };
    }

    private long field(int at) {
        return switch (at) {
            case DEVICE_FEATURE_SELECT -> deviceFeatureSelect;
            case DEVICE_FEATURE -> half(host.offeredFeatures(), deviceFeatureSelect);
            case DRIVER_FEATURE_SELECT -> driverFeatureSelect;
            case DRIVER_FEATURE -> half(host.driverFeatures(), driverFeatureSelect);
            case CONFIG_MSIX_VECTOR -> configVector;
            case NUM_QUEUES -> host.queues();
            case DEVICE_STATUS -> host.status();
            case CONFIG_GENERATION -> host.device().config().generation();
            case QUEUE_SELECT -> queueSelect;
            // 0 says that there is no such queue (4.1.4.3.1).
            case QUEUE_SIZE -> host.readQueue(queueSelect, QueueConfig::size);
            case QUEUE_MSIX_VECTOR -> isQueue() ? queueVectors[queueSelect] : NO_VECTOR;
            case QUEUE_ENABLE -> host.isEnabled(queueSelect) ? 1 : 0;
            case QUEUE_NOTIFY_OFF, QUEUE_NOTIFY_CONFIG_DATA -> isQueue() ? queueSelect : 0;
            case QUEUE_DESC -> host.readQueue(queueSelect, QueueConfig::descriptorArea);
            case QUEUE_DESC + 4 -> host.readQueue(queueSelect, QueueConfig::descriptorArea) >>> 32;
            case QUEUE_DRIVER -> host.readQueue(queueSelect, QueueConfig::driverArea);
            case QUEUE_DRIVER + 4 -> host.readQueue(queueSelect, QueueConfig::driverArea) >>> 32;
            case QUEUE_DEVICE -> host.readQueue(queueSelect, QueueConfig::deviceArea);
            case QUEUE_DEVICE + 4 -> host.readQueue(queueSelect, QueueConfig::deviceArea) >>> 32;
            // A reset is over before the write that asked for it is: it reads as done (4.1.4.3.1).
            default -> 0;
        };
    }

    private boolean isQueue() {
        return queueSelect < host.queues();
    }

    private static long half(long features, int select) {
        return select == 0 ? features & 0xFFFF_FFFFL : select == 1 ? features >>> 32 : 0;
    }

    @Override
    public void write(long offset, int size, long value) {
        int at = (int) offset;
        if (size == 1 && at == DEVICE_STATUS) {
            // Outside the lock: the host has its own, and a reset takes as long as the requests in flight do.
            writeStatus((int) value);
            return;
        }
        lock.lock();
        try {
            if (size == 8 && (at == QUEUE_DESC || at == QUEUE_DRIVER || at == QUEUE_DEVICE)) {
                set(at, value & 0xFFFF_FFFFL);
                set(at + 4, value >>> 32);
            } else if (size == width(at)) {
                set(at, value);
            }
        } finally {
            lock.unlock();
        }
    }

    private void writeStatus(int value) {
        host.writeStatus(value);
        if (value == 0) {
            reset();
        }
    }

    private void set(int at, long value) {
        switch (at) {
            case DEVICE_FEATURE_SELECT -> deviceFeatureSelect = (int) value;
            case DRIVER_FEATURE_SELECT -> driverFeatureSelect = (int) value;
            case DRIVER_FEATURE -> host.writeDriverFeatures(driverFeatureSelect, (int) value);
            case CONFIG_MSIX_VECTOR -> configVector = vector(value);
            case QUEUE_SELECT -> queueSelect = (int) value;
            case QUEUE_SIZE -> host.writeQueue(queueSelect, queue -> queue.setSize((int) value));
            case QUEUE_MSIX_VECTOR -> setQueueVector(vector(value));
            case QUEUE_ENABLE -> {
                if (value == 1) {
                    host.enableQueue(queueSelect);
                }
            }
            case QUEUE_RESET -> {
                if (value == 1) {
                    host.resetQueue(queueSelect);
                }
            }
            case QUEUE_DESC, QUEUE_DESC + 4 -> host.writeQueue(queueSelect,
                    queue -> queue.setDescriptorArea(with(queue.descriptorArea(), at, value)));
            case QUEUE_DRIVER, QUEUE_DRIVER + 4 -> host.writeQueue(queueSelect,
                    queue -> queue.setDriverArea(with(queue.driverArea(), at, value)));
            case QUEUE_DEVICE, QUEUE_DEVICE + 4 -> host.writeQueue(queueSelect,
                    queue -> queue.setDeviceArea(with(queue.deviceArea(), at, value)));
            default -> {
                // Read-only.
            }
        }
    }

    /** A vector that the function does not have reads back as none (4.1.5.1.2). */
    private int vector(long value) {
        return value < vectors ? (int) value : NO_VECTOR;
    }

    private void setQueueVector(int vector) {
        if (isQueue()) {
            int[] changed = queueVectors.clone();
            changed[queueSelect] = vector;
            queueVectors = changed;
        }
    }

    /** One half of an address; the fields are aligned to 8, so bit 2 of the offset says which. */
    private static long with(long address, int at, long half) {
        return (at & 4) == 0 ? address & ~0xFFFF_FFFFL | half : address & 0xFFFF_FFFFL | half << 32;
    }

    // ---------------------------------------------------------------------------------------------------- state

    PciState.Common save() {
        lock.lock();
        try {
            return new PciState.Common(deviceFeatureSelect, driverFeatureSelect, queueSelect, configVector,
                    Arrays.stream(queueVectors).boxed().toList());
        } finally {
            lock.unlock();
        }
    }

    void restore(PciState.Common state) {
        lock.lock();
        try {
            deviceFeatureSelect = state.deviceFeatureSelect();
            driverFeatureSelect = state.driverFeatureSelect();
            queueSelect = state.queueSelect() & 0xFFFF;
            configVector = vector(state.configVector() & 0xFFFFL);
            queueVectors = state.queueVectors().stream().mapToInt(v -> vector(v & 0xFFFFL)).toArray();
        } finally {
            lock.unlock();
        }
    }
}
