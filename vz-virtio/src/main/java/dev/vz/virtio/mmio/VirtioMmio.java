package dev.vz.virtio.mmio;

import dev.vz.bus.BusDevice;
import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import dev.vz.irq.Doorbell;
import dev.vz.irq.InterruptLine;
import dev.vz.state.Pausable;
import dev.vz.state.Stateful;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.InterruptSink;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The registers of one virtio device (virtio 1.3, 4.2.2): little-endian, aligned accesses of 4 bytes up to the device's
 * configuration space at 0x100, of any width from there. Anything else reads as zeros and changes nothing.
 *
 * <p>
 * Owns the {@link DeviceHost}. The line is high while the driver has interrupts to acknowledge. Where a registrar of
 * doorbells is given, notifications do not pass the vCPU's exit handler.
 */
public final class VirtioMmio implements BusDevice, Stateful<MmioState>, Pausable, AutoCloseable {

    /** Bytes of a device's page. */
    public static final int BYTES = 0x1000;

    private static final int MAGIC_VALUE = 0x000;
    private static final int VERSION = 0x004;
    private static final int DEVICE_ID = 0x008;
    private static final int VENDOR_ID = 0x00C;
    private static final int DEVICE_FEATURES = 0x010;
    private static final int DEVICE_FEATURES_SEL = 0x014;
    private static final int DRIVER_FEATURES = 0x020;
    private static final int DRIVER_FEATURES_SEL = 0x024;
    private static final int QUEUE_SEL = 0x030;
    private static final int QUEUE_SIZE_MAX = 0x034;
    private static final int QUEUE_SIZE = 0x038;
    private static final int QUEUE_READY = 0x044;
    private static final int QUEUE_NOTIFY = 0x050;
    private static final int INTERRUPT_STATUS = 0x060;
    private static final int INTERRUPT_ACK = 0x064;
    private static final int STATUS = 0x070;
    private static final int QUEUE_DESC_LOW = 0x080;
    private static final int QUEUE_DRIVER_LOW = 0x090;
    private static final int QUEUE_DEVICE_LOW = 0x0A0;
    private static final int SHM_LEN_LOW = 0x0B0;
    private static final int SHM_BASE_HIGH = 0x0BC;
    private static final int QUEUE_RESET = 0x0C0;
    private static final int CONFIG_GENERATION = 0x0FC;
    private static final int CONFIG = 0x100;

    /** "virt". */
    private static final int MAGIC = 0x74726976;
    private static final int VENDOR = 0x1AF4;
    private static final int USED_BUFFER = 1;
    private static final int CONFIGURATION_CHANGE = 2;
    private static final Logger LOG = System.getLogger(VirtioMmio.class.getName());

    private final DeviceHost host;
    private final InterruptLine line;
    private final List<Doorbell> doorbells = new ArrayList<>();
    /** Guards the selectors. */
    private final ReentrantLock lock = new ReentrantLock();
    /** Guards the interrupt status and the level of the line, which workers and vCPUs change. */
    private final ReentrantLock interrupts = new ReentrantLock();
    private int deviceFeatureSelect;
    private int driverFeatureSelect;
    private int queueSelect;
    private int interruptStatus;

    /**
     * The registers of {@code host}'s device.
     *
     * @param line      level-triggered, high while there is something to acknowledge
     * @param registrar hangs doorbells, if there is one
     * @param address   guest-physical address of the registers, where the doorbells are to be
     */
    public VirtioMmio(DeviceHost host, InterruptLine line, Optional<Doorbell.Registrar> registrar, long address) {
        this.host = host;
        this.line = line;
        registrar.ifPresent(bells -> hang(bells, address + QUEUE_NOTIFY));
        host.connect(new Interrupts());
    }

    private void hang(Doorbell.Registrar registrar, long address) {
        for (int i = 0; i < host.queues(); i++) {
            int queue = i;
            try {
                doorbells.add(registrar.register(Doorbell.Address.mmio(address, 4).matching(queue),
                        () -> host.notifyQueue(queue)));
            } catch (VzException refused) {
                LOG.log(Level.DEBUG, "No doorbell for queue " + queue + " of " + host, refused);
                return; // a notification is a write then, which takes longer
            }
        }
    }

    /** What stands behind the registers. */
    public DeviceHost host() {
        return host;
    }

    // ------------------------------------------------------------------------------------------------ registers

    @Override
    public long read(long offset, int size) {
        if (offset >= CONFIG) {
            return host.device().config().read(offset - CONFIG, size);
        }
        if (size != 4 || offset % 4 != 0) {
            return 0;
        }
        lock.lock();
        try {
            return register((int) offset) & 0xFFFF_FFFFL;
        } finally {
            lock.unlock();
        }
    }

    private long register(int offset) {
        return switch (offset) {
            case MAGIC_VALUE -> MAGIC;
            case VERSION -> 2;
            case DEVICE_ID -> host.device().type();
            case VENDOR_ID -> VENDOR;
            case DEVICE_FEATURES -> half(host.offeredFeatures(), deviceFeatureSelect);
            // 0 says that there is no such queue (4.2.2).
            case QUEUE_SIZE_MAX -> host.maxQueueSize(queueSelect);
            case QUEUE_READY -> host.isEnabled(queueSelect) ? 1 : 0;
            case INTERRUPT_STATUS -> interruptStatus();
            case STATUS -> host.status();
            // All ones: there are no shared memory regions (4.2.2).
            case SHM_LEN_LOW, SHM_LEN_LOW + 4, SHM_BASE_HIGH - 4, SHM_BASE_HIGH -> -1;
            case CONFIG_GENERATION -> host.device().config().generation();
            // The others are only written; a queue's reset is over before the write that asked for it is.
            default -> 0;
        };
    }

