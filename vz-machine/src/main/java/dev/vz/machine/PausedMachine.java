package dev.vz.machine;

import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.state.Stateful;
import java.util.List;
import java.util.Map;

/**
 * A machine that stands still: the time to look at its registers, or to save it. Closing it lets the processors run on.
 */
public final class PausedMachine implements AutoCloseable {

    private final RunningMachine machine;
    private final RunControl control;
    private final Board board;
    private boolean resumed;

    PausedMachine(RunningMachine machine, RunControl control, Board board) {
        this.machine = machine;
        this.control = control;
        this.board = board;
    }

    /** The machine that is paused. */
    public RunningMachine machine() {
        return machine;
    }

    /** Its processors; their state may be read and written until {@link #resume()}. */
    public List<? extends X86Vcpu> vcpus() {
        return machine.virtualMachine().vcpus();
    }

    /** Its devices whose state can be saved, by name. */
    public Map<String, Stateful<?>> devices() {
        return board.stateful();
    }

    /** Lets the processors run on. Idempotent. */
    public synchronized void resume() {
        if (!resumed) {
            resumed = true;
            board.resume();
            control.resume();
        }
    }

    /** Lets the processors run on. */
    @Override
    public void close() {
        resume();
    }
}
