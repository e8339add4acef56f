package dev.vz.machine.pci;

import dev.vz.bus.BusDevice;
import dev.vz.machine.acpi.Aml;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Tells the guest that functions have come or are to go, through three registers of 32 bits, a bit for each device number
 * (ACPI 6.5, 6.3): 0 arrived and 4 to leave, which reading clears; 8 ejected, which is only written. The methods of the DSDT
 * that read them are made here, too, so that both sides stand in one place. Any thread.
 */
final class PciHotPlug implements BusDevice {

    static final int PORTS = 12;
    private static final int ARRIVED = 0;
    private static final int LEAVING = 4;
    private static final int EJECTED = 8;

    /** Values of Notify (ACPI 6.5, 5.6.6). */
    private static final int DEVICE_CHECK = 1;
    private static final int EJECT_REQUEST = 3;

    private final IntConsumer eject;
    private int arrived;
    private int leaving;

    /** Registers that call {@code eject} with a device number when the guest has let go of it; on a vCPU thread. */
    PciHotPlug(IntConsumer eject) {
        this.eject = eject;
    }

    synchronized void reset() {
        arrived = 0;
        leaving = 0;
    }

    synchronized void announce(int device) {
        arrived |= 1 << device;
    }

    synchronized void ask(int device) {
        leaving |= 1 << device;
    }

    synchronized int arrived() {
        return arrived;
    }

    synchronized int leaving() {
        return leaving;
    }

    synchronized void restore(int arrived, int leaving) {
        this.arrived = arrived;
        this.leaving = leaving;
    }

    @Override
    public synchronized long read(long offset, int size) {
        if (size != 4) {
            return 0;
        }
        long value = 0;
        if (offset == ARRIVED) {
            value = arrived & 0xFFFF_FFFFL;
            arrived = 0;
        } else if (offset == LEAVING) {
            value = leaving & 0xFFFF_FFFFL;
            leaving = 0;
        }
        return value;
    }

    @Override
    public void write(long offset, int size, long value) {
        if (offset == EJECTED && size == 4) {
            for (int device = 0; device < PciBus.DEVICES; device++) {
                if ((value >>> device & 1) != 0) {
                    eject.accept(device);
                }
            }
        }
    }

    // ------------------------------------------------------------------------------------------ firmware tables

    /** What belongs into the host bridge's device: the registers at {@code port}, the places, what looks for changes. */
    static List<Aml> terms(int port) {
        var terms = new ArrayList<Aml>();
        terms.add(Aml.portRegion("HPRG", port, PORTS));
        terms.add(Aml.doubleWords("HPRG", "HPUP", "HPDN", "HPEJ"));
        var look = new ArrayList<Aml>();
        look.add(Aml.store(Aml.named("HPUP"), Aml.local(0)));
        look.add(Aml.store(Aml.named("HPDN"), Aml.local(1)));
        for (int device = 1; device < PciBus.DEVICES; device++) {
            String place = place(device);
            long bit = 1L << device;
            terms.add(Aml.device(place, Aml.name("_ADR", Aml.integer((long) device << 16)),
                    Aml.name("_SUN", Aml.integer(device)),
                    Aml.serializedMethod("_EJ0", 1, Aml.store(Aml.integer(bit), Aml.named("HPEJ")))));
            look.add(Aml.ifAnyBit(Aml.local(0), bit, Aml.notify(place, DEVICE_CHECK)));
            look.add(Aml.ifAnyBit(Aml.local(1), bit, Aml.notify(place, EJECT_REQUEST)));
        }
        terms.add(Aml.serializedMethod("HPLK", 0, look.toArray(Aml[]::new)));
        return terms;
    }

    /** What the general-purpose event {@code number} runs; {@code bridge} is the host bridge's full name. */
    static Aml event(int number, String bridge) {
        return Aml.scope("\\_GPE", Aml.method(String.format("_E%02X", number), 0, Aml.named(bridge + ".HPLK")));
    }

    private static String place(int device) {
        return String.format("S%02X_", device);
    }

    @Override
    public String toString() {
        return "PCI hot plug";
    }
}
