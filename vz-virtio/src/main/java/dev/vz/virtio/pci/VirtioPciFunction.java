package dev.vz.virtio.pci;

import dev.vz.bus.BusDevice;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.irq.Doorbell;
import dev.vz.irq.MsiSink;
import dev.vz.pci.MsixTable;
import dev.vz.pci.PciBar;
import dev.vz.pci.PciFunction;
import dev.vz.state.Pausable;
import dev.vz.state.Stateful;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.InterruptSink;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A virtio device as a function on a PCI bus (virtio 1.3, 4.1): modern interface, one 32-bit memory BAR, MSI-X with a vector
 * for each queue and one for configuration changes, no interrupt pin.
 *
 * <p>
 * Owns the {@link DeviceHost}. Where a registrar of doorbells is given, notifications do not pass the vCPU's exit handler.
 */
public final class VirtioPciFunction implements PciFunction.Located, Stateful<PciState>, Pausable, AutoCloseable {

    private static final int VENDOR = 0x1AF4;
    /** Modern devices are numbered from here, by type (4.1.2). */
    private static final int FIRST_DEVICE = 0x1040;
    private static final int MOST_VECTORS = 256;
    private static final int NOTIFY_STEP = 4;

    private static final int CAP_VENDOR = 0x09;
    private static final int CAP_MSIX = 0x11;
    private static final int MSIX_ENABLE = 1 << 15;
    private static final int MSIX_FUNCTION_MASK = 1 << 14;

    /** Structures (4.1.4). */
    private static final int COMMON_CFG = 1;
    private static final int NOTIFY_CFG = 2;
    private static final int ISR_CFG = 3;
    private static final int DEVICE_CFG = 4;
    private static final int PCI_CFG = 5;

    private final DeviceHost host;
    private final MsixTable msix;
    private final CommonRegisters common;
    private final RegisterBar bar;
    private final List<PciBar> bars;
    private final NotifyDoorbells doorbells;
    private final AtomicInteger isr = new AtomicInteger();
    private final ReentrantLock lock = new ReentrantLock();
    private final PciConfigSpace config;
    private final int msixCapability;
    private final int windowCapability;
    private final byte[] powerOn;

