package dev.vz.kvm;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_dirty_gfn;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.memory.DirtyBitmap;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.Supplier;

/**
 * Dirty pages in a ring for each vCPU, instead of a bitmap for each slot: the cost follows the number of pages written,
 * not the size of the memory (KVM_CAP_DIRTY_LOG_RING).
 *
 * <p>
 * Switched on before the first vCPU, it is what {@link dev.vz.hypervisor.DirtyTracking} uses. A ring that fills up leaves
 * the guest as {@link dev.vz.cpu.VcpuExit.DirtyRingFull}: {@link #harvest} and run on. Thread-safe.
 *
 * <p>
 * What it needs: a kernel with KVM_CAP_DIRTY_LOG_RING_ACQ_REL (6.1) or, on processors with x86's memory order, with
 * KVM_CAP_DIRTY_LOG_RING (5.11); {@link #enable} before any vCPU is there, since a ring is mapped when its vCPU is made; and
 * {@code harvest} often enough, as a vCPU whose ring is full does not run. The log bitmaps of the slots cannot be read
 * while rings are on. The kernel notes hardware writes only: what devices of this process write to guest memory is noted by
 * {@link dev.vz.memory.GuestMemory} itself. A KVM without virtualization hardware, which interprets several instructions at a
 * time, looks at the ring only between such groups, and can overwrite entries there is no room for: give it rings that
 * hold more pages than the guest writes between two exits.
 */
public final class KvmDirtyRing {

    private static final VarHandle FLAGS = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final long ENTRY = kvm_dirty_gfn.sizeof();
    private static final int DIRTY = (int) KvmHeaders.KVM_DIRTY_GFN_F_DIRTY();
    private static final int RESET = (int) KvmHeaders.KVM_DIRTY_GFN_F_RESET();

    private final FileDescriptor machine;
    private final KvmCapability capability;
    private final int largest;
    private final KvmMemorySlots slots;
    private final Supplier<List<KvmVcpu>> vcpus;
    private int bytes;

    KvmDirtyRing(FileDescriptor machine, KvmHost host, KvmMemorySlots slots, Supplier<List<KvmVcpu>> vcpus) {
        this.machine = machine;
        this.capability = capability(host);
        this.largest = host.value(capability);
        this.slots = slots;
        this.vcpus = vcpus;
    }

    private static KvmCapability capability(KvmHost host) {
        return host.has(KvmCapability.DIRTY_LOG_RING_ACQ_REL)
                ? KvmCapability.DIRTY_LOG_RING_ACQ_REL
                : KvmCapability.DIRTY_LOG_RING;
    }

    static boolean isPresent(KvmHost host) {
        return host.has(capability(host));
    }

    /** The most entries that a ring can have. */
    public int maximumEntries() {
        return (int) (largest / ENTRY);
    }

    /**
     * Gives every vCPU that will be created a ring.
     *
     * @param entries a power of two, {@link #maximumEntries()} at most; some are kept free by the kernel for what it may
     *                still write after the ring is full
     * @throws LifecycleException if the machine has vCPUs, or rings, already
     */
    public synchronized void enable(int entries) {
        if (entries < 1 || Integer.bitCount(entries) != 1 || entries > maximumEntries()) {
            throw new ConfigurationException("A dirty ring has a power of two of entries, " + maximumEntries()
                    + " at most; got " + entries);
        }
        if (bytes != 0 || !vcpus.get().isEmpty()) {
            throw new LifecycleException("Dirty rings of " + machine + " are switched on once, before the first vCPU");
        }
        int size = Math.toIntExact(entries * ENTRY);
        MachineBuilder.enable(machine, capability, size);
        bytes = size;
    }

    /** Whether the vCPUs have rings. */
    public synchronized boolean isEnabled() {
        return bytes != 0;
    }

    /** Size of a vCPU's ring in bytes; 0 if it has none. */
    synchronized int bytes() {
        return bytes;
    }

    /**
     * Takes the entries out of all rings, remembers them by slot until somebody collects them, and lets the kernel use
     * their places again.
     *
     * @return how many entries there were
     */
    public synchronized int harvest() {
        if (bytes == 0) {
            return 0;
        }
        int found = 0;
        for (KvmVcpu vcpu : vcpus.get()) {
            Ring ring = vcpu.ring();
            if (ring != null) {
                found += harvest(ring);
            }
        }
        if (found > 0) {
            Ioctl.checked("ioctl KVM_RESET_DIRTY_RINGS", machine, KvmHeaders.KVM_RESET_DIRTY_RINGS(), 0);
        }
        return found;
    }

    private int harvest(Ring ring) {
        int found = 0;
        while (true) {
            long at = ENTRY * ring.next;
            // The kernel writes slot and offset before the flag (KVM_CAP_DIRTY_LOG_RING_ACQ_REL); so is the reset ordered.
            int flags = (int) FLAGS.getAcquire(ring.entries, at + kvm_dirty_gfn.flags$offset());
            if ((flags & (DIRTY | RESET)) != DIRTY) {
                return found;
            }
            int slot = ring.entries.get(ValueLayout.JAVA_INT, at + kvm_dirty_gfn.slot$offset());
            long page = ring.entries.get(ValueLayout.JAVA_LONG, at + kvm_dirty_gfn.offset$offset());
            FLAGS.setRelease(ring.entries, at + kvm_dirty_gfn.flags$offset(), RESET);
            ring.next = (ring.next + 1) % ring.count;
            found++;
            // A slot that is gone by now has no pages to tell of.
            DirtyBitmap pending = slots.pending(slot & 0xFFFF);
            if (pending != null && page >= 0 && page < pending.pages()) {
                pending.mark(page * DirtyBitmap.PAGE, 1);
            }
        }
    }

    /** One vCPU's ring, and how far it has been read. */
    static final class Ring {
        private final MemorySegment entries;
        private final int count;
        private int next;

        Ring(MemorySegment entries) {
            this.entries = entries;
            this.count = (int) (entries.byteSize() / ENTRY);
        }
    }
}