    private static long half(long features, int select) {
        return select == 0 ? features : select == 1 ? features >>> 32 : 0;
    }

    @Override
    public void write(long offset, int size, long value) {
        if (offset >= CONFIG) {
            host.device().config().write(offset - CONFIG, size, value);
            return;
        }
        if (size != 4 || offset % 4 != 0) {
            return;
        }
        switch ((int) offset) {
            // Without the lock: what comes often, and what may wait for requests in flight.
            // With VIRTIO_F_NOTIFICATION_DATA the upper half says how far the driver is (4.2.3.3); the ring says it, too.
            case QUEUE_NOTIFY -> host.notifyQueue((int) value & 0xFFFF);
            case INTERRUPT_ACK -> acknowledge((int) value);
            case STATUS -> writeStatus((int) value);
            default -> writeSelected((int) offset, value);
        }
    }

    private void writeStatus(int value) {
        host.writeStatus(value);
        if (value == 0) {
            clear();
        }
    }

    private void clear() {
        lock.lock();
        try {
            deviceFeatureSelect = 0;
            driverFeatureSelect = 0;
            queueSelect = 0;
        } finally {
            lock.unlock();
        }
        acknowledge(-1);
    }

    private void writeSelected(int offset, long value) {
        lock.lock();
        try {
            switch (offset) {
                case DEVICE_FEATURES_SEL -> deviceFeatureSelect = (int) value;
                case DRIVER_FEATURES_SEL -> driverFeatureSelect = (int) value;
                case DRIVER_FEATURES -> host.writeDriverFeatures(driverFeatureSelect, (int) value);
                case QUEUE_SEL -> queueSelect = (int) value;
                case QUEUE_SIZE -> host.writeQueue(queueSelect, queue -> queue.setSize((int) value));
                case QUEUE_READY -> setReady(value);
                case QUEUE_RESET -> {
                    if (value == 1) {
                        host.resetQueue(queueSelect);
                    }
                }
                case QUEUE_DESC_LOW, QUEUE_DESC_LOW + 4 -> host.writeQueue(queueSelect,
                        queue -> queue.setDescriptorArea(with(queue.descriptorArea(), offset, value)));
                case QUEUE_DRIVER_LOW, QUEUE_DRIVER_LOW + 4 -> host.writeQueue(queueSelect,
                        queue -> queue.setDriverArea(with(queue.driverArea(), offset, value)));
                case QUEUE_DEVICE_LOW, QUEUE_DEVICE_LOW + 4 -> host.writeQueue(queueSelect,
                        queue -> queue.setDeviceArea(with(queue.deviceArea(), offset, value)));
                default -> {
                    // Read-only, or the selector of shared memory, of which there is none.
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private void setReady(long value) {
        if (value == 1) {
            host.enableQueue(queueSelect);
        } else if (value == 0) {
            host.stopQueue(queueSelect);
        }
    }

    /** One half of an address; the fields are aligned to 8, so bit 2 of the offset says which. */
    private static long with(long address, int offset, long half) {
        return (offset & 4) == 0 ? address & ~0xFFFF_FFFFL | half : address & 0xFFFF_FFFFL | half << 32;
    }

    // ------------------------------------------------------------------------------------------------ interrupts

    private int interruptStatus() {
        interrupts.lock();
        try {
            return interruptStatus;
        } finally {
            interrupts.unlock();
        }
    }

    private void acknowledge(int bits) {
        setInterrupts(~bits, 0);
    }

    private void setInterrupts(int kept, int added) {
        interrupts.lock();
        try {
            int before = interruptStatus;
            interruptStatus = before & kept | added;
            if ((before == 0) != (interruptStatus == 0)) {
                line.set(interruptStatus != 0);
            }
        } finally {
            interrupts.unlock();
        }
    }

    private final class Interrupts implements InterruptSink {
        @Override
        public void queue(int index) {
            setInterrupts(-1, USED_BUFFER);
        }

        @Override
        public void config() {
            setInterrupts(-1, CONFIGURATION_CHANGE);
        }
    }

    // ------------------------------------------------------------------------------------------ pause and state

    @Override
    public void pause() {
        host.pause();
    }

    @Override
    public void resume() {
        host.resume();
    }

    /** Everything as after power-on. */
    public void reset() {
        host.reset();
        clear();
    }

    @Override
    public Class<MmioState> stateType() {
        return MmioState.class;
    }

    @Override
    public MmioState save() {
        lock.lock();
        try {
            return new MmioState(host.save(), deviceFeatureSelect, driverFeatureSelect, queueSelect, interruptStatus());
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void restore(MmioState state) {
        if ((state.interruptStatus() & ~(USED_BUFFER | CONFIGURATION_CHANGE)) != 0) {
            throw new FormatException("The saved registers of " + host + " have an interrupt status of 0x"
                    + Integer.toHexString(state.interruptStatus()) + "; only bits 0 and 1 exist");
        }
        host.restore(state.host());
        lock.lock();
        try {
            deviceFeatureSelect = state.deviceFeatureSelect();
            driverFeatureSelect = state.driverFeatureSelect();
            queueSelect = state.queueSelect();
        } finally {
            lock.unlock();
        }
        setInterrupts(0, state.interruptStatus());
    }

    /** Resets the device and closes it, its host and its doorbells. Idempotent. */
    @Override
    public void close() {
        doorbells.forEach(Doorbell::close);
        doorbells.clear();
        host.close();
        acknowledge(-1);
    }

    @Override
    public String toString() {
        return host.toString();
    }
}
