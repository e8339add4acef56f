package dev.vz.machine.device;

import dev.vz.bus.BusDevice;
import dev.vz.error.FormatException;
import dev.vz.irq.InterruptLine;
import dev.vz.state.StateVersion;
import dev.vz.state.Stateful;
import java.util.Arrays;

/**
 * The i8042 keyboard controller, ports 0x60 (data) and 0x64 (status and command), with one PS/2 keyboard and no mouse.
 * Guests also use it to reset the machine: command 0xFE pulses the reset line. Any thread.
 */
public final class KeyboardController implements Stateful<KeyboardController.State> {

    /** The data port. */
    public static final int DATA_PORT = 0x60;
    /** The status and command port. */
    public static final int COMMAND_PORT = 0x64;

    static final int STATUS_OUTPUT_FULL = 1;
    static final int STATUS_SYSTEM = 1 << 2;
    static final int STATUS_COMMAND = 1 << 3;
    static final int STATUS_UNLOCKED = 1 << 4;
    static final int CONFIG_INTERRUPT = 1;
    static final int CONFIG_SYSTEM = 1 << 2;
    static final int CONFIG_DISABLED = 1 << 4;
    static final int CONFIG_AUX_DISABLED = 1 << 5;
    static final int CONFIG_TRANSLATE = 1 << 6;

    /** What firmware leaves behind: keyboard interrupt and translation on, no mouse. */
    private static final int CONFIG_AFTER_RESET = CONFIG_INTERRUPT | CONFIG_SYSTEM | CONFIG_AUX_DISABLED
            | CONFIG_TRANSLATE;
    /** Output port: reset line high, A20 open. */
    private static final int OUTPUT_PORT = 0xCF;
    private static final int RELEASE = 0xF0;

    private final InterruptLine interrupt;
    private final PowerControl power;
    private final Keyboard keyboard = new Keyboard(this::pump);
    private final byte[] ram = new byte[32];
    private int command;
    private int output;
    private boolean outputFull;
    private boolean lastWriteWasCommand;
    /** In translated mode the release prefix of set 2 becomes bit 7 of the next code. */
    private boolean releasePending;
    private boolean level;

    /**
     * A controller after reset.
     *
     * @param interrupt input 1 of the interrupt controllers, active high
     * @param power     where the reset line leads
     */
    public KeyboardController(InterruptLine interrupt, PowerControl power) {
        this.interrupt = interrupt;
        this.power = power;
        reset();
    }

    /** The keyboard that is plugged in. */
    public Keyboard keyboard() {
        return keyboard;
    }

    /** What answers at {@link #DATA_PORT}. */
    public BusDevice dataPort() {
        return new Port("keyboard data") {
            @Override
            public long read(long offset, int size) {
                return readData();
            }

            @Override
            public void write(long offset, int size, long value) {
                writeData((int) value & 0xFF);
            }
        };
    }

    /** What answers at {@link #COMMAND_PORT}. */
    public BusDevice commandPort() {
        return new Port("keyboard controller") {
            @Override
            public long read(long offset, int size) {
                return readStatus();
            }

            @Override
            public void write(long offset, int size, long value) {
                writeCommand((int) value & 0xFF);
            }
        };
    }

    /** After power-on. */
    public synchronized void reset() {
        Arrays.fill(ram, (byte) 0);
        ram[0] = CONFIG_AFTER_RESET;
        command = 0;
        outputFull = false;
        lastWriteWasCommand = false;
        releasePending = false;
        keyboard.reset();
        update();
    }

    private synchronized int readStatus() {
        return (outputFull ? STATUS_OUTPUT_FULL : 0) | ram[0] & STATUS_SYSTEM
                | (lastWriteWasCommand ? STATUS_COMMAND : 0) | STATUS_UNLOCKED;
    }

    private synchronized int readData() {
        int value = output;
        outputFull = false;
        update();
        pump();
        return value;
    }

    private synchronized void writeData(int value) {
        lastWriteWasCommand = false;
        int expecting = command;
        command = 0;
        switch (expecting) {
            case 0 -> {
                // Any byte to the keyboard switches its clock line on again.
                ram[0] &= (byte) ~CONFIG_DISABLED;
                keyboard.command(value);
            }
            case 0xD1 -> {
                if ((value & 1) == 0) {
                    power.reset("keyboard controller output port");
                }
            }
            case 0xD2 -> put(value);
            case 0xD3 -> put(value); // mouse loopback: answered as the keyboard's, so no mouse is found
            case 0xD4 -> put(0xFE); // a byte for the mouse: nobody answers
            default -> ram[expecting & 0x1F] = (byte) value;
        }
        update();
        pump();
    }

