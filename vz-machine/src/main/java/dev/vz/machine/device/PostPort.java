package dev.vz.machine.device;

import dev.vz.bus.BusDevice;
import dev.vz.error.FormatException;
import dev.vz.state.StateVersion;
import dev.vz.state.Stateful;

/**
 * Port 0x80: firmware writes its progress there, and kernels write to it to pass about a microsecond. It keeps the last
 * value. Any thread.
 */
public final class PostPort implements BusDevice, Stateful<PostPort.State> {

    /** Its port. */
    public static final int PORT = 0x80;

    private volatile int code;

    /** A port to which nothing was written yet. */
    public PostPort() {}

    /** What was written last, 0 to 0xFF. */
    public int code() {
        return code;
    }

    /** After power-on. */
    public void reset() {
        code = 0;
    }

    @Override
    public long read(long offset, int size) {
        return code;
    }

    @Override
    public void write(long offset, int size, long value) {
        code = (int) value & 0xFF;
    }

    /**
     * What the port holds.
     *
     * @param code 0 to 0xFF
     */
    @StateVersion(1)
    public record State(int code) {}

    @Override
    public Class<State> stateType() {
        return State.class;
    }

    @Override
    public State save() {
        return new State(code);
    }

    @Override
    public void restore(State state) {
        if (state.code() < 0 || state.code() > 0xFF) {
            throw new FormatException("Cannot restore the POST code to " + state.code() + "; it has 8 bits");
        }
        code = state.code();
    }

    @Override
    public String toString() {
        return "POST port";
    }
}
