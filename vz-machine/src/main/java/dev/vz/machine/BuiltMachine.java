package dev.vz.machine;

import dev.vz.bus.AddressRange;
import dev.vz.bus.IoBus;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.error.CapabilityException;
import dev.vz.error.LifecycleException;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.InterruptControllers;
import dev.vz.hypervisor.MemoryHotPlug;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.irq.InterruptControllerState;
import dev.vz.machine.acpi.Aml;
import dev.vz.machine.boot.BootLoader;
import dev.vz.machine.boot.Framebuffer;
import dev.vz.machine.boot.StartState;
import dev.vz.machine.clock.MachineClock;
import dev.vz.machine.device.DebugConsole;
import dev.vz.machine.device.Keyboard;
import dev.vz.machine.device.PowerControl;
import dev.vz.machine.pci.PciHostBridge;
import dev.vz.machine.serial.Uart16550;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import dev.vz.memory.X86MemoryLayout;
import dev.vz.schedule.VcpuTask;
import dev.vz.schedule.VcpuTurns;
import dev.vz.state.Pausable;
import dev.vz.state.Stateful;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A machine that has all its parts and does not run yet. Connect its serial ports, attach further devices, then
 * {@link #start()} it.
 *
 * <p>
 * It owns memory, processors and devices until it is started; then the {@link RunningMachine} does, and closing this does
 * nothing. Used by one thread; the devices themselves may be used by any.
 */
public final class BuiltMachine implements AutoCloseable {

    private final MachineDescription description;
    private final MachineParts parts;
    private final Board board;
    private final RunControl control;
    private final Optional<Framebuffer> framebuffer;
    private final List<AddressRange> reserved;
    /** Memory that belongs to devices. */
    private final List<AddressRange> deviceMemory = new ArrayList<>();
    private final Optional<InterruptControllerState> initialControllers;
    private boolean started;

    private BuiltMachine(MachineDescription description, MachineParts parts, Optional<Framebuffer> framebuffer) {
        this.description = description;
        this.parts = parts;
        this.framebuffer = framebuffer;
        for (int i = 0; i < description.cpus().count(); i++) {
            Processors.identify(parts.vm().createVcpu(i), description.cpus().count(), description.cpus());
        }
        // After power-on only the back end knows how its controllers stand; a reset brings this back.
        this.initialControllers = parts.vm() instanceof InterruptControllers controllers
                ? Optional.of(controllers.interruptControllers())
                : Optional.empty();
        this.control = new RunControl(description, parts.vm().vcpus(), this::restart);
        this.board = new Board(parts.vm(), description, parts.clock(), control);
        parts.ownBus(board.pci());
        this.reserved = Stream.concat(Stream.of(board.pci().configurationSpace()),
                framebuffer.map(f -> new AddressRange(f.address(), pages(f.size()))).stream()).toList();
    }

    static BuiltMachine create(Hypervisor hypervisor, MachineDescription description, MachineClock clock) {
        var parts = new MachineParts(description.name(), clock);
        try {
            GuestMemory memory = parts.own(allocate(description));
            Optional<Framebuffer> framebuffer = addFramebuffer(memory, description);
            parts.create(hypervisor, new VirtualMachineConfig(description.name(), memory,
                    VirtualMachineConfig.Interrupts.FULL, description.cpus().count()));
            return new BuiltMachine(description, parts, framebuffer);
        } catch (RuntimeException | Error failure) {
            parts.closeAfter(failure);
            throw failure;
        }
    }

    private static GuestMemory allocate(MachineDescription description) {
        MemoryRequest request = description.memory().toRequest(description.name() + "-ram");
        return X86MemoryLayout.allocate(MemoryAllocator.preferred(request), request);
    }

    private static Optional<Framebuffer> addFramebuffer(GuestMemory memory, MachineDescription description) {
        return description.platform().display().map(display -> {
            var framebuffer = new Framebuffer(PcMap.FRAMEBUFFER, display.width(), display.height());
            MemoryRequest request = MemoryRequest.of(pages(framebuffer.size()))
                    .named(description.name() + "-framebuffer");
            memory.add(MemoryRegion.of(framebuffer.address(), MemoryAllocator.preferred(request).allocate(request)));
            return framebuffer;
        });
    }

    private static long pages(long size) {
        return size + MemoryRequest.PAGE - 1 & -MemoryRequest.PAGE;
    }

    // --------------------------------------------------------------------------------------------------- parts

    /** What it was built from. */
    public MachineDescription description() {
        return description;
    }

    /** The back end's machine. */
    public VirtualMachine virtualMachine() {
        return parts.vm();
    }

    /** The guest's memory. */
    public GuestMemory memory() {
        return parts.memory();
    }

    /** The clock that its devices live by. */
    public MachineClock clock() {
        return parts.clock();
    }

    /** The port address space. */
    public IoBus ports() {
        return board.ports();
    }

    /** The address space of memory-mapped devices. */
    public IoBus mmio() {
        return board.mmio();
    }

    /** COM1 and so on, as many as the description says. */
    public List<Uart16550> serialPorts() {
        return board.serial();
    }

    /** The keyboard: takes what a person types at the machine's display. */
    public Keyboard keyboard() {
        return board.keyboard().keyboard();
    }

    /** The debug console, if the description has one. */
    public Optional<DebugConsole> debugConsole() {
        return board.debugConsole();
    }

    /** The framebuffer, if the description has a display; its pixels are in {@link #memory()}. */
    public Optional<Framebuffer> framebuffer() {
        return framebuffer;
    }

    /** Through this a device of the caller's switches the machine off or resets it. */
    public PowerControl power() {
        return control;
    }

    // ----------------------------------------------------------------------------------------------- attaching

    /**
     * A place for a device with {@code size} bytes of memory-mapped registers, and an interrupt input of its own.
     *
     * @throws dev.vz.error.ConfigurationException if the board is full
     */
    public DeviceSlot newSlot(long size) {
        checkNotStarted("take a device slot");
        return board.newSlot(size);
    }

    /**
     * Gives the guest memory that belongs to a device: above the RAM, at a multiple of 1 GiB, and in no table or map of the
     * firmware's, so that only the device's driver uses it. It stays through resets.
     *
     * @param block belongs to the guest's memory from now on, and is closed with it
     * @return where it is
     * @throws CapabilityException if the back end takes no memory once it has made its machine; the block stays the caller's
     */
    public MemoryRegion addMemory(MemoryBlock block) {
        checkNotStarted("add memory");
        if (!(parts.vm() instanceof MemoryHotPlug machine)) {
            throw new CapabilityException("Cannot give " + this + " memory of a device: its back end "
                    + parts.vm() + " takes none after the start");
        }
        long end = parts.memory().regions().getLast().range().last() + 1;
        long start = Math.max(end, X86MemoryLayout.HOLE_END) + PcMap.MEMORY_ALIGNMENT - 1 & -PcMap.MEMORY_ALIGNMENT;
        MemoryRegion region = MemoryRegion.of(start, block);
        machine.plug(region);
        deviceMemory.add(region.range());
        return region;
    }

    /**
     * The PCI bus. What is plugged into it belongs to it and is closed with this machine, before whatever {@link #owns}
     * was given.
     */
    public PciHostBridge pci() {
        return board.pci();
    }

    /** Makes {@code device} rest while the machine is paused. PCI functions that are {@link Pausable} do so anyway. */
    public void pauses(Pausable device) {
        checkNotStarted("add a device");
        board.addPausable(device);
    }

    /** Adds {@code device} to what the firmware tables say is on this board, in the scope {@code \_SB}. */
    public void describe(Aml device) {
        checkNotStarted("describe a device");
        board.describe(device);
    }

    /** Runs {@code action} at each reset, while no processor runs: it puts a device into its state after power-on. */
    public void onReset(Runnable action) {
        checkNotStarted("add a device");
        board.onReset(action);
    }

    /**
     * Makes {@code device} part of what is saved of this machine.
     *
     * @param name unique on this machine, and the same whenever it is built
     */
    public void saves(String name, Stateful<?> device) {
        checkNotStarted("add a device");
        board.addStateful(name, device);
    }

    /** Closes {@code resource} with this machine, before the processors and the memory; the last added first. */
    public <R extends AutoCloseable> R owns(R resource) {
        checkNotStarted("add a device");
        return parts.own(resource);
    }

    /**
     * Has the processors run in turns with those of other machines, instead of whenever they like.
     *
     * @param turns    shared with the other machines; closed after this machine
     * @param priority 0 to 99, see {@link VcpuTask}
     * @param shares   1 to 10,000
     * @param limit    nanoseconds of processor time in a second for the whole machine; {@link Long#MAX_VALUE} for no limit
     */
    public void schedule(VcpuTurns turns, int priority, int shares, long limit) {
        checkNotStarted("schedule its processors");
        String name = description.name();
        control.schedule(
                vcpu -> turns.join(new VcpuTask(name, vcpu.id(), priority, shares, limit), vcpu::kick));
    }

    // --------------------------------------------------------------------------------------------------- start

    /**
     * Loads what the description boots and lets the processors run, each on a thread of its own.
     *
     * @throws dev.vz.error.FormatException        if a boot file is not what it should be
     * @throws dev.vz.error.ConfigurationException if something does not fit into memory
     * @throws dev.vz.error.HostException          if a boot file cannot be read
     * @throws LifecycleException                  if it was started or closed before
     */
    public RunningMachine start() {
        checkNotStarted("start");
        board.pci().reset();
        load();
        started = true;
        return new RunningMachine(description, parts, board, control, framebuffer).run();
    }

    private void load() {
        StartState start = new BootLoader(parts.memory(), reserved, deviceMemory, framebuffer)
                .load(description.boot(), board.firmwareTables());
        for (X86Vcpu vcpu : parts.vm().vcpus()) {
            Processors.prepare(vcpu, start);
        }
    }

    /** Everything back to its state at boot. No processor runs. */
    private void restart() {
        board.reset();
        if (parts.vm() instanceof InterruptControllers controllers) {
            initialControllers.ifPresent(controllers::setInterruptControllers);
        }
        parts.vm().vcpus().forEach(X86Vcpu::reset);
        load();
    }

    private void checkNotStarted(String action) {
        if (started || parts.closed()) {
            throw new LifecycleException("Cannot " + action + ": machine \"" + description.name() + "\" has been "
                    + (started ? "started" : "closed"));
        }
    }

    /** Releases everything, unless it was started: then closing the {@link RunningMachine} does. Idempotent. */
    @Override
    public void close() {
        if (!started) {
            board.disconnect();
            parts.close();
        }
    }

    @Override
    public String toString() {
        return "machine \"" + description.name() + "\", built";
    }

    /** The names of the devices whose state is saved, in the order they were added. */
    List<String> savedDevices() {
        return List.copyOf(board.stateful().keySet());
    }

    /** What the guest would find of this board at {@link dev.vz.machine.boot.BootArea#FIRMWARE_TABLES}. */
    byte[] firmwareTables() {
        return board.firmwareTables();
    }
}
