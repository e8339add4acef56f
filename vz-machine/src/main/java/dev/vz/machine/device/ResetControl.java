package dev.vz.machine.device;

import dev.vz.bus.BusDevice;
import dev.vz.error.FormatException;
import dev.vz.state.StateVersion;
import dev.vz.state.Stateful;

/** The reset control register of the chip sets, port 0xCF9: what the ACPI reset register points to. Any thread. */
public final class ResetControl implements BusDevice, Stateful<ResetControl.State> {

    /** The register's port. */
    public static final int PORT = 0xCF9;
    /** What resets the machine: full reset of the processors. */
    public static final int RESET_VALUE = 6;

    private static final int SYSTEM_RESET = 1 << 1;
    private static final int RESET_CPU = 1 << 2;

    private final PowerControl power;
    private volatile int value;

    /** A register that resets through {@code power}. */
    public ResetControl(PowerControl power) {
        this.power = power;
    }

    /** After power-on. */
    public void reset() {
        value = 0;
    }

    @Override
    public long read(long offset, int size) {
        return value;
    }

    @Override
    public void write(long offset, int size, long data) {
        // The reset happens when RESET_CPU goes from 0 to 1; SYSTEM_RESET alone chooses hard or soft.
        boolean rises = (value & RESET_CPU) == 0 && (data & RESET_CPU) != 0;
        value = (int) data & (SYSTEM_RESET | RESET_CPU);
        if (rises) {
            power.reset("port 0xcf9");
        }
    }

    /**
     * What the register holds.
     *
     * @param value bits 1 and 2
     */
    @StateVersion(1)
    public record State(int value) {}

    @Override
    public Class<State> stateType() {
        return State.class;
    }

    @Override
    public State save() {
        return new State(value);
    }

    @Override
    public void restore(State state) {
        if ((state.value() & ~(SYSTEM_RESET | RESET_CPU)) != 0) {
            throw new FormatException("Cannot restore the reset control register to " + state.value()
                    + "; only bits 1 and 2 exist");
        }
        value = state.value();
    }

    @Override
    public String toString() {
        return "reset control";
    }
}
