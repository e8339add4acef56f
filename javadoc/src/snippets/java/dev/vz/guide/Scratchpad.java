package dev.vz.guide;

// @start region="device"
import dev.vz.bus.BusDevice;

/** Eight bytes that the guest can write and read back. */
final class Scratchpad implements BusDevice {

    private long bytes;

    @Override
    public synchronized long read(long offset, int size) {
        return bytes >>> 8 * offset; // higher bits are ignored
    }

    @Override
    public synchronized void write(long offset, int size, long value) {
        long mask = -1L >>> 64 - 8 * size;
        bytes = bytes & ~(mask << 8 * offset) | value << 8 * offset;
    }
}
// @end
