package dev.vz.virtio.device;

import dev.vz.error.FormatException;
import dev.vz.memory.GuestMemory;
import dev.vz.state.Stateful;
import dev.vz.virtio.queue.InflightLog;
import dev.vz.virtio.queue.QueueConfig;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.queue.QueueLayout;
import dev.vz.virtio.queue.Virtqueue;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * A device as its driver sees it through any transport: status, features and queues (virtio 1.3, 2.1 to 2.6, 3.1).
 *
 * <p>
 * Status bits only grow and 0 resets; features that do not fit keep FEATURES_OK clear; a queue is frozen when it is enabled;
 * a broken rule sets DEVICE_NEEDS_RESET and stops the queues. Registers are called on vCPU threads, several at a time.
 * A reset waits until the queues are at rest, which takes as long as the host's requests in flight do. Nothing that the
 * guest writes throws.
 */
public final class DeviceHost implements Stateful<HostState>, AutoCloseable {

    /** Status bit. */
    public static final int ACKNOWLEDGE = 1;
    /** Status bit. */
    public static final int DRIVER = 2;
    /** Status bit. */
    public static final int DRIVER_OK = 4;
    /** Status bit. */
    public static final int FEATURES_OK = 8;
    /** Status bit. */
    public static final int NEEDS_RESET = 64;
    /** Status bit. */
    public static final int FAILED = 128;

    /** Feature bit: the device follows virtio 1.0 or later. */
    public static final long VERSION_1 = 1L << 32;
    /** Feature bit: single queues can be reset (2.6.1). */
    public static final long RING_RESET = 1L << 40;

    /** What any device's queues can be told to do without. */
    private static final long QUEUES = RING_RESET | 1L << QueueFeatures.INDIRECT_DESC
            | 1L << QueueFeatures.EVENT_IDX | 1L << QueueFeatures.RING_PACKED | 1L << QueueFeatures.NOTIFICATION_DATA
            | 1L << QueueFeatures.IN_ORDER;
    private static final int DRIVER_BITS = ACKNOWLEDGE | DRIVER | DRIVER_OK | FEATURES_OK | FAILED;
    private static final Logger LOG = System.getLogger(DeviceHost.class.getName());

    private final VirtioDevice<?> device;
    private final GuestMemory memory;
    private final long offered;
    private final QueueConfig[] configs;
    private final boolean[] enabled;
    private final QueueRunner[] batches;
    /** Serializes what drivers do to registers. A queue's lock may be taken inside, never the other way round. */
    private final ReentrantLock control = new ReentrantLock();
    private final AtomicInteger status = new AtomicInteger();
    private final AtomicBoolean warned = new AtomicBoolean();
    private long driverFeatures;
    private volatile boolean paused;
    private volatile InterruptSink interrupts = new NoInterrupts();
    private boolean closed;

    /** A host of {@code device}, all of whose queues run on {@code loop}. It owns the device, not the loop. */
    public DeviceHost(VirtioDevice<?> device, GuestMemory memory, WorkerLoop loop) {
        this(device, memory, queue -> loop);
    }

    /** The same with a loop for each queue. */
    public DeviceHost(VirtioDevice<?> device, GuestMemory memory, IntFunction<WorkerLoop> loops) {
        this(device, memory, loops, 0);
    }

    /**
     * The same without some of the features that are the same for all devices, for drivers that are better off without.
     *
     * @param withheld bits not to be offered: of {@link QueueFeatures} and {@link #RING_RESET}; others are offered anyway
     */
    public DeviceHost(VirtioDevice<?> device, GuestMemory memory, IntFunction<WorkerLoop> loops, long withheld) {
        this.device = device;
        this.memory = memory;
        this.offered = device instanceof RemoteDevice ? device.features() & ~(withheld & QUEUES)
                : device.features() | VERSION_1 | ~withheld & (RING_RESET | 1L << QueueFeatures.INDIRECT_DESC
                        | 1L << QueueFeatures.EVENT_IDX | 1L << QueueFeatures.RING_PACKED
                        | 1L << QueueFeatures.NOTIFICATION_DATA
                        | (device.usesInOrder() ? 1L << QueueFeatures.IN_ORDER : 0));
        int count = device.queues();
        configs = new QueueConfig[count];
        enabled = new boolean[count];
        batches = new QueueRunner[count];
        for (int i = 0; i < count; i++) {
            configs[i] = new QueueConfig(device.queueSize(i));
            WorkerLoop loop = loops.apply(i);
            batches[i] = device instanceof RemoteDevice<?> remote
                    ? new RemoteQueue(this, remote, i, loop)
                    : new QueueBatch(this, device, i, loop);
        }
        if (device instanceof RemoteDevice<?> remote) {
            remote.onFailure(this::needsReset);
        }
        device.config().onChange(this::configChanged);
    }

