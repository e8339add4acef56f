package dev.vz.irq;

/**
 * A message-signalled interrupt: the write that a PCI function makes to interrupt a CPU.
 *
 * @param address where it writes; on x86 {@code 0xFEEx_xxxx} with the destination in bits 19..12
 * @param data    what it writes; on x86 the vector in bits 7..0, the delivery mode in 10..8, the trigger in 15
 */
public record Msi(long address, int data) {

    /** A fixed, edge-triggered message for {@code vector} of the CPU with that 8-bit APIC id. */
    public static Msi fixed(int apicId, int vector) {
        return new Msi(0xFEE0_0000L | (apicId & 0xFFL) << 12, vector & 0xFF);
    }
}
