package dev.vz.machine.pci;

import dev.vz.bus.BusDevice;

/**
 * Configuration mechanism 1 (PCI Local Bus Specification 3.0, 3.2.2.3.2): CONFIG_ADDRESS at 0xCF8 takes only 4-byte accesses,
 * CONFIG_DATA at 0xCFC reaches the register that it names. Narrower accesses to the first four ports belong to whoever else
 * is there: the reset control register at 0xCF9. Any thread; a guest that uses it on two processors at once uses a lock of
 * its own.
 */
final class ConfigPorts implements BusDevice {

    static final int PORT = 0xCF8;
    static final int PORTS = 8;
    private static final int ENABLE = 1 << 31;
    private static final int ADDRESS_BITS = 0x80FF_FFFC;

    private final PciBus bus;
    private final BusDevice reset;
    private final long resetOffset;
    private volatile int address;

    /** The ports, with {@code reset} inside them at port {@code resetPort}, one byte wide. */
    ConfigPorts(PciBus bus, BusDevice reset, int resetPort) {
        this.bus = bus;
        this.reset = reset;
        this.resetOffset = (long) resetPort - PORT;
    }

    int address() {
        return address;
    }

    void setAddress(int value) {
        address = value & ADDRESS_BITS;
    }

    @Override
    public long read(long offset, int size) {
        if (offset == 0 && size == 4) {
            return address;
        }
        if (offset == resetOffset && size == 1) {
            return reset.read(0, 1);
        }
        return isData(offset, size) ? bus.read(device(), function(), register(offset), size) : -1;
    }

    @Override
    public void write(long offset, int size, long value) {
        if (offset == 0 && size == 4) {
            setAddress((int) value);
        } else if (offset == resetOffset && size == 1) {
            reset.write(0, 1, value);
        } else if (isData(offset, size)) {
            bus.write(device(), function(), register(offset), size, (int) value);
        }
    }

    /** Whether an access reaches a register: inside CONFIG_DATA, enabled, on the only bus that there is. */
    private boolean isData(long offset, int size) {
        return offset >= 4 && offset + size <= PORTS && size <= 4 && size != 3 && offset % size == 0
                && (address & ENABLE) != 0 && (address >>> 16 & 0xFF) == 0;
    }

    private int device() {
        return address >>> 11 & 31;
    }

    private int function() {
        return address >>> 8 & 7;
    }

    private int register(long offset) {
        return address & 0xFC | (int) offset & 3;
    }

    @Override
    public String toString() {
        return "PCI configuration ports";
    }
}