    /** Where interrupts go from now on. */
    public void connect(InterruptSink sink) {
        interrupts = sink;
    }

    /** The device. */
    public VirtioDevice<?> device() {
        return device;
    }

    /** Number of queues. */
    public int queues() {
        return configs.length;
    }

    // -------------------------------------------------------------------------------------- status and features

    /** The status register. */
    public int status() {
        return status.get();
    }

    /** The features that the device offers. */
    public long offeredFeatures() {
        return offered;
    }

    /** The features that the driver has written. */
    public long driverFeatures() {
        control.lock();
        try {
            return driverFeatures;
        } finally {
            control.unlock();
        }
    }

    /** The driver writes 32 feature bits: the low ones for {@code select} 0, the high ones for 1; others are ignored. */
    public void writeDriverFeatures(int select, int value) {
        control.lock();
        try {
            // Once agreed on they stand until the reset (3.1.1).
            if ((status.get() & FEATURES_OK) != 0) {
                return;
            }
            if (select == 0) {
                driverFeatures = driverFeatures & ~0xFFFF_FFFFL | value & 0xFFFF_FFFFL;
            } else if (select == 1) {
                driverFeatures = driverFeatures & 0xFFFF_FFFFL | (long) value << 32;
            }
        } finally {
            control.unlock();
        }
    }

    /** The driver writes the status register. */
    public void writeStatus(int value) {
        control.lock();
        try {
            if ((value & 0xFF) == 0) {
                resetLocked();
                return;
            }
            int before = status.get();
            int added = value & DRIVER_BITS & ~before;
            if ((added & FEATURES_OK) != 0 && !featuresFit()) {
                added &= ~FEATURES_OK;
            }
            if ((added & DRIVER_OK) != 0 && ((before | added) & FEATURES_OK) == 0) {
                added &= ~DRIVER_OK;
            }
            int bits = added;
            if ((added & DRIVER_OK) != 0) {
                // First: a queue that the driver has notified already is worked on as soon as the status says so.
                device.negotiated(driverFeatures);
            }
            status.updateAndGet(now -> now | bits);
            if ((added & DRIVER_OK) != 0) {
                wakeAll();
            }
        } finally {
            control.unlock();
        }
    }

    private boolean featuresFit() {
        return (driverFeatures & ~offered) == 0 && (driverFeatures & VERSION_1) != 0 && device.accepts(driverFeatures);
    }

    /** Everything back to the state after power-on, as if the driver had written 0 to the status register. */
    public void reset() {
        control.lock();
        try {
            resetLocked();
        } finally {
            control.unlock();
        }
    }

    private void resetLocked() {
        // First, so that no batch begins any more.
        status.updateAndGet(now -> now & ~DRIVER_OK);
        for (int i = 0; i < batches.length; i++) {
            batches[i].disable();
            configs[i].reset();
            enabled[i] = false;
        }
        device.reset();
        driverFeatures = 0;
        status.set(0);
    }

    /** A queue at its start. */
    Virtqueue queue(QueueLayout layout) {
        return Virtqueue.of(layout, memory);
    }

    /** Whether queues are processed now. */
    boolean isWorking() {
        return (status.get() & (DRIVER_OK | NEEDS_RESET)) == DRIVER_OK && !paused;
    }

    /** Stops the device until the driver resets it. */
    void needsReset(String why) {
        int before = status.getAndUpdate(now -> now == 0 ? 0 : now | NEEDS_RESET);
        if (before != 0 && (before & NEEDS_RESET) == 0) {
            // Once aloud: a driver that breaks a rule after each reset does not fill the host's log.
            Level level = warned.getAndSet(true) ? Level.DEBUG : Level.WARNING;
            LOG.log(level, "{0} needs a reset: {1}", device.name(), why);
            if ((before & DRIVER_OK) != 0) {
                interrupts.config();
            }
        }
    }