    /** A function that sends its interrupts through {@code messages}. */
    public VirtioPciFunction(DeviceHost host, MsiSink messages, Optional<Doorbell.Registrar> registrar) {
        if (host.queues() >= MOST_VECTORS) {
            throw new ConfigurationException(host + " has " + host.queues() + " queues; over PCI it can have "
                    + (MOST_VECTORS - 1));
        }
        this.host = host;
        this.msix = new MsixTable(host.queues() + 1, messages);
        this.common = new CommonRegisters(host, msix.vectors());
        this.doorbells = new NotifyDoorbells(registrar, host);
        this.bar = new RegisterBar(name(), common, new Isr(), new DeviceConfig(), new Notify(), msix.table(),
                msix.pendingBits());
        this.bars = List.of(new PciBar(0, PciBar.Kind.MEMORY32, RegisterBar.BYTES, false, bar));
        int id = FIRST_DEVICE + host.device().type();
        this.config = new PciConfigSpace(VENDOR, id, classCode(host.device().type()), 1, VENDOR, id);
        config.allow(PciConfigSpace.BAR0, 4, -RegisterBar.BYTES & 0xFFFF_FFFFL);
        addStructure(COMMON_CFG, RegisterBar.COMMON, CommonRegisters.BYTES);
        addStructure(ISR_CFG, RegisterBar.ISR, 1);
        if (host.device().config().size() > 0) {
            addStructure(DEVICE_CFG, RegisterBar.DEVICE, host.device().config().size());
        }
        addStructure(NOTIFY_CFG, RegisterBar.NOTIFY, NOTIFY_STEP * host.queues());
        windowCapability = addStructure(PCI_CFG, 0, 0);
        config.allow(windowCapability + 4, 1, 0xFF);
        config.allow(windowCapability + 8, 8, -1);
        msixCapability = config.addCapability(CAP_MSIX, ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN)
                .putShort((short) (msix.vectors() - 1)).putInt(RegisterBar.MSIX_TABLE).putInt(RegisterBar.MSIX_PENDING)
                .array());
        config.allow(msixCapability + 2, 2, MSIX_ENABLE | MSIX_FUNCTION_MASK);
        powerOn = config.snapshot();
        host.connect(new Messages());
    }

    /** A vendor capability (4.1.4); the notification one has a multiplier behind it, the window one its data. */
    private int addStructure(int type, int offset, int length) {
        boolean longer = type == NOTIFY_CFG || type == PCI_CFG;
        int bytes = longer ? 20 : 16;
        ByteBuffer body = ByteBuffer.allocate(bytes - 2).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) bytes).put((byte) type).put((byte) 0).put((byte) 0).putShort((short) 0);
        body.putInt(offset).putInt(length);
        if (type == NOTIFY_CFG) {
            body.putInt(NOTIFY_STEP);
        }
        return config.addCapability(CAP_VENDOR, body.array());
    }

    /** Base class, subclass, interface. */
    private static int classCode(int type) {
        return switch (type) {
            case 1 -> 0x02_00_00;
            case 2 -> 0x01_80_00;
            case 3 -> 0x07_80_00;
            default -> 0xFF_00_00;
        };
    }

    /** What stands behind the registers. */
    public DeviceHost host() {
        return host;
    }

    @Override
    public String name() {
        return host.device().name();
    }

    @Override
    public List<PciBar> bars() {
        return bars;
    }

    @Override
    public Optional<MsixTable> msix() {
        return Optional.of(msix);
    }

    // -------------------------------------------------------------------------------------- configuration space

    @Override
    public int readConfig(int offset, int size) {
        lock.lock();
        try {
            if (isWindow(offset)) {
                int at = windowOffset();
                int width = windowWidth();
                return at < 0 ? 0 : (int) bar.read(at, width);
            }
            return config.get(offset, size);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void writeConfig(int offset, int size, int value) {
        lock.lock();
        try {
            if (isWindow(offset)) {
                int at = windowOffset();
                int width = windowWidth();
                if (at >= 0) {
                    bar.write(at, width, value & 0xFFFF_FFFFL >>> 32 - 8 * width);
                }
                return;
            }
            config.write(offset, size, value);
            if (offset < msixCapability + 4 && offset + size > msixCapability + 2) {
                controlMsix();
            }
        } finally {
            lock.unlock();
        }
    }

    private void controlMsix() {
        int control = config.get(msixCapability + 2, 2);
        msix.control((control & MSIX_ENABLE) != 0, (control & MSIX_FUNCTION_MASK) != 0);
    }

    /** The data of the window through which BARs can be reached without being mapped (4.1.4.9). */
    private boolean isWindow(int offset) {
        return offset >= windowCapability + 16 && offset < windowCapability + 20;
    }

    private int windowWidth() {
        return config.get(windowCapability + 12, 4);
    }

    /** Where in the BAR the window is; -1 if what the guest asks for is not allowed. */
    private int windowOffset() {
        int width = windowWidth();
        int at = config.get(windowCapability + 8, 4);
        boolean allowed = config.get(windowCapability + 4, 1) == 0 && (width == 1 || width == 2 || width == 4)
                && at >= 0 && at % width == 0 && at <= RegisterBar.BYTES - width;
        return allowed ? at : -1;
    }

    @Override
    public void located(int index, OptionalLong address) {
        doorbells.move(address.isPresent() ? OptionalLong.of(address.getAsLong() + RegisterBar.NOTIFY) : address,
                NOTIFY_STEP);
    }

    @Override
    public void reset() {
        host.reset();
        common.reset();
        isr.set(0);
        lock.lock();
        try {
            config.restore(powerOn);
            msix.reset();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void pause() {
        host.pause();
    }

    @Override
    public void resume() {
        host.resume();
    }

    // ----------------------------------------------------------------------------------------------- structures

    /** Reading says why there was an interrupt, and takes it back (4.1.4.5). */
    private final class Isr implements BusDevice {
        @Override
        public long read(long offset, int size) {
            return offset == 0 ? isr.getAndSet(0) : 0;
        }

        @Override
        public void write(long offset, int size, long value) {
            // Read-only.
        }
    }

    private final class DeviceConfig implements BusDevice {
        @Override
        public long read(long offset, int size) {
            return host.device().config().read(offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            host.device().config().write(offset, size, value);
        }
    }

    /** The address alone says which queue; what is written repeats it (4.1.5.2). */
    private final class Notify implements BusDevice {
        @Override
        public long read(long offset, int size) {
            return 0;
        }

        @Override
        public void write(long offset, int size, long value) {
            host.notifyQueue((int) (offset / NOTIFY_STEP));
        }
    }

    private final class Messages implements InterruptSink {
        @Override
        public void queue(int index) {
            send(common.queueVector(index), 1);
        }

        @Override
        public void config() {
            send(common.configVector(), 2);
        }

        private void send(int vector, int cause) {
            if (msix.isEnabled()) {
                // A vector that is none lies outside the table and is ignored there.
                msix.trigger(vector);
            } else {
                isr.updateAndGet(bits -> bits | cause);
            }
        }
    }

    // ---------------------------------------------------------------------------------------------------- state

    @Override
    public Class<PciState> stateType() {
        return PciState.class;
    }

    @Override
    public PciState save() {
        List<Integer> entries = new ArrayList<>();
        List<Integer> pending = new ArrayList<>();
        BusDevice table = msix.table();
        BusDevice bits = msix.pendingBits();
        for (int at = 0; at < msix.tableSize(); at += 4) {
            entries.add((int) table.read(at, 4));
        }
        for (int i = 0; i < msix.vectors(); i++) {
            if ((bits.read(i / 64 * 8L, 8) >>> i & 1) != 0) {
                pending.add(i);
            }
        }
        lock.lock();
        try {
            return new PciState(host.save(), common.save(), isr.get(), config.snapshot(), entries, pending);
        } finally {
            lock.unlock();
        }
    }

    /** The bridge moves the BAR afterwards: where it lies is part of the configuration space that is put back. */
    @Override
    public void restore(PciState state) {
        if (state.configuration().length != PciConfigSpace.BYTES || state.msixEntries().size() != msix.tableSize() / 4
                || state.common().queueVectors().size() != host.queues()) {
            throw new FormatException("The saved state of " + name() + " is not one of a function with "
                    + host.queues() + " queues");
        }
        host.restore(state.host());
        common.restore(state.common());
        isr.set(state.isr() & 3);
        lock.lock();
        try {
            config.restore(powerOn);
            byte[] saved = state.configuration();
            for (int i = 0; i < saved.length; i++) {
                // Through the mask: what is read-only stays what this function says.
                config.write(i, 1, saved[i]);
            }
            msix.reset();
            // Masked as a whole meanwhile: an interrupt that is put back waits until the table is complete.
            msix.control(true, true);
            BusDevice table = msix.table();
            for (int i = 0; i < state.msixEntries().size(); i++) {
                table.write(4L * i, 4, state.msixEntries().get(i) & 0xFFFF_FFFFL);
            }
            state.msixPending().forEach(msix::trigger);
            controlMsix();
        } finally {
            lock.unlock();
        }
    }

    /** Resets the device and closes it, its host and its doorbells. Idempotent. */
    @Override
    public void close() {
        doorbells.close();
        host.close();
        msix.reset();
    }

    @Override
    public String toString() {
        return name();
    }
}
