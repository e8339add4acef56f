package dev.vz.kvm;

import dev.vz.error.CapabilityException;
import dev.vz.irq.Msi;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_irq_routing_entry;
import dev.vz.kvm.generated.kvm_irq_routing_irqchip;
import dev.vz.kvm.generated.kvm_irq_routing_msi;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.TreeMap;

/**
 * Where global interrupts lead (KVM_SET_GSI_ROUTING). The kernel takes the table as a whole, so it is kept here.
 *
 * <p>
 * Interrupts 0 to 23 lead to the controllers in the kernel, as they do before anybody sets a table: interrupt <i>n</i> to
 * input <i>n</i> of the I/O APIC and, below 16, of the 8259As. With the I/O APIC outside the kernel they lead to what its
 * redirection table says. Messages take the numbers from 24 on.
 */
final class GsiRouting {

    private static final long HEADER = 8;

    private final FileDescriptor machine;
    private final boolean chips;
    private final int limit;
    private final BitSet used = new BitSet();
    private final TreeMap<Integer, Msi> messages = new TreeMap<>();

    GsiRouting(FileDescriptor machine, boolean chips, int limit) {
        this.machine = machine;
        this.chips = chips;
        this.limit = limit;
        used.set(0, MachineBuilder.IOAPIC_PINS);
    }

    /** Takes a number that leads nowhere yet. */
    synchronized int take() {
        int gsi = used.nextClearBit(0);
        if (gsi >= limit) {
            throw new CapabilityException("KVM routes " + limit + " interrupts of " + machine + ", all in use");
        }
        used.set(gsi);
        return gsi;
    }

    /**
     * Makes {@code gsi} lead to {@code message}; to nowhere if that is no message that KVM could deliver, which the guest
     * can make it be.
     */
    synchronized void set(int gsi, Msi message) {
        // The high half holds bits 31 to 8 of the destination; the low byte of it is reserved.
        if ((message.address() >>> 32 & 0xFF) != 0) {
            clear(gsi);
            return;
        }
        Msi old = messages.put(gsi, message);
        if (!message.equals(old)) {
            submit();
        }
    }

    /** Makes {@code gsi} lead nowhere. */
    synchronized void clear(int gsi) {
        if (messages.remove(gsi) != null) {
            submit();
        }
    }

    /** Gives a number of {@link #take} back. */
    synchronized void release(int gsi) {
        clear(gsi);
        used.clear(gsi);
    }

    private void submit() {
        List<int[]> pins = chips ? pins() : List.of();
        long size = kvm_irq_routing_entry.sizeof();
        try (var arena = Arena.ofConfined()) {
            int count = pins.size() + messages.size();
            MemorySegment table = arena.allocate(HEADER + Math.max(count, 1) * size, 8);
            table.set(ValueLayout.JAVA_INT, 0, count);
            long at = HEADER;
            for (int[] pin : pins) {
                MemorySegment entry = entry(table.asSlice(at, size), pin[0], KvmHeaders.KVM_IRQ_ROUTING_IRQCHIP());
                MemorySegment chip = kvm_irq_routing_entry.u.irqchip(entry);
                kvm_irq_routing_irqchip.irqchip(chip, pin[1]);
                kvm_irq_routing_irqchip.pin(chip, pin[2]);
                at += size;
            }
            for (var message : messages.entrySet()) {
                MemorySegment entry = entry(table.asSlice(at, size), message.getKey(),
                        KvmHeaders.KVM_IRQ_ROUTING_MSI());
                MemorySegment msi = kvm_irq_routing_entry.u.msi(entry);
                kvm_irq_routing_msi.address_lo(msi, (int) message.getValue().address());
                kvm_irq_routing_msi.address_hi(msi, (int) (message.getValue().address() >>> 32));
                kvm_irq_routing_msi.data(msi, message.getValue().data());
                at += size;
            }
            Ioctl.checked("ioctl KVM_SET_GSI_ROUTING of " + count + " routes", machine,
                    KvmHeaders.KVM_SET_GSI_ROUTING(), table);
        }
    }

    /** Fills the fixed part and returns the union. */
    private static MemorySegment entry(MemorySegment entry, int gsi, int type) {
        kvm_irq_routing_entry.gsi(entry, gsi);
        kvm_irq_routing_entry.type(entry, type);
        return kvm_irq_routing_entry.u(entry);
    }

    /** Interrupt, chip and input of the default table. */
    private static List<int[]> pins() {
        var pins = new ArrayList<int[]>();
        for (int gsi = 0; gsi < MachineBuilder.IOAPIC_PINS; gsi++) {
            pins.add(new int[] {gsi, KvmHeaders.KVM_IRQCHIP_IOAPIC(), gsi});
            if (gsi < 16) {
                pins.add(new int[] {gsi,
                    gsi < 8 ? KvmHeaders.KVM_IRQCHIP_PIC_MASTER() : KvmHeaders.KVM_IRQCHIP_PIC_SLAVE(), gsi % 8});
            }
        }
        return pins;
    }
}
