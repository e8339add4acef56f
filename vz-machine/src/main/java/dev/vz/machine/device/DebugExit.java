package dev.vz.machine.device;

import dev.vz.bus.BusDevice;

/**
 * A port for test programs without power management: whatever is written to it ends the machine with that value. The
 * counterpart of QEMU's isa-debug-exit; without state. Any thread.
 */
public final class DebugExit implements BusDevice {

    /** Where guests expect it. */
    public static final int DEFAULT_PORT = 0xF4;
    /** Number of ports it occupies. */
    public static final int PORTS = 4;

    private final PowerControl power;

    /** A port that ends the machine through {@code power}. */
    public DebugExit(PowerControl power) {
        this.power = power;
    }

    @Override
    public long read(long offset, int size) {
        return 0;
    }

    @Override
    public void write(long offset, int size, long value) {
        power.debugExit((int) value);
    }

    @Override
    public String toString() {
        return "debug exit";
    }
}
