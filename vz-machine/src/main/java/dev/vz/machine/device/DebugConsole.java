package dev.vz.machine.device;

import dev.vz.bus.BusDevice;
import dev.vz.machine.serial.SerialLine;

/**
 * Port 0xE9: bytes written to it appear at the other end, with no chip in between. A read gives 0xE9, by which a guest
 * knows that it is there. Bytes that the other end has no room for are lost. Any thread.
 */
public final class DebugConsole implements BusDevice {

    /** Its port. */
    public static final int PORT = 0xE9;

    private volatile SerialLine line = SerialLine.unconnected();

    /** A console that nobody reads yet. */
    public DebugConsole() {}

    /** Leads to {@code line} from now on. */
    public void connect(SerialLine line) {
        this.line = line;
    }

    @Override
    public long read(long offset, int size) {
        return PORT;
    }

    @Override
    public synchronized void write(long offset, int size, long value) {
        line.transmit((int) value & 0xFF);
    }

    @Override
    public String toString() {
        return "debug console";
    }
}
