package dev.vz.machine;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.error.VzException;
import dev.vz.machine.device.PowerControl;
import dev.vz.schedule.VcpuTurns;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Brings all vCPU threads of a machine to one point and lets them go again: for a pause, for a reset, for the end.
 *
 * <p>
 * A request sets {@link #gathering} and kicks every vCPU. A thread that sees it waits in {@link #mayRun()}; the last one to
 * arrive does what was asked. A kick is never lost, so a thread that looked just before the request comes back at once.
 */
final class RunControl implements PowerControl {

    private final MachineDescription description;
    private final List<? extends X86Vcpu> vcpus;
    private final Runnable restart;
    private final CompletableFuture<MachineOutcome> completion = new CompletableFuture<>();

    /** Read without the lock before each entry into the guest. */
    private volatile boolean gathering;
    /** How vCPUs ask for their turns; set before they start. */
    private @Nullable Function<X86Vcpu, VcpuTurns.Turn> scheduling;
    private int waiting;
    private int threads;
    private long releases;
    private boolean paused;
    private @Nullable String resetSource;
    private @Nullable MachineOutcome outcome;

    /**
     * Control over {@code vcpus}.
     *
     * @param restart puts the whole machine into its state at boot; called while no vCPU runs, on one of their threads
     */
    RunControl(MachineDescription description, List<? extends X86Vcpu> vcpus, Runnable restart) {
        this.description = description;
        this.vcpus = vcpus;
        this.restart = restart;
        this.threads = vcpus.size();
    }

    CompletableFuture<MachineOutcome> completion() {
        return completion;
    }

    /** Has all vCPUs run in turns from the start on. */
    synchronized void schedule(Function<X86Vcpu, VcpuTurns.Turn> how) {
        scheduling = how;
    }

    // ------------------------------------------------------------------------------------------- vCPU threads

    /** The part of {@code vcpu} in the scheduling; {@code null} if it runs whenever it likes. */
    VcpuTurns.@Nullable Turn join(X86Vcpu vcpu) {
        Function<X86Vcpu, VcpuTurns.Turn> how;
        synchronized (this) {
            how = scheduling;
        }
        return how == null ? null : how.apply(vcpu);
    }

    /** Whether {@link #mayRun} may have to wait. */
    boolean gathers() {
        return gathering;
    }

    /** Called by a vCPU thread before it enters the guest: waits where it must. {@code false}: the run has ended. */
    boolean mayRun() {
        return !gathering || gather();
    }

    private synchronized boolean gather() {
        if (!gathering) {
            return true;
        }
        waiting++;
        if (waiting == threads) {
            allGathered();
        }
        long seen = releases;
        while (outcome == null && seen == releases && gathering) {
            try {
                wait();
            } catch (InterruptedException ignored) {
                // Nobody but this class decides about vCPU threads; an interrupt from elsewhere changes nothing.
            }
        }
        return outcome == null;
    }

    /** Every thread is out of the guest, and this monitor is held. */
    private void allGathered() {
        if (outcome == null && resetSource != null) {
            resetSource = null;
            try {
                restart.run();
            } catch (VzException failure) {
                outcome = new MachineOutcome.Crashed(-1, Optional.empty(), failure);
            } catch (RuntimeException | Error failure) {
                outcome = new MachineOutcome.Crashed(-1, Optional.empty(),
                        new HostException("reset", "machine \"" + description.name() + "\"", failure));
            }
        }
        if (!paused && outcome == null) {
            release();
        }
        notifyAll();
    }

    private void release() {
        gathering = false;
        waiting = 0;
        releases++;
        notifyAll();
    }

    /** A vCPU thread has left for good. */
    synchronized void left() {
        threads--;
        if (threads == 0 && outcome != null) {
            // On a thread of its own, so that whoever listens may close the machine, which waits for this thread.
            MachineOutcome result = outcome;
            completion.completeAsync(() -> result);
        } else if (threads > 0 && waiting == threads && gathering) {
            allGathered();
        }
        notifyAll();
    }

    // ------------------------------------------------------------------------------------------------ requests

    private void gatherAll() {
        gathering = true;
        for (X86Vcpu vcpu : vcpus) {
            vcpu.kick();
        }
    }

    /** Ends the run; the first to ask decides how. */
    synchronized void end(MachineOutcome how) {
        if (outcome == null) {
            outcome = how;
            gatherAll();
            notifyAll();
        }
    }

    @Override
    public void powerOff() {
        end(new MachineOutcome.PoweredOff());
    }

    @Override
    public void debugExit(int value) {
        end(new MachineOutcome.DebugExit(value));
    }

    /** The guest resets the machine. */
    @Override
    public void reset(String source) {
        if (description.onReset() == RestartPolicy.END) {
            end(new MachineOutcome.Reset(source));
        } else {
            restart(source);
        }
    }

    /** Resets the machine, whatever its description says of resets by the guest. */
    synchronized void restart(String source) {
        if (outcome == null && resetSource == null) {
            resetSource = source;
            if (paused && waiting == threads) {
                allGathered();
            } else {
                gatherAll();
            }
        }
    }

    /** Answers a triple fault; returns whether the vCPU goes on, which it does not. */
    boolean tripleFault(int vcpu, VcpuExit exit, VzException error) {
        if (description.tripleFaultResets()) {
            reset("triple fault");
        } else {
            end(new MachineOutcome.Crashed(vcpu, Optional.of(exit), error));
        }
        return false;
    }

    /**
     * Brings all vCPUs out of the guest and keeps them there.
     *
     * @throws LifecycleException if the run has ended, or somebody else has paused it
     */
    synchronized void pause() throws InterruptedException {
        if (outcome == null && paused) {
            throw new LifecycleException("Machine \"" + description.name() + "\" is paused already");
        }
        paused = true;
        if (outcome == null && !gathering) {
            gatherAll();
        }
        try {
            while (outcome == null && (waiting < threads || resetSource != null)) {
                wait();
            }
        } catch (InterruptedException interruption) {
            resume();
            throw interruption;
        }
        if (outcome != null) {
            throw new LifecycleException("Cannot pause machine \"" + description.name() + "\": its run has ended with "
                    + outcome);
        }
    }

    synchronized void resume() {
        paused = false;
        if (outcome == null && waiting == threads && gathering) {
            release();
        }
    }

    synchronized Optional<MachineOutcome> outcome() {
        return Optional.ofNullable(outcome);
    }
}
