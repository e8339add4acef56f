package dev.vz.emulator;

import dev.vz.bus.IoBus;
import dev.vz.emulator.clock.HostClock;
import dev.vz.emulator.clock.MachineClock;
import dev.vz.emulator.memory.PhysicalMemory;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.hypervisor.DirtyTracking;
import dev.vz.hypervisor.GuestClock;
import dev.vz.hypervisor.MemoryHotPlug;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.irq.Doorbell;
import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.MemoryRegion;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * A machine whose processors are emulated. Any thread.
 *
 * <p>
 * What one thread wants of processors that others run goes through {@link #everywhere}: when it returns, each processor
 * has done it, or will before it touches guest memory again.
 */
abstract class EmulatedMachine
        implements VirtualMachine, DirtyTracking, MemoryHotPlug, GuestClock, Doorbell.Registrar {

    private static final IoBus NOTHING = new IoBus("empty");

    private final VirtualMachineConfig config;
    private final MachineClock clock;
    private final PhysicalMemory physical;
    private final Doorbells doorbells = new Doorbells();
    private final TreeMap<Integer, EmulatedVcpu> vcpus = new TreeMap<>();
    private volatile EmulatedVcpu[] snapshot = {};
    private final ReentrantLock bus = new ReentrantLock();
    private volatile long clockOffset;
    private volatile int translatedAfter;
    private boolean closed;

    EmulatedMachine(VirtualMachineConfig config) {
        this(config, new HostClock(config.name()));
    }

    EmulatedMachine(VirtualMachineConfig config, MachineClock clock) {
        this.config = config;
        this.clock = clock;
        physical = new PhysicalMemory(config.memory());
    }

    @Override
    public final VirtualMachineConfig config() {
        return config;
    }

    final MachineClock clock() {
        return clock;
    }

    final PhysicalMemory physical() {
        return physical;
    }

    final Doorbells doorbells() {
        return doorbells;
    }

    /** Has processors made from now on translate code of which so many instructions were executed; 0 for never. */
    final void translateAfter(int instructions) {
        translatedAfter = instructions;
    }

    final int translatedAfter() {
        return translatedAfter;
    }

    /** Ports that are answered inside the back end. */
    IoBus ports() {
        return NOTHING;
    }

    /** Memory-mapped registers that are answered inside the back end. */
    IoBus mmio() {
        return NOTHING;
    }

    // ---- vCPUs

    @Override
    public final EmulatedVcpu createVcpu(int id) {
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
            EmulatedVcpu vcpu = newVcpu(id);
            vcpus.put(id, vcpu);
            snapshot = vcpus.values().toArray(EmulatedVcpu[]::new);
            boolean alone = vcpus.size() == 1;
            for (EmulatedVcpu each : snapshot) {
                if (each.cpu().alone && !alone) {
                    each.requests().add(each.cpu().blocks::clear); // what was translated for one that is alone
                }
                each.cpu().alone = alone;
            }
            return vcpu;
        }
    }

    /** Makes the kind of vCPU that this kind of machine has. */
    abstract EmulatedVcpu newVcpu(int id);

    @Override
    public final List<EmulatedVcpu> vcpus() {
        return List.of(snapshot);
    }

    /**
     * Has every processor but {@code caller} do something between two of its memory accesses. Waits until each has, or is
     * outside the guest and will before it goes on.
     */
    final void everywhere(@org.jspecify.annotations.Nullable EmulatedVcpu caller, Consumer<EmulatedVcpu> action) {
        EmulatedVcpu[] all = snapshot;
        for (EmulatedVcpu vcpu : all) {
            if (caller == null || vcpu.id() != caller.id()) {
                vcpu.requests().add(() -> action.accept(vcpu));
            }
        }
        for (EmulatedVcpu vcpu : all) {
            if (caller == null || vcpu.id() != caller.id()) {
                vcpu.requests().await(caller);
            }
        }
    }

    /** The lock that stands for the memory bus. */
    final ReentrantLock bus() {
        return bus;
    }

    // ---- memory

    @Override
    public final void startDirtyTracking() {
        memory().startDirtyTracking();
        physical.trackWrites(true);
        everywhere(null, vcpu -> vcpu.cpu().mmu.flushWrites());
    }

    @Override
    public final void collectDirty(MemoryRegion region, DirtyBitmap into) {
        // Marks first, write TLBs second. A processor marks a page, enters it and writes, and stops for the flush between
        // two instructions only. So what it writes through an entry whose mark is taken here is written when this returns
        // and the caller reads the page; what it writes later goes through a new entry, with a new mark. The other way
        // round, a mark could be taken of a write that is still to come, by an entry that stays.
        physical.drainDirty(region, into);
        everywhere(null, vcpu -> vcpu.cpu().mmu.flushWrites());
        DirtyBitmap host = region.dirty();
        if (host != null) {
            host.drainInto(into);
        }
    }

    @Override
    public final void stopDirtyTracking() {
        physical.trackWrites(false);
        memory().stopDirtyTracking();
    }

    @Override
    public final void plug(MemoryRegion region) {
        memory().add(region);
        refreshMemory();
    }

    @Override
    public final void unplug(MemoryRegion region) {
        memory().remove(region);
        refreshMemory();
    }

    private void refreshMemory() {
        physical.refresh(memory().regions());
        everywhere(null, vcpu -> vcpu.cpu().memoryChanged());
    }

    // ---- clock

    @Override
    public final long clockNanos() {
        return clock.nanos() + clockOffset;
    }

    /** The guest's clock when the machine's reads {@code nanos}. */
    final long clockNanosAt(long nanos) {
        return nanos + clockOffset;
    }

    @Override
    public final void setClockNanos(long nanos) {
        clockOffset = nanos - clock.nanos();
        everywhere(null, EmulatedVcpu::updateParavirtualClock);
    }

    // ---- doorbells

    @Override
    public final Doorbell register(Doorbell.Address address, Runnable listener) {
        return doorbells.register(address, listener);
    }

    @Override
    public final Doorbell registerDescriptor(Doorbell.Address address, int eventFd) {
        throw new dev.vz.error.CapabilityException("The software CPU rings doorbells by calls only; it cannot write to "
                + "descriptor " + eventFd + ". Register a listener that does");
    }

    // ---- end

    @Override
    public void close() {
        EmulatedVcpu[] all;
        synchronized (vcpus) {
            if (closed) {
                return;
            }
            closed = true;
            all = snapshot;
        }
        for (EmulatedVcpu vcpu : all) {
            vcpu.shut();
        }
        for (EmulatedVcpu vcpu : all) {
            vcpu.expel();
        }
        clock.close();
    }

    @Override
    public String toString() {
        return "machine \"" + config.name() + "\" on the software CPU";
    }
}
