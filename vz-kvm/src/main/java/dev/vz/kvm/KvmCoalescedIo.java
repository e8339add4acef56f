package dev.vz.kvm;

import dev.vz.bus.AddressRange;
import dev.vz.error.CapabilityException;
import dev.vz.irq.Doorbell.Space;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_coalesced_mmio;
import dev.vz.kvm.generated.kvm_coalesced_mmio_zone;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes that do not leave the guest one by one but wait in a ring until somebody looks (KVM_REGISTER_COALESCED_MMIO).
 *
 * <p>
 * For devices that are written often and mind little when, such as a frame buffer's registers. Whoever answers exits
 * drains before it does, so that an access that is answered comes after the writes before it. A write that finds the ring
 * full leaves the guest as any other. Thread-safe; one thread at a time drains.
 */
public final class KvmCoalescedIo {

    /** Takes the writes out of the ring. */
    @FunctionalInterface
    public interface Writes {
        /**
         * One write, in the order of the guest.
         *
         * @param size  bytes, 1 to 8
         * @param value zero-extended
         */
        void write(Space space, long address, int size, long value);
    }

    private static final long PAGE = 4096;
    private static final int FIRST = 0;
    private static final int LAST = 4;
    private static final int ENTRIES = 8;
    private static final long ENTRY_SIZE = kvm_coalesced_mmio.sizeof();
    /** KVM_COALESCED_MMIO_MAX: what fits in a page after the two indices. */
    private static final int CAPACITY = (int) ((PAGE - ENTRIES) / ENTRY_SIZE);
    private static final VarHandle INDEX = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final ValueLayout.OfLong VALUE = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final FileDescriptor machine;
    private final KvmHost host;
    private final Supplier<@Nullable KvmVcpu> anyVcpu;

    KvmCoalescedIo(FileDescriptor machine, KvmHost host, Supplier<@Nullable KvmVcpu> anyVcpu) {
        this.machine = machine;
        this.host = host;
        this.anyVcpu = anyVcpu;
    }

    /** Whether ports can be coalesced too. */
    public boolean takesPorts() {
        return host.has(KvmCapability.COALESCED_PIO);
    }

    /**
     * Writes to {@code range} wait from now on.
     *
     * @throws CapabilityException if they are ports and this kernel cannot
     */
    public void add(Space space, AddressRange range) {
        zone("KVM_REGISTER_COALESCED_MMIO", KvmHeaders.KVM_REGISTER_COALESCED_MMIO(), space, range);
    }

    /** Writes to {@code range} leave the guest again. Those that wait still have to be drained. */
    public void remove(Space space, AddressRange range) {
        zone("KVM_UNREGISTER_COALESCED_MMIO", KvmHeaders.KVM_UNREGISTER_COALESCED_MMIO(), space, range);
    }

    private void zone(String name, long request, Space space, AddressRange range) {
        if (space == Space.PORT && !takesPorts()) {
            throw new CapabilityException("This kernel coalesces MMIO only (it lacks KVM_CAP_COALESCED_PIO), not ports "
                    + range);
        }
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_coalesced_mmio_zone.allocate(arena);
            kvm_coalesced_mmio_zone.addr(s, range.start());
            kvm_coalesced_mmio_zone.size(s, Math.toIntExact(range.length()));
            kvm_coalesced_mmio_zone.pio(s, space == Space.PORT ? 1 : 0);
            Ioctl.checked("ioctl " + name + " of " + space + " " + range, machine, request, s);
        }
    }

    /**
     * Gives the writes that wait to {@code writes}, and frees their places. Allocates nothing.
     *
     * @return how many there were
     */
    public synchronized int drain(Writes writes) {
        KvmVcpu vcpu = anyVcpu.get();
        if (vcpu == null) {
            return 0; // the ring is seen through a vCPU, and nobody else writes
        }
        MemorySegment ring = vcpu.page(host.value(KvmCapability.COALESCED_MMIO));
        int first = (int) INDEX.get(ring, (long) FIRST);
        // The kernel writes the entry before it moves the index.
        int last = (int) INDEX.getAcquire(ring, (long) LAST);
        int count = 0;
        while (first != last) {
            long at = ENTRIES + ENTRY_SIZE * first;
            int size = ring.get(ValueLayout.JAVA_INT, at + kvm_coalesced_mmio.len$offset());
            long value = ring.get(VALUE, at + kvm_coalesced_mmio.data$offset());
            Space space = ring.get(ValueLayout.JAVA_INT, at + kvm_coalesced_mmio.pio$offset()) != 0
                    ? Space.PORT
                    : Space.MMIO;
            long address = ring.get(ValueLayout.JAVA_LONG, at + kvm_coalesced_mmio.phys_addr$offset());
            first = (first + 1) % CAPACITY;
            INDEX.setRelease(ring, (long) FIRST, first);
            writes.write(space, address, size, size >= 8 ? value : value & -1L >>> 64 - 8 * size);
            count++;
        }
        return count;
    }
}
