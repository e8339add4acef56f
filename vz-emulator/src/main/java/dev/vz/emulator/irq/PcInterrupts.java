package dev.vz.emulator.irq;

import dev.vz.bus.AddressRange;
import dev.vz.bus.IoBus;
import dev.vz.emulator.clock.MachineClock;
import dev.vz.error.ConfigurationException;
import dev.vz.irq.InterruptControllerState;
import dev.vz.irq.InterruptLine;

/**
 * The interrupt hardware of a PC put together: two 8259As, an I/O APIC and an 8254 around an {@link ApicBus}. Global
 * interrupt {@code n} below 16 is wired to input {@code n} of both the 8259As and the I/O APIC, the others to the I/O
 * APIC only: the identity mapping that KVM has by default.
 */
public final class PcInterrupts {

    private final ApicBus bus = new ApicBus();
    private final PicPair pics = new PicPair(bus);
    private final Ioapic ioapic = new Ioapic(bus);
    private final InterruptLine[] lines = new InterruptLine[Ioapic.INPUTS];
    private final Pit pit;

    /** Everything as after power-on. */
    public PcInterrupts(MachineClock clock) {
        for (int gsi = 0; gsi < lines.length; gsi++) {
            InterruptLine.Resampled pin = ioapic.line(gsi);
            lines[gsi] = gsi < 16 && gsi != 2 ? new SharedLine(gsi, pin) : pin;
        }
        pit = new Pit(clock, lines[0]);
    }

    /** Reaches the 8259As and the I/O APIC at once. */
    private final class SharedLine implements InterruptLine.Resampled {
        private final int irq;
        private final InterruptLine.Resampled pin;

        SharedLine(int irq, InterruptLine.Resampled pin) {
            this.irq = irq;
            this.pin = pin;
        }

        @Override
        public void set(boolean high) {
            pics.set(irq, high);
            pin.set(high);
        }

        @Override
        public void onEndOfInterrupt(Runnable listener) {
            pin.onEndOfInterrupt(listener);
        }
    }

    /** Puts the ports of the 8259As and the 8254 and the I/O APIC's page on the buses. */
    public void attachTo(IoBus ports, IoBus mmio) {
        ports.attach(new AddressRange(0x20, 2), pics.masterPorts());
        ports.attach(new AddressRange(0xA0, 2), pics.slavePorts());
        ports.attach(new AddressRange(0x4D0, 2), pics.elcrPorts());
        ports.attach(new AddressRange(0x40, 4), pit);
        ports.attach(new AddressRange(0x61, 1), pit.controlPort());
        mmio.attach(new AddressRange(Ioapic.ADDRESS, 0x1000), ioapic);
    }

    /** Where messages are delivered, and local APICs added. */
    public ApicBus bus() {
        return bus;
    }

    /** The 8259As: a local APIC acknowledges their interrupts. */
    public PicPair pics() {
        return pics;
    }

    /** The wire of global interrupt {@code gsi}, 0 to 23. */
    public InterruptLine line(int gsi) {
        if (gsi < 0 || gsi >= lines.length) {
            throw new ConfigurationException("There is no interrupt line " + gsi + "; a PC has lines 0 to 23");
        }
        return lines[gsi];
    }

    /** Everything as after power-on. */
    public void reset() {
        pics.reset();
        ioapic.reset();
        pit.reset();
    }

    /** The state, for a snapshot. */
    public InterruptControllerState save() {
        return new InterruptControllerState(pics.saveMaster(), pics.saveSlave(), ioapic.save(), pit.save());
    }

    /** Puts {@code state} in place. */
    public void restore(InterruptControllerState state) {
        pics.restore(state.master(), state.slave());
        ioapic.restore(state.ioapic());
        pit.restore(state.pit());
    }
}
