package dev.vz.machine.device;

import dev.vz.display.InputSink;
import dev.vz.error.FormatException;
import dev.vz.state.StateVersion;
import dev.vz.state.Stateful;
import java.util.ArrayList;
import java.util.List;

/**
 * A PS/2 keyboard that speaks scan code set 2. What a person types arrives through {@link InputSink#key}; keys that do not
 * fit into its 16-byte buffer are lost, as on the real thing. Any thread.
 */
public final class Keyboard implements InputSink, Stateful<Keyboard.State> {

    private static final int BUFFER = 16;
    private static final int ACKNOWLEDGE = 0xFA;
    private static final int RESEND = 0xFE;
    private static final int SELF_TEST_PASSED = 0xAA;
    private static final int EXTENDED = 0xE0;
    private static final int RELEASE = 0xF0;

    private final Runnable onData;
    private final byte[] buffer = new byte[BUFFER];
    private int head;
    private int size;
    private int command;
    private int indicators;
    private boolean scanning = true;
    private int lastSent;

    /** {@code onData} runs, outside this keyboard's lock, when bytes wait that did not before. */
    Keyboard(Runnable onData) {
        this.onData = onData;
    }

    synchronized void reset() {
        size = 0;
        command = 0;
        indicators = 0;
        scanning = true;
    }

    /** The lamps: bit 0 scroll lock, bit 1 num lock, bit 2 caps lock. */
    public synchronized int indicators() {
        return indicators;
    }

    /** The next byte for the controller, or -1. */
    synchronized int next() {
        if (size == 0) {
            return -1;
        }
        lastSent = buffer[head] & 0xFF;
        head = (head + 1) % BUFFER;
        size--;
        return lastSent;
    }

    private void send(int value) {
        if (size < BUFFER) {
            buffer[(head + size++) % BUFFER] = (byte) value;
        }
    }

    /** Takes a byte from the controller: a command or its argument. Answers wait in the buffer. */
    synchronized void command(int value) {
        int expecting = command;
        command = 0;
        if (expecting != 0 && value < 0x80) {
            argument(expecting, value);
            return;
        }
        switch (value) {
            case 0xED, 0xF0, 0xF3 -> {
                command = value;
                send(ACKNOWLEDGE);
            }
            case 0xEE -> send(0xEE); // echo
            case 0xF2 -> {
                send(ACKNOWLEDGE);
                send(0xAB);
                send(0x83);
            }
            case 0xF4 -> {
                size = 0;
                scanning = true;
                send(ACKNOWLEDGE);
            }
            case 0xF5, 0xF6 -> {
                size = 0;
                scanning = value == 0xF6;
                send(ACKNOWLEDGE);
            }
            case 0xFE -> send(lastSent);
            case 0xFF -> {
                reset();
                send(ACKNOWLEDGE);
                send(SELF_TEST_PASSED);
            }
            default -> send(RESEND);
        }
    }

    private void argument(int expecting, int value) {
        switch (expecting) {
            case 0xED -> {
                indicators = value & 7;
                send(ACKNOWLEDGE);
            }
            case 0xF0 -> {
                // Only set 2 is there: 0 asks which, 2 chooses it.
                send(value == 0 || value == 2 ? ACKNOWLEDGE : RESEND);
                if (value == 0) {
                    send(2);
                }
            }
            default -> send(ACKNOWLEDGE); // typematic rate: keys repeat where they are typed
        }
    }

    @Override
    public void key(int code, boolean down) {
        synchronized (this) {
            int scan = ScanCodes.ofKey(code);
            int needed = (ScanCodes.isExtended(code) ? 1 : 0) + (down ? 1 : 2);
            if (scan == 0 || !scanning || size + needed > BUFFER) {
                return;
            }
            if (ScanCodes.isExtended(code)) {
                send(EXTENDED);
            }
            if (!down) {
                send(RELEASE);
            }
            send(scan);
        }
        onData.run();
    }

    @Override
    public void pointer(int x, int y, int width, int height, int buttons) {
        // A keyboard has no pointer.
    }

    @Override
    public void wheel(int horizontal, int vertical) {
        // A keyboard has no wheel.
    }

    /**
     * What the keyboard holds.
     *
     * @param buffer     bytes that wait for the controller, oldest first
     * @param command    the command that waits for its argument; 0 for none
     * @param indicators the lamps
     * @param scanning   whether keys are sent
     * @param lastSent   what a resend repeats
     */
    @StateVersion(1)
    public record State(List<Integer> buffer, int command, int indicators, boolean scanning, int lastSent) {

        /** Copies the list. */
        public State {
            buffer = List.copyOf(buffer);
        }
    }

    @Override
    public Class<State> stateType() {
        return State.class;
    }

    @Override
    public synchronized State save() {
        var waiting = new ArrayList<Integer>(size);
        for (int i = 0; i < size; i++) {
            waiting.add(buffer[(head + i) % BUFFER] & 0xFF);
        }
        return new State(waiting, command, indicators, scanning, lastSent);
    }

    @Override
    public synchronized void restore(State state) {
        boolean bytes = state.buffer().stream().allMatch(v -> v >= 0 && v <= 0xFF);
        if (state.buffer().size() > BUFFER || !bytes || state.command() < 0 || state.command() > 0xFF
                || (state.indicators() & ~7) != 0 || (state.lastSent() & ~0xFF) != 0) {
            throw new FormatException("Cannot restore the keyboard: a value is out of range in " + state);
        }
        head = 0;
        size = 0;
        state.buffer().forEach(this::send);
        command = state.command();
        indicators = state.indicators();
        scanning = state.scanning();
        lastSent = state.lastSent();
    }
}
