package dev.vz.kvm;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_userspace_memory_region;
import dev.vz.kvm.generated.kvm_userspace_memory_region2;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The memory that a machine's vCPUs see, slot by slot (KVM_SET_USER_MEMORY_REGION).
 *
 * <p>
 * A machine has a slot for each region of its {@link dev.vz.memory.GuestMemory}; further ones can be added here without
 * being part of it. Methods may be called from any thread; adding and removing takes effect before they return, also for
 * vCPUs that run.
 */
public final class KvmMemorySlots {

    private final FileDescriptor machine;
    private final KvmHost host;
    private final List<KvmMemorySlot> slots = new ArrayList<>();
    private final BitSet used = new BitSet();

    KvmMemorySlots(FileDescriptor machine, KvmHost host) {
        this.machine = machine;
        this.host = host;
    }

    /** The slots that are set, in the order in which they were added. */
    public synchronized List<KvmMemorySlot> all() {
        return List.copyOf(slots);
    }

    /** The slot of {@code region}, if it has one. */
    public synchronized Optional<KvmMemorySlot> find(MemoryRegion region) {
        return slots.stream().filter(slot -> slot.region() == region).findFirst();
    }

    /**
     * Shows {@code region} to the vCPUs. Its host memory stays mapped for as long as the slot is set.
     *
     * @throws ConfigurationException if it overlaps a slot that is set
     * @throws CapabilityException    if it is read-only and the kernel has no such slots, or there is no slot left
     */
    public KvmMemorySlot add(MemoryRegion region) {
        return add(region, null, 0);
    }

    /**
     * Shows {@code region} to the vCPUs, with {@code file} for the pages that are the guest's own.
     *
     * @param file   made by the same machine; {@link KvmVirtualMachine#createGuestMemoryFile}
     * @param offset where in it the region starts, in bytes, a multiple of 4096
     */
    public KvmMemorySlot add(MemoryRegion region, @Nullable KvmGuestMemoryFile file, long offset) {
        if (region.readOnly() && !host.has(KvmCapability.READONLY_MEM)) {
            throw new CapabilityException("This kernel has no read-only memory slots (KVM_CAP_READONLY_MEM), which "
                    + region + " needs");
        }
        if (file != null && (offset < 0 || offset % 4096 != 0 || offset > file.size() - region.size())) {
            throw new ConfigurationException(region + " cannot be backed by " + file + " from offset " + offset
                    + ": the file has " + file.size() + " bytes");
        }
        synchronized (this) {
            for (KvmMemorySlot other : slots) {
                if (other.range().overlaps(region.range())) {
                    throw overlap(region, other.toString());
                }
            }
            int id = used.nextClearBit(0);
            if (id >= host.value(KvmCapability.NR_MEMSLOTS)) {
                throw new CapabilityException("KVM has " + host.value(KvmCapability.NR_MEMSLOTS)
                        + " memory slots for a machine, all in use; " + region + " has no room");
            }
            var slot = new KvmMemorySlot(id, region, file, offset);
            set(slot, region.size(), false);
            used.set(id);
            slots.add(slot);
            return slot;
        }
    }

    /**
     * Takes {@code slot} away; from now on its addresses are MMIO.
     *
     * @throws ConfigurationException if it is not set
     */
    public synchronized void remove(KvmMemorySlot slot) {
        if (!slots.contains(slot)) {
            throw new ConfigurationException(slot + " is not set in " + machine);
        }
        set(slot, 0, false);
        slots.remove(slot);
        used.clear(slot.id());
    }

    /** Makes the kernel note the pages of {@code slot} that the guest writes, from none on, or stop it. */
    public synchronized void setLogging(KvmMemorySlot slot, boolean logging) {
        if (slot.isLogging() != logging) {
            set(slot, slot.region().size(), logging);
            slot.setLogging(logging);
        }
    }

    /** Where dirty pages of slot {@code id} are remembered; {@code null} if it is not set or not logging. */
    synchronized @Nullable DirtyBitmap pending(int id) {
        for (KvmMemorySlot slot : slots) {
            if (slot.id() == id) {
                return slot.pending();
            }
        }
        return null;
    }

    private void set(KvmMemorySlot slot, long size, boolean logging) {
        int flags = (slot.region().readOnly() ? (int) KvmHeaders.KVM_MEM_READONLY() : 0)
                | (logging ? (int) KvmHeaders.KVM_MEM_LOG_DIRTY_PAGES() : 0);
        int result = slot.file() == null ? setPlain(slot, size, flags) : setWithFile(slot, size, flags, slot.file());
        if (result == -Errno.EEXIST) {
            throw overlap(slot.region(), "a range that the kernel itself uses");
        }
        if (result < 0) {
            throw Errno.failure("ioctl KVM_SET_USER_MEMORY_REGION of " + slot + (size == 0 ? " to nothing" : ""),
                    machine, result);
        }
    }

    private int setPlain(KvmMemorySlot slot, long size, int flags) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_userspace_memory_region.allocate(arena);
            kvm_userspace_memory_region.slot(s, slot.id());
            kvm_userspace_memory_region.flags(s, flags);
            kvm_userspace_memory_region.guest_phys_addr(s, slot.region().guestAddress());
            kvm_userspace_memory_region.memory_size(s, size);
            kvm_userspace_memory_region.userspace_addr(s, slot.region().segment().address());
            return Ioctl.call(machine, KvmHeaders.KVM_SET_USER_MEMORY_REGION(), s);
        }
    }

    private int setWithFile(KvmMemorySlot slot, long size, int flags, KvmGuestMemoryFile file) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_userspace_memory_region2.allocate(arena);
            kvm_userspace_memory_region2.slot(s, slot.id());
            kvm_userspace_memory_region2.flags(s, flags | (int) KvmHeaders.KVM_MEM_GUEST_MEMFD());
            kvm_userspace_memory_region2.guest_phys_addr(s, slot.region().guestAddress());
            kvm_userspace_memory_region2.memory_size(s, size);
            kvm_userspace_memory_region2.userspace_addr(s, slot.region().segment().address());
            kvm_userspace_memory_region2.guest_memfd(s, file.fileDescriptor());
            kvm_userspace_memory_region2.guest_memfd_offset(s, slot.fileOffset());
            return Ioctl.call(machine, KvmHeaders.KVM_SET_USER_MEMORY_REGION2(), s);
        }
    }

    private static ConfigurationException overlap(MemoryRegion region, String other) {
        return new ConfigurationException("Cannot show " + region + " to the guest: it overlaps " + other);
    }
}