    private synchronized void writeCommand(int value) {
        lastWriteWasCommand = true;
        command = 0;
        switch (value) {
            case 0xA7 -> ram[0] |= CONFIG_AUX_DISABLED;
            case 0xA8 -> ram[0] &= (byte) ~CONFIG_AUX_DISABLED;
            case 0xA9 -> put(2); // mouse clock line stuck high: none is there
            case 0xAA -> {
                ram[0] |= CONFIG_SYSTEM;
                put(0x55);
            }
            case 0xAB -> put(0); // keyboard lines are fine
            case 0xAD -> ram[0] |= CONFIG_DISABLED;
            case 0xAE -> ram[0] &= (byte) ~CONFIG_DISABLED;
            case 0xC0 -> put(0x80); // input port: keyboard not locked
            case 0xD0 -> put(OUTPUT_PORT | (outputFull ? 0x10 : 0));
            case 0xD1, 0xD2, 0xD3, 0xD4 -> command = value;
            default -> {
                if (value >= 0x20 && value < 0x40) {
                    put(ram[value & 0x1F] & 0xFF);
                } else if (value >= 0x60 && value < 0x80) {
                    command = value;
                } else if (value >= 0xF0 && (value & 1) == 0) {
                    power.reset("keyboard controller command 0x" + Integer.toHexString(value));
                }
            }
        }
        update();
        pump();
    }

    private void put(int value) {
        output = value;
        outputFull = true;
    }

    /** Moves the keyboard's next byte into the output buffer if there is room and its interface is on. */
    private synchronized void pump() {
        while (!outputFull && (ram[0] & CONFIG_DISABLED) == 0) {
            int value = keyboard.next();
            if (value < 0) {
                break;
            }
            if ((ram[0] & CONFIG_TRANSLATE) != 0) {
                if (value == RELEASE) {
                    releasePending = true;
                    continue;
                }
                value = ScanCodes.translate(value) | (releasePending ? 0x80 : 0);
                releasePending = false;
            }
            put(value);
        }
        update();
    }

    private void update() {
        boolean high = outputFull && (ram[0] & CONFIG_INTERRUPT) != 0;
        if (high != level) {
            level = high;
            interrupt.set(high);
        }
    }

    // ---------------------------------------------------------------------------------------------------- state

    /**
     * What controller and keyboard hold.
     *
     * @param ram                 the 32 bytes of controller memory; byte 0 is the configuration
     * @param command             the command that waits for its data byte; 0 for none
     * @param output              the output buffer; -1 if empty
     * @param lastWriteWasCommand status bit 3
     * @param releasePending      a release prefix waits for its code
     * @param keyboard            the keyboard
     */
    @StateVersion(1)
    public record State(byte[] ram, int command, int output, boolean lastWriteWasCommand, boolean releasePending,
            Keyboard.State keyboard) {

        /** Copies the array. */
        public State {
            ram = ram.clone();
        }

        @Override
        public byte[] ram() {
            return ram.clone();
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof State s && Arrays.equals(ram, s.ram) && command == s.command && output == s.output
                    && lastWriteWasCommand == s.lastWriteWasCommand
                    && releasePending == s.releasePending && keyboard.equals(s.keyboard);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(ram) * 31 + output;
        }
    }

    @Override
    public Class<State> stateType() {
        return State.class;
    }

    @Override
    public synchronized State save() {
        return new State(ram, command, outputFull ? output : -1, lastWriteWasCommand, releasePending,
                keyboard.save());
    }

    @Override
    public synchronized void restore(State state) {
        byte[] bytes = state.ram();
        if (bytes.length != ram.length || state.command() < 0 || state.command() > 0xFF || state.output() < -1
                || state.output() > 0xFF) {
            throw new FormatException("Cannot restore the keyboard controller: it has " + ram.length
                    + " bytes of memory, got " + bytes.length + ", command " + state.command() + ", output "
                    + state.output());
        }
        keyboard.restore(state.keyboard());
        System.arraycopy(bytes, 0, ram, 0, ram.length);
        command = state.command();
        outputFull = state.output() >= 0;
        output = Math.max(state.output(), 0);
        lastWriteWasCommand = state.lastWriteWasCommand();
        releasePending = state.releasePending();
        update();
    }

    @Override
    public String toString() {
        return "keyboard controller";
    }

    private abstract static class Port implements BusDevice {
        private final String name;

        Port(String name) {
            this.name = name;
        }

        @Override
        public String toString() {
            return name;
        }
    }
}
