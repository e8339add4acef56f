package dev.vz.conformance;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Answers a guest's exits with prepared values, keeps them as records, and ends the run when the guest says so. A string of
 * port accesses is kept as single accesses: how many of them come in one exit is the back end's choice.
 */
public final class ExitRecorder implements VcpuExitHandler {

    /** Why a run ended. */
    public enum Stop {
        /** The guest wrote {@link Guest#END_PORT}. */
        END,
        /** A handler that the test did not expect ran in the guest; see {@link Guest#fault}. */
        FAULT,
        /** {@code HLT}. */
        HALT,
        /** An exit of another kind, the last of {@link ExitRecorder#exits}. */
        EXIT,
        /** Somebody kicked the vCPU. */
        KICK
    }

    private final Runnable leave;
    private final List<VcpuExit> exits = new ArrayList<>();
    private final Deque<Long> answers = new ArrayDeque<>();
    private @Nullable Responder responder;
    private @Nullable Stop stop;

    ExitRecorder(Runnable leave) {
        this.leave = leave;
    }

    /** What the guest's reads give, one after another; when they are used up, all ones. */
    public void answer(long... values) {
        for (long value : values) {
            answers.add(value);
        }
    }

    /** Computes what the guest's reads give, once the prepared answers are used up. */
    public void respond(Responder responder) {
        this.responder = responder;
    }

    /** Computes the answer to a read. */
    @FunctionalInterface
    public interface Responder {
        /** The value of {@code size} bytes at a port or a guest-physical address. */
        long read(long address, int size);
    }

    /** All exits so far but the one that ended the run by a port. */
    public List<VcpuExit> exits() {
        return List.copyOf(exits);
    }

    /** Forgets the exits so far. */
    public void clear() {
        exits.clear();
    }

    void begin() {
        stop = null;
    }

    /** Why the run ended; {@link Stop#KICK} where no exit was the reason. */
    Stop stop() {
        return stop == null ? Stop.KICK : stop;
    }

    private long next(long address, int size) {
        Long value = answers.poll();
        if (value != null) {
            return value;
        }
        return responder == null ? -1L : responder.read(address, size);
    }

    private void stop(Stop why) {
        stop = why;
        leave.run();
    }

    @Override
    public long portRead(int port, int size) {
        exits.add(new VcpuExit.PortRead(port, size, 1));
        return next(port, size);
    }

    @Override
    public void portWrite(int port, int size, long value) {
        switch (port) {
            case Guest.END_PORT -> stop(Stop.END);
            case Guest.FAULT_PORT -> stop(Stop.FAULT);
            default -> exits.add(new VcpuExit.PortWrite(port, size, 1, value));
        }
    }

    @Override
    public long mmioRead(long gpa, int size) {
        exits.add(new VcpuExit.MmioRead(gpa, size));
        return next(gpa, size);
    }

    @Override
    public void mmioWrite(long gpa, int size, long value) {
        exits.add(new VcpuExit.MmioWrite(gpa, size, value));
    }

    @Override
    public boolean halt() {
        stop = Stop.HALT;
        return false;
    }

    @Override
    public boolean exit(VcpuExit exit) {
        exits.add(exit);
        stop = Stop.EXIT;
        return false;
    }
}
