package dev.vz.machine;

import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.machine.boot.Framebuffer;
import dev.vz.machine.device.Keyboard;
import dev.vz.machine.pci.PciHostBridge;
import dev.vz.machine.serial.Uart16550;
import dev.vz.memory.GuestMemory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A machine that runs. Methods may be called from any thread, but {@link #close()} and the waiting ones not from within a
 * device.
 *
 * <p>
 * When the run has ended, for whichever reason, memory and registers can still be looked at, until {@link #close()} releases
 * everything.
 */
public final class RunningMachine implements AutoCloseable {

    private final MachineDescription description;
    private final MachineParts parts;
    private final Board board;
    private final RunControl control;
    private final Optional<Framebuffer> framebuffer;
    private final List<Thread> threads = new ArrayList<>();

    RunningMachine(MachineDescription description, MachineParts parts, Board board, RunControl control,
            Optional<Framebuffer> framebuffer) {
        this.description = description;
        this.parts = parts;
        this.board = board;
        this.control = control;
        this.framebuffer = framebuffer;
        for (X86Vcpu vcpu : parts.vm().vcpus()) {
            threads.add(Thread.ofPlatform().name("vz-" + description.name() + "-vcpu" + vcpu.id()).daemon()
                    .unstarted(new VcpuRunner(description.name(), vcpu, control, board.ports(), board.mmio())));
        }
    }

    /**
     * Lets the processors go.
     *
     * @throws HostException if the host has no threads left; everything is released then
     */
    RunningMachine run() {
        try {
            threads.forEach(Thread::start);
        } catch (OutOfMemoryError failure) {
            var error = new HostException("start a thread", toString(), failure);
            stopThreads();
            board.disconnect();
            parts.closeAfter(error);
            throw error;
        }
        return this;
    }

    /** Ends the run, and returns when no processor's thread lives any more. */
    private void stopThreads() {
        control.end(new MachineOutcome.Stopped());
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException again) {
                    // Memory must not go while a processor may still be using it.
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

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

    /** COM1 and so on. */
    public List<Uart16550> serialPorts() {
        return board.serial();
    }

    /** The keyboard: takes what a person types at the machine's display. */
    public Keyboard keyboard() {
        return board.keyboard().keyboard();
    }

    /** The framebuffer, if the machine has a display. */
    public Optional<Framebuffer> framebuffer() {
        return framebuffer;
    }

    /** The PCI bus: functions may come and go while the guest runs. */
    public PciHostBridge pci() {
        return board.pci();
    }

    /** How the run ended; empty while it goes on. */
    public Optional<MachineOutcome> outcome() {
        return control.outcome();
    }

    /** Completes when the run has ended and no processor is in the guest any more. */
    public CompletionStage<MachineOutcome> completion() {
        return control.completion().minimalCompletionStage();
    }

    /** Waits until the run has ended, and says how. */
    public MachineOutcome await() throws InterruptedException {
        checkNotOwnThread("wait for it");
        try {
            return control.completion().get();
        } catch (ExecutionException impossible) {
            throw new LifecycleException("Machine \"" + description.name() + "\" ended without an outcome", impossible);
        }
    }

    /** Waits at most that long; empty if the machine still runs then. */
    public Optional<MachineOutcome> await(Duration atMost) throws InterruptedException {
        checkNotOwnThread("wait for it");
        try {
            return Optional.of(control.completion().get(atMost.toNanos(), TimeUnit.NANOSECONDS));
        } catch (TimeoutException running) {
            return Optional.empty();
        } catch (ExecutionException impossible) {
            throw new LifecycleException("Machine \"" + description.name() + "\" ended without an outcome", impossible);
        }
    }

    /** Presses the power button. A guest that listens shuts down in its own time; one that does not is not disturbed. */
    public void shutdown() {
        board.acpi().pressPowerButton();
    }

    /** Presses the reset button: the machine starts again from its boot files. Does nothing once the run has ended. */
    public void reset() {
        control.restart("reset button");
    }

    /**
     * Stops all processors between two instructions and waits until they stand, and brings the devices to rest. The
     * processors' clocks go on, as those of a PC do whose processors are halted.
     *
     * @throws LifecycleException if the run has ended, or it is paused already
     */
    public PausedMachine pause() throws InterruptedException {
        checkNotOwnThread("pause it");
        control.pause();
        board.pause();
        return new PausedMachine(this, control, board);
    }

    /** Pulls the plug and waits until no processor is in the guest any more. Does nothing once the run has ended. */
    public void stop() throws InterruptedException {
        control.end(new MachineOutcome.Stopped());
        await();
    }

    private void checkNotOwnThread(String action) {
        if (threads.contains(Thread.currentThread())) {
            throw new LifecycleException("A device of machine \"" + description.name() + "\" tried to " + action
                    + " on one of its processor threads; do that on another thread");
        }
    }

    /** Stops it if it still runs, and releases everything. Idempotent. */
    @Override
    public void close() {
        checkNotOwnThread("close it");
        stopThreads();
        board.disconnect();
        parts.close();
    }

    @Override
    public String toString() {
        return "machine \"" + description.name() + "\", "
                + outcome().map(o -> "ended with " + o).orElse("running");
    }
}