    private void configChanged() {
        if ((status.get() & DRIVER_OK) != 0) {
            interrupts.config();
        }
    }

    void interrupt(int queue) {
        interrupts.queue(queue);
    }

    // --------------------------------------------------------------------------------------------------- queues

    /** The most entries of queue {@code index}; 0 if there is no such queue. */
    public int maxQueueSize(int index) {
        return isQueue(index) ? configs[index].maxSize() : 0;
    }

    private boolean isQueue(int index) {
        return index >= 0 && index < configs.length;
    }

    /** Whether queue {@code index} works. */
    public boolean isEnabled(int index) {
        control.lock();
        try {
            return isQueue(index) && enabled[index];
        } finally {
            control.unlock();
        }
    }

    /** Reads something of the set-up of queue {@code index}; 0 if there is no such queue. */
    public long readQueue(int index, ToLongFunction<QueueConfig> part) {
        control.lock();
        try {
            return isQueue(index) ? part.applyAsLong(configs[index]) : 0;
        } finally {
            control.unlock();
        }
    }

    /** Changes the set-up of queue {@code index}, unless it is enabled or does not exist. */
    public void writeQueue(int index, Consumer<QueueConfig> change) {
        control.lock();
        try {
            if (isQueue(index) && !enabled[index]) {
                change.accept(configs[index]);
            }
        } finally {
            control.unlock();
        }
    }

    /** Enables queue {@code index}: what was set up is frozen. Ignored before the features are agreed on. */
    public void enableQueue(int index) {
        control.lock();
        try {
            if (!isQueue(index) || enabled[index] || (status.get() & FEATURES_OK) == 0) {
                return;
            }
            QueueLayout layout = configs[index].freeze(QueueFeatures.of(driverFeatures));
            Virtqueue queue = Virtqueue.of(layout, memory);
            enabled[index] = true;
            batches[index].enable(queue);
            String fault = queue.fault();
            if (fault != null) {
                needsReset("queue " + index + ": " + fault);
            } else if ((status.get() & DRIVER_OK) != 0) {
                batches[index].wake();
            }
        } finally {
            control.unlock();
        }
    }

    /**
     * Enables queue {@code index} where another has left it: {@code base} as {@link Virtqueue#resume} takes it, and, if
     * there is one, the log of what was in flight. For transports whose other side keeps that.
     *
     * @return whether it was enabled; a queue that is in a fault at once is not
     */
    public boolean resumeQueue(int index, int base, @Nullable InflightLog log) {
        control.lock();
        try {
            if (!isQueue(index) || enabled[index] || (status.get() & FEATURES_OK) == 0) {
                return false;
            }
            Virtqueue queue = queue(configs[index].freezeAnySize(QueueFeatures.of(driverFeatures)));
            queue.resume(base);
            if (log != null) {
                queue.track(log);
            }
            if (queue.fault() != null) {
                needsReset("queue " + index + ": " + queue.fault());
                return false;
            }
            enabled[index] = true;
            batches[index].enable(queue);
            batches[index].wake();
            return true;
        } finally {
            control.unlock();
        }
    }

    /**
     * Gives everything in flight of queue {@code index} back to the driver and disables it; it can be enabled again.
     *
     * @return where it is, as {@link Virtqueue#base} says it; -1 if it was not enabled
     */
    public long haltQueue(int index) {
        control.lock();
        try {
            if (!isQueue(index) || !enabled[index]) {
                return -1;
            }
            long base = batches[index].halt();
            configs[index].reset();
            enabled[index] = false;
            return base;
        } finally {
            control.unlock();
        }
    }

    /** Resets queue {@code index} alone (2.6.1), if that was agreed on. It can be set up again afterwards. */
    public void resetQueue(int index) {
        control.lock();
        try {
            if (isQueue(index) && (driverFeatures & RING_RESET) != 0 && (status.get() & FEATURES_OK) != 0) {
                batches[index].disable();
                configs[index].reset();
                enabled[index] = false;
            }
        } finally {
            control.unlock();
        }
    }

