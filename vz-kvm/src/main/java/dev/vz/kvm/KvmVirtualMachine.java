package dev.vz.kvm;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.hypervisor.DirtyTracking;
import dev.vz.hypervisor.GuestClock;
import dev.vz.hypervisor.MemoryHotPlug;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.irq.Doorbell;
import dev.vz.irq.InterruptLine;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_create_guest_memfd;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A machine of KVM.
 *
 * <p>
 * Its memory is shown to the vCPUs region by region. One whose interrupt controllers are in the kernel is also a
 * {@link dev.vz.irq.MsiSink}, and with all of them there {@link dev.vz.hypervisor.InterruptControllers}.
 */
public abstract sealed class KvmVirtualMachine
        implements VirtualMachine, Doorbell.Registrar, DirtyTracking, MemoryHotPlug, GuestClock
        permits BareMachine, SplitMachine, FullMachine {

    private final FileDescriptor descriptor;
    private final KvmHost host;
    private final VirtualMachineConfig config;
    private final MachineFeatures features;
    private final KvmMemorySlots slots;
    private final DirtyPages dirtyPages;
    private final MachineEvents events;
    private final Doorbells doorbells;
    private final Optional<KvmDirtyRing> dirtyRing;
    private final KvmCoalescedIo coalescedIo;
    private final TreeMap<Integer, KvmVcpu> vcpus = new TreeMap<>();
    private final Object closing = new Object();
    private boolean closed;

    KvmVirtualMachine(FileDescriptor descriptor, KvmHost host, VirtualMachineConfig config, MachineFeatures features,
            KvmMemorySlots slots) {
        this.descriptor = descriptor;
        this.host = host;
        this.config = config;
        this.features = features;
        this.slots = slots;
        this.events = new MachineEvents(config.name());
        this.doorbells = new Doorbells(descriptor, events);
        this.dirtyRing = KvmDirtyRing.isPresent(host)
                ? Optional.of(new KvmDirtyRing(descriptor, host, slots, this::vcpus))
                : Optional.empty();
        this.dirtyPages = new DirtyPages(descriptor, host, slots, config.memory(), dirtyRing.orElse(null));
        this.coalescedIo = new KvmCoalescedIo(descriptor, host, this::anyVcpu);
    }

    @Override
    public final VirtualMachineConfig config() {
        return config;
    }

    /** What {@code KVM_CHECK_EXTENSION} says of this machine, which can be less than of the system. */
    public final int check(KvmCapability capability) {
        return Ioctl.checked("ioctl KVM_CHECK_EXTENSION", descriptor, KvmHeaders.KVM_CHECK_EXTENSION(),
                capability.number());
    }

    /**
     * Switches {@code capability} on (KVM_ENABLE_CAP).
     *
     * @param arguments four at most; their meaning is the capability's
     * @throws CapabilityException         if the kernel does not have it
     * @throws dev.vz.error.HostException if it refuses the arguments, or the moment: many are for before the first vCPU
     */
    public final void enable(KvmCapability capability, long... arguments) {
        if (check(capability) <= 0) {
            throw new CapabilityException("This KVM lacks " + capability.kernelName() + ", which machine \""
                    + config.name() + "\" is to switch on");
        }
        MachineBuilder.enable(descriptor, capability, arguments);
    }

    // -------------------------------------------------------------------------------------------------- vCPUs

    @Override
    public final KvmVcpu createVcpu(int id) {
        if (id < 0 || id >= config.maxVcpus()) {
            throw new ConfigurationException("Machine \"" + config.name() + "\" has vCPUs 0 to "
                    + (config.maxVcpus() - 1) + ", there is no vCPU " + id);
        }
        synchronized (vcpus) {
            if (closed) {
                throw new LifecycleException("Machine \"" + config.name() + "\" is closed; it takes no further vCPU");
            }
            if (vcpus.containsKey(id)) {
                throw new ConfigurationException("Machine \"" + config.name() + "\" has vCPU " + id + " already");
            }
            KvmVcpu vcpu = VcpuParts.create(this, id);
            vcpus.put(id, vcpu);
            return vcpu;
        }
    }

    @Override
    public final List<KvmVcpu> vcpus() {
        synchronized (vcpus) {
            return List.copyOf(vcpus.values());
        }
    }

    private @Nullable KvmVcpu anyVcpu() {
        synchronized (vcpus) {
            for (KvmVcpu vcpu : vcpus.values()) {
                if (vcpu.isOpen()) {
                    return vcpu;
                }
            }
            return null;
        }
    }

    @Override
    public InterruptLine line(int gsi) {
        throw new CapabilityException("Machine \"" + config.name() + "\" has no interrupt controllers with lines in "
                + "the kernel (it was made with " + config.interrupts()
                + "): inject into the vCPU, or wire the line to "
                + "the board's own controllers");
    }

    /** Interrupts as KVM has them; empty where no controller is in the kernel. */
    public Optional<KvmInterrupts> interrupts() {
        return Optional.empty();
    }

    @Override
    public final Doorbell register(Doorbell.Address address, Runnable listener) {
        return doorbells.register(address, listener);
    }

    @Override
    public final Doorbell registerDescriptor(Doorbell.Address address, int eventFd) {
        return doorbells.registerDescriptor(address, eventFd);
    }

    // ------------------------------------------------------------------------------------------------- memory

    /** The memory as the kernel sees it. */
    public final KvmMemorySlots memorySlots() {
        return slots;
    }

    /**
     * Makes a file of {@code size} bytes, a multiple of 4096, for the guest's own pages (KVM_CREATE_GUEST_MEMFD); empty
     * where the kernel has no such files, or none that can be mapped. The caller closes it.
     *
     * @param mappable whether this process may map it
     */
    public final Optional<KvmGuestMemoryFile> createGuestMemoryFile(long size, boolean mappable) {
        long wanted = mappable ? KvmHeaders.GUEST_MEMFD_FLAG_MMAP() | KvmHeaders.GUEST_MEMFD_FLAG_INIT_SHARED() : 0;
        if (check(KvmCapability.GUEST_MEMFD) <= 0 || (check(KvmCapability.GUEST_MEMFD_FLAGS) & wanted) != wanted) {
            return Optional.empty();
        }
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_create_guest_memfd.allocate(arena);
            kvm_create_guest_memfd.size(s, size);
            kvm_create_guest_memfd.flags(s, wanted);
            int number = Ioctl.checked("ioctl KVM_CREATE_GUEST_MEMFD of " + size + " bytes", descriptor,
                    KvmHeaders.KVM_CREATE_GUEST_MEMFD(), s);
            var file = FileDescriptor.adopt(number, "guest_memfd of machine \"" + config.name() + "\"");
            return Optional.of(new KvmGuestMemoryFile(file, size, mappable));
        }
    }

    /**
     * Which pages are the guest's own; empty where the kernel has no such attributes for a machine of this type. Plain
     * machines have none: see {@link KvmMachineType#SOFTWARE_PROTECTED}.
     */
    public final Optional<KvmMemoryAttributes> memoryAttributes() {
        int supported = check(KvmCapability.MEMORY_ATTRIBUTES);
        return supported == 0
                ? Optional.empty()
                : Optional.of(new KvmMemoryAttributes(descriptor, Integer.toUnsignedLong(supported)));
    }

    @Override
    public final void plug(MemoryRegion region) {
        memory().add(region);
        try {
            dirtyPages.add(slots.add(region));
        } catch (RuntimeException | Error failure) {
            memory().remove(region);
            throw failure;
        }
    }

    @Override
    public final void unplug(MemoryRegion region) {
        slots.remove(slots.find(region).orElseThrow(() -> new ConfigurationException(region + " is not in machine \""
                + config.name() + "\"")));
        memory().remove(region);
    }

    @Override
    public final void startDirtyTracking() {
        dirtyPages.start();
    }

    @Override
    public final void collectDirty(MemoryRegion region, DirtyBitmap into) {
        dirtyPages.collect(region, into);
    }

    @Override
    public final void stopDirtyTracking() {
        dirtyPages.stop();
    }

    /** Dirty pages in rings instead of bitmaps; empty where the kernel has none. */
    public final Optional<KvmDirtyRing> dirtyRing() {
        return dirtyRing;
    }

    /** KVM_GET_DIRTY_LOG of {@code slot}, raw: adds the pages to {@code into}. See {@link #dirtyLogIsManual()}. */
    public final void readDirtyLog(KvmMemorySlot slot, DirtyBitmap into) {
        dirtyPages.read(slot, into);
    }

    /** Whether reading the dirty log leaves it as it is, and {@link #clearDirtyLog} clears; otherwise reading clears. */
    public final boolean dirtyLogIsManual() {
        return dirtyPages.isManual();
    }

    /**
     * KVM_CLEAR_DIRTY_LOG: forgets those of the pages from {@code first} on whose bits are set in {@code pages}, and
     * notes them again when they are written.
     *
     * @param first page of the slot, a multiple of 64
     * @param count pages, a multiple of 64 or up to the slot's end; bit 0 of word 0 is the first of them
     * @throws CapabilityException if this kernel clears as it reads
     */
    public final void clearDirtyLog(KvmMemorySlot slot, long first, long count, DirtyBitmap pages) {
        dirtyPages.clear(slot, first, count, pages);
    }

    // -------------------------------------------------------------------------------------------------- clock

    @Override
    public final long clockNanos() {
        return MachineClock.read(descriptor).nanos();
    }

    @Override
    public final void setClockNanos(long nanos) {
        MachineClock.set(descriptor, nanos);
    }

    /** The guest's clock, with what the kernel tells beside it. */
    public final KvmClockReading clockReading() {
        return MachineClock.read(descriptor);
    }

    /**
     * Sets the guest's clock to {@code nanos} plus the time since the host's wall clock showed {@code realtimeNanos}: a
     * machine that was stopped then and goes on now does not notice.
     *
     * @return whether this kernel can
     */
    public final boolean setClockSince(long nanos, long realtimeNanos) {
        if ((host.value(KvmCapability.ADJUST_CLOCK) & KvmHeaders.KVM_CLOCK_REALTIME()) == 0) {
            return false;
        }
        MachineClock.setSince(descriptor, nanos, realtimeNanos);
        return true;
    }

    // ----------------------------------------------------------------------------------------- optional features

    /** Writes that wait in a ring; empty where the kernel has none. */
    public final Optional<KvmCoalescedIo> coalescedIo() {
        return host.has(KvmCapability.COALESCED_MMIO) ? Optional.of(coalescedIo) : Optional.empty();
    }

    /** MSR accesses that leave the guest, and the MSR filter; empty where the kernel has neither. */
    public final Optional<KvmMsrExits> msrExits() {
        return host.has(KvmCapability.X86_USER_SPACE_MSR)
                ? Optional.of(new KvmMsrExits(descriptor, host))
                : Optional.empty();
    }

    void exitOnUnknown(boolean wanted) {
        new KvmMsrExits(descriptor, host).exitOn(wanted ? Set.of(KvmMsrExits.Reason.UNKNOWN) : Set.of());
    }

    /** Which performance events the guest may count; empty where the kernel does not filter. */
    public final Optional<KvmPmuFilter> pmuFilter() {
        return host.has(KvmCapability.PMU_EVENT_FILTER) ? Optional.of(new KvmPmuFilter(descriptor)) : Optional.empty();
    }

    /** The counters, to be closed by the caller; empty where the kernel has none. */
    public final Optional<KvmStatistics> statistics() {
        return host.has(KvmCapability.BINARY_STATS_FD) ? Optional.of(KvmStatistics.open(descriptor)) : Optional.empty();
    }

    // ----------------------------------------------------------------------------------------------- lifetime

    /**
     * Ends the machine: kicks the vCPUs out of the guest, waits until no thread is in {@code run}, and releases everything
     * but the memory. Idempotent; of several threads that close, each returns when it is done.
     *
     * @throws LifecycleException if called by a thread that is inside {@code run} of one of its vCPUs
     */
    @Override
    public final void close() {
        for (KvmVcpu vcpu : vcpus()) {
            if (vcpu.isRunByCaller()) {
                throw new LifecycleException(
                        "Machine \"" + config.name() + "\" cannot be closed from inside the run of "
                                + vcpu + ", for which the close would wait; leave the run first");
            }
        }
        // Not the lock of the list: handlers that the vCPUs are waited for in may ask for the list.
        synchronized (closing) {
            List<KvmVcpu> open;
            synchronized (vcpus) {
                closed = true;
                open = vcpus.values().stream().filter(KvmVcpu::shut).toList();
            }
            open.forEach(KvmVcpu::expelAndRelease);
            try {
                events.close();
            } finally {
                descriptor.close();
            }
        }
    }

    MachineEvents events() {
        return events;
    }

    FileDescriptor descriptor() {
        return descriptor;
    }

    KvmHost host() {
        return host;
    }

    MachineFeatures features() {
        return features;
    }

    @Override
    public final String toString() {
        return "KVM machine \"" + config.name() + "\"";
    }
}
