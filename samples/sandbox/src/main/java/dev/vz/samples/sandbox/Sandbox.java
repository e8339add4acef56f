package dev.vz.samples.sandbox;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.error.LifecycleException;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.memory.GuestMemory;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * Runs 64-bit machine code in ring 3 of a virtual CPU: at the host processor's speed, and without a way to anything but
 * its own memory. There is no kernel inside; whatever needs one (a system call, a port, a privileged instruction, an address
 * that is not its own) ends the run as a fault.
 *
 * <p>
 * The code starts with its argument in RDI, the door's address in RSI, and RSP at the end of its data. It returns by
 * writing 8 bytes to the door. Used by one thread at a time.
 */
public final class Sandbox implements AutoCloseable {

    /** How a run ended. */
    public sealed interface Result {

        /**
         * The code returned.
         *
         * @param value what it wrote to the door
         */
        record Returned(long value) implements Result {}

        /**
         * The code did what it may not. The sandbox cannot be used any more.
         *
         * @param exit what the virtual CPU said
         */
        record Faulted(VcpuExit exit) implements Result {}

        /** The code took longer than it may. It can be run again from its beginning. */
        record TimedOut() implements Result {}
    }

    private final GuestMemory memory;
    private final VirtualMachine machine;
    private final X86Vcpu vcpu;
    private final ScheduledExecutorService watchdog;
    private boolean faulted;

    private Sandbox(GuestMemory memory, VirtualMachine machine) {
        this.memory = memory;
        this.machine = machine;
        vcpu = machine.createVcpu(0);
        vcpu.setSpecialRegisters(SpecialRegisters.longMode(SandboxMemory.ROOT, 3));
        watchdog = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name("sandbox-watchdog").factory());
    }

    /**
     * A sandbox with {@code code} in it, up to 512 KiB.
     *
     * @throws dev.vz.error.VzException if {@code hypervisor} cannot make it
     */
    public static Sandbox of(Hypervisor hypervisor, byte[] code) {
        GuestMemory memory = SandboxMemory.with(code);
        try {
            VirtualMachine machine = hypervisor
                    .createVirtualMachine(VirtualMachineConfig.of(memory).named("sandbox"));
            try {
                return new Sandbox(memory, machine);
            } catch (RuntimeException | Error failure) {
                machine.close();
                throw failure;
            }
        } catch (RuntimeException | Error failure) {
            memory.close();
            throw failure;
        }
    }

    /**
     * Runs the code from its beginning.
     *
     * @param argument what it finds in RDI
     * @param limit    after which it is stopped
     * @throws LifecycleException if it has faulted before
     */
    public Result run(long argument, Duration limit) {
        if (faulted) {
            throw new LifecycleException("This sandbox has faulted; make a new one");
        }
        vcpu.setRegisters(GeneralRegisters.zero().withRip(SandboxMemory.CODE).withRdi(argument)
                .withRsi(SandboxMemory.DOOR).withRsp(SandboxMemory.DATA + SandboxMemory.DATA_SIZE));
        var alarm = new Alarm(vcpu);
        ScheduledFuture<?> scheduled = watchdog.schedule(alarm, limit.toNanos(), TimeUnit.NANOSECONDS);
        try {
            return switch (vcpu.run()) {
                case VcpuExit.MmioWrite(long gpa, int size, long value) when gpa == SandboxMemory.DOOR && size == 8 ->
                        new Result.Returned(value);
                case VcpuExit.Kicked _ -> new Result.TimedOut();
                case VcpuExit other -> {
                    faulted = true;
                    yield new Result.Faulted(other);
                }
            };
        } finally {
            scheduled.cancel(false);
            alarm.turnOff();
            settle();
        }
    }

    /**
     * Completes the write to the door, which counts as done only when the virtual CPU is entered again, and uses up a kick
     * that came after it.
     */
    private void settle() {
        if (faulted) {
            return;
        }
        vcpu.kick();
        VcpuExit nothing = vcpu.run();
        if (!(nothing instanceof VcpuExit.Kicked)) {
            faulted = true;
            throw new LifecycleException("The sandbox did not stand still between two runs: " + nothing);
        }
    }

    /** Kicks the virtual CPU once, unless it is turned off before; never afterwards. */
    private static final class Alarm implements Runnable {

        private final X86Vcpu vcpu;
        private boolean off;

        Alarm(X86Vcpu vcpu) {
            this.vcpu = vcpu;
        }

        @Override
        public synchronized void run() {
            if (!off) {
                vcpu.kick();
            }
        }

        synchronized void turnOff() {
            off = true;
        }
    }

    /** What the code can write: its data, then its stack. */
    public GuestMemory memory() {
        return memory;
    }

    /** Releases everything. Idempotent. */
    @Override
    public void close() {
        watchdog.shutdownNow();
        machine.close();
        memory.close();
    }
}
