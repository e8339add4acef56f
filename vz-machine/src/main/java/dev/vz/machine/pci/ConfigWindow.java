package dev.vz.machine.pci;

import dev.vz.bus.BusDevice;

/**
 * Enhanced configuration access (PCI Express Base Specification 5.0, 7.2.2): 4096 bytes of configuration space for each
 * function, mapped one after the other. The bits of an address are bus, device (5), function (3), register (12).
 */
final class ConfigWindow implements BusDevice {

    /** Bytes of one bus. */
    static final long BYTES = 1 << 20;

    private final PciBus bus;

    ConfigWindow(PciBus bus) {
        this.bus = bus;
    }

    @Override
    public long read(long offset, int size) {
        long value = 0;
        for (int done = 0; done < size;) {
            long at = offset + done;
            int step = step(at, size - done);
            long part = bus.read(device(at), function(at), (int) at & 0xFFF, step) & 0xFFFF_FFFFL >>> 32 - 8 * step;
            value |= part << 8 * done;
            done += step;
        }
        return value;
    }

    @Override
    public void write(long offset, int size, long value) {
        for (int done = 0; done < size;) {
            long at = offset + done;
            int step = step(at, size - done);
            long part = value >>> 8 * done & 0xFFFF_FFFFL >>> 32 - 8 * step;
            bus.write(device(at), function(at), (int) at & 0xFFF, step, (int) part);
            done += step;
        }
    }

    /** The widest aligned access at {@code at} that {@code left} bytes are enough for: functions know no others. */
    private static int step(long at, int left) {
        int aligned = (at & 3) == 0 ? 4 : (at & 1) == 0 ? 2 : 1;
        return Math.min(aligned, Integer.highestOneBit(left));
    }

    private static int device(long at) {
        return (int) (at >>> 15) & 31;
    }

    private static int function(long at) {
        return (int) (at >>> 12) & 7;
    }

    @Override
    public String toString() {
        return "PCI configuration window";
    }
}
