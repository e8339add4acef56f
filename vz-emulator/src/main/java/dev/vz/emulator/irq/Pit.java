package dev.vz.emulator.irq;

import dev.vz.bus.BusDevice;
import dev.vz.emulator.clock.MachineClock;
import dev.vz.irq.InterruptLine;
import dev.vz.irq.PitState;
import java.util.List;

/**
 * The 8254 interval timer of a PC at ports 0x40 to 0x43, and system control port B at 0x61, through which software gates
 * channel 2 and reads its output. Channel 0 drives interrupt line 0. Thread-safe.
 */
public final class Pit implements BusDevice {

    private final PitChannel[] channels;
    private boolean speaker;

    /** A timer as after power-on. */
    public Pit(MachineClock clock, InterruptLine line) {
        channels = new PitChannel[] {new PitChannel(clock, this, line::set), new PitChannel(clock, this, null),
            new PitChannel(clock, this, null)};
        channels[2].setGate(false);
    }

    /** As after power-on. */
    public synchronized void reset() {
        for (PitChannel channel : channels) {
            channel.reset();
        }
        channels[2].setGate(false);
        speaker = false;
    }

    @Override
    public synchronized long read(long offset, int size) {
        return offset < 3 ? channels[(int) offset].read() : 0;
    }

    @Override
    public synchronized void write(long offset, int size, long value) {
        int data = (int) value & 0xFF;
        if (offset < 3) {
            channels[(int) offset].write(data);
        } else if (data >>> 6 < 3) {
            channels[data >>> 6].control(data);
        } else {
            readBack(data);
        }
    }

    private void readBack(int command) {
        for (int i = 0; i < 3; i++) {
            if ((command & 2 << i) != 0) {
                if ((command & 0x20) == 0) {
                    channels[i].latchCount();
                }
                if ((command & 0x10) == 0) {
                    channels[i].latchStatus();
                }
            }
        }
    }

    /** What answers at port 0x61. */
    public BusDevice controlPort() {
        return new ControlPort();
    }

    private final class ControlPort implements BusDevice {
        private boolean refresh;

        @Override
        public long read(long offset, int size) {
            synchronized (Pit.this) {
                // Bit 4 toggles with memory refresh; software that waits for it only wants to see it move.
                refresh = !refresh;
                return (channels[2].gate() ? 1 : 0) | (speaker ? 2 : 0) | (refresh ? 0x10 : 0)
                        | (channels[2].out() ? 0x20 : 0);
            }
        }

        @Override
        public void write(long offset, int size, long value) {
            synchronized (Pit.this) {
                speaker = (value & 2) != 0;
                channels[2].setGate((value & 1) != 0);
            }
        }
    }

    /** The state, for a snapshot; load times are the age of the count in nanoseconds. */
    public synchronized PitState save() {
        return new PitState(List.of(channels[0].save(), channels[1].save(), channels[2].save()), speaker);
    }

    /** Puts {@code state} in place. */
    public synchronized void restore(PitState state) {
        for (int i = 0; i < Math.min(3, state.channels().size()); i++) {
            channels[i].restore(state.channels().get(i));
        }
        speaker = state.speakerDataOn();
    }
}
