package dev.vz.machine.acpi;

import java.io.ByteArrayOutputStream;

/** The multiple APIC description table's body (5.2.12): which interrupt controllers there are. Used once, by one thread. */
public final class Madt {

    private static final int PCAT_COMPAT = 1;
    /** APIC ids from here on need an x2APIC entry. */
    private static final int FIRST_X2APIC_ID = 255;

    private final ByteArrayOutputStream body = new ByteArrayOutputStream();

    /** A table of a PC that has dual 8259s and local APICs at {@code lapicAddress}. */
    public Madt(long lapicAddress) {
        write(lapicAddress, 4);
        write(PCAT_COMPAT, 4);
    }

    /** An enabled processor, of either kind of entry (5.2.12.2, 5.2.12.12). */
    public Madt processor(int uid, int apicId) {
        if (apicId < FIRST_X2APIC_ID) {
            entry(0, 8).write(uid, 1).write(apicId, 1).write(1, 4);
        } else {
            entry(9, 16).write(0, 2).write(apicId, 4).write(1, 4).write(uid, 4);
        }
        return this;
    }

    /** An I/O APIC whose first input is {@code gsiBase} (5.2.12.3). */
    public Madt ioapic(int id, long address, int gsiBase) {
        return entry(1, 12).write(id, 1).write(0, 1).write(address, 4).write(gsiBase, 4);
    }

    /** ISA interrupt {@code irq} arrives at {@code gsi} (5.2.12.5), active high. */
    public Madt isaOverride(int irq, int gsi, boolean levelTriggered) {
        return entry(2, 10).write(0, 1).write(irq, 1).write(gsi, 4).write(levelTriggered ? 0xD : 0x5, 2);
    }

    /** NMI is wired to {@code lint} of every local APIC (5.2.12.7). */
    public Madt localNmi(int lint) {
        return entry(4, 6).write(0xFF, 1).write(0x5, 2).write(lint, 1);
    }

    /** The body as bytes. */
    public byte[] bytes() {
        return body.toByteArray();
    }

    private Madt entry(int type, int length) {
        return write(type, 1).write(length, 1);
    }

    private Madt write(long value, int size) {
        body.writeBytes(Aml.little(value, size));
        return this;
    }
}