    /**
     * Stops queue {@code index} without the device being reset, as MMIO's QueueReady of 0 does (4.2.2): when this returns
     * nothing touches it. It can be set up again.
     */
    public void stopQueue(int index) {
        control.lock();
        try {
            if (isQueue(index) && enabled[index]) {
                batches[index].disable();
                configs[index].reset();
                enabled[index] = false;
            }
        } finally {
            control.unlock();
        }
    }

    /** The driver has notified queue {@code index}. Any thread; does not wait. */
    public void notifyQueue(int index) {
        if (isQueue(index)) {
            batches[index].wake();
        }
    }

    private void wakeAll() {
        for (QueueRunner queue : batches) {
            queue.wake();
        }
    }

    // ------------------------------------------------------------------------------------- pause, save, restore

    /** Stops the queues; when this returns nothing is in flight and the rings say all that has happened. */
    public void pause() {
        control.lock();
        try {
            paused = true;
            for (QueueRunner queue : batches) {
                queue.rest();
            }
        } finally {
            control.unlock();
        }
    }

    /** Goes on after {@link #pause}. */
    public void resume() {
        control.lock();
        try {
            paused = false;
            // What was rung for meanwhile went by.
            wakeAll();
        } finally {
            control.unlock();
        }
    }

    @Override
    public Class<HostState> stateType() {
        return HostState.class;
    }

    @Override
    public HostState save() {
        control.lock();
        try {
            List<HostState.Queue> queues = new ArrayList<>();
            for (int i = 0; i < configs.length; i++) {
                QueueConfig config = configs[i];
                queues.add(new HostState.Queue(config.size(), config.descriptorArea(), config.driverArea(),
                        config.deviceArea(), enabled[i], batches[i].save()));
            }
            return new HostState(status.get(), driverFeatures, queues);
        } finally {
            control.unlock();
        }
    }

    @Override
    public void restore(HostState state) {
        control.lock();
        try {
            check(state);
            resetLocked();
            driverFeatures = state.driverFeatures();
            QueueFeatures features = QueueFeatures.of(driverFeatures);
            for (int i = 0; i < configs.length; i++) {
                HostState.Queue saved = state.queues().get(i);
                QueueConfig config = configs[i];
                config.setSize(saved.size());
                config.setDescriptorArea(saved.descriptorArea());
                config.setDriverArea(saved.driverArea());
                config.setDeviceArea(saved.deviceArea());
                enabled[i] = saved.enabled();
                if (saved.enabled()) {
                    Virtqueue queue = Virtqueue.of(config.freeze(features), memory);
                    queue.restore(saved.position());
                    batches[i].enable(queue);
                }
            }
            if ((state.status() & DRIVER_OK) != 0) {
                device.negotiated(driverFeatures);
            }
            status.set(state.status());
            wakeAll();
        } finally {
            control.unlock();
        }
    }

    private void check(HostState state) {
        boolean agreed = (state.status() & FEATURES_OK) != 0;
        boolean working = (state.status() & DRIVER_OK) != 0;
        if ((state.status() & ~(DRIVER_BITS | NEEDS_RESET)) != 0 || working && !agreed
                || agreed && (state.driverFeatures() & ~offered) != 0) {
            throw new FormatException(String.format(
                    "The saved state of %s has status 0x%x with features 0x%x, which cannot be: it offers 0x%x",
                    device.name(), state.status(), state.driverFeatures(), offered));
        }
        if (state.queues().size() != configs.length) {
            throw new FormatException("The saved state of " + device.name() + " has " + state.queues().size()
                    + " queues, the device " + configs.length + "; build it as it was when it was saved");
        }
    }

    /** Resets the device and closes it. Idempotent. */
    @Override
    public void close() {
        control.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            resetLocked();
            for (QueueRunner queue : batches) {
                queue.end();
            }
            device.close();
        } finally {
            control.unlock();
        }
    }

    @Override
    public String toString() {
        return device.name();
    }

    /** Before a transport is connected. */
    private static final class NoInterrupts implements InterruptSink {
        @Override
        public void queue(int index) {
            // Nobody listens yet.
        }

        @Override
        public void config() {
            // Nobody listens yet.
        }
    }
}
