package dev.vz.machine.device;

import dev.vz.bus.BusDevice;
import dev.vz.error.FormatException;
import dev.vz.irq.InterruptLine;
import dev.vz.state.StateVersion;
import dev.vz.state.Stateful;

/**
 * The block of general-purpose events GPE0 (ACPI 6.5, 4.8.4.1): eight events, each with a status bit that is written one to
 * clear and an enable bit. While an enabled one is up, the system control interrupt is. The DSDT's {@code _GPE._Exx} methods
 * say what each means. Any thread.
 */
public final class GeneralPurposeEvents implements BusDevice, Stateful<GeneralPurposeEvents.State> {

    /** Number of ports: GPE0_STS, GPE0_EN. */
    public static final int PORTS = 2;

    private final InterruptLine sci;
    private int status;
    private int enable;
    private boolean level;

    /** The events after reset, reported through {@code sci}, which is level-triggered. */
    public GeneralPurposeEvents(InterruptLine sci) {
        this.sci = sci;
    }

    /** After power-on. */
    public synchronized void reset() {
        status = 0;
        enable = 0;
        update();
    }

    /** Event {@code number}, 0 to 7, has happened. */
    public synchronized void raise(int number) {
        status |= 1 << number & 0xFF;
        update();
    }

    @Override
    public synchronized long read(long offset, int size) {
        return (status | enable << 8) >>> 8 * offset & -1L >>> 64 - 8 * size;
    }

    @Override
    public synchronized void write(long offset, int size, long value) {
        for (int i = 0; i < size; i++) {
            int part = (int) (value >>> 8 * i) & 0xFF;
            if (offset + i == 0) {
                status &= ~part;
            } else {
                enable = part;
            }
        }
        update();
    }

    private void update() {
        boolean high = (status & enable) != 0;
        if (high != level) {
            level = high;
            sci.set(high);
        }
    }

    /**
     * What the registers hold.
     *
     * @param status GPE0_STS
     * @param enable GPE0_EN
     */
    @StateVersion(1)
    public record State(int status, int enable) {}

    @Override
    public Class<State> stateType() {
        return State.class;
    }

    @Override
    public synchronized State save() {
        return new State(status, enable);
    }

    @Override
    public synchronized void restore(State state) {
        if (((state.status() | state.enable()) & ~0xFF) != 0) {
            throw new FormatException("Cannot restore the general-purpose events: there are eight, got " + state);
        }
        status = state.status();
        enable = state.enable();
        update();
    }

    @Override
    public String toString() {
        return "general-purpose events";
    }
}
