package dev.vz.irq;

/**
 * The interrupt controllers that belong to the machine as a whole; local APICs belong to their vCPUs.
 *
 * @param master the 8259A at 0x20
 * @param slave  the 8259A at 0xA0
 * @param ioapic the I/O APIC
 * @param pit    the 8254
 */
public record InterruptControllerState(PicState master, PicState slave, IoapicState ioapic, PitState pit) {}
