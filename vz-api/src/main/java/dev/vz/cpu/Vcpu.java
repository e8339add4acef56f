package dev.vz.cpu;

import java.lang.foreign.MemorySegment;

/**
 * A virtual CPU.
 *
 * <p>
 * One platform thread at a time runs it: whichever calls {@code run}. Registers and the other state may be read and
 * written by that thread, or by any thread while none is inside {@code run}. Only {@link #kick()} may be called at any
 * time from any thread. The guest runs until something happens that it cannot do itself, an <em>exit</em>; exits come
 * in two forms with the same content: as {@link VcpuExit} records from {@link #run()}, and as calls with primitives on a
 * {@link VcpuExitHandler} from {@link #run(VcpuExitHandler)}, which allocates nothing.
 */
public interface Vcpu extends AutoCloseable {

    /** Its number in the machine, from 0. */
    int id();

    /**
     * Enters the guest until its next exit, or until {@link #kick()}, which gives {@link VcpuExit.Kicked}.
     *
     * <p>
     * After {@link VcpuExit.PortRead} and {@link VcpuExit.MmioRead} the caller answers with {@link #answer(long)} or by
     * writing to {@link #exitData()}, before the next run; an access that is not answered reads as zeros.
     *
     * @throws dev.vz.error.HostException      if the host refuses to run it
     * @throws dev.vz.error.LifecycleException if it or its machine is closed, or another thread is running it
     */
    VcpuExit run();

    /**
     * Enters the guest again and again, giving each exit to {@code handler}, until the handler says to leave or until
     * {@link #kick()}.
     *
     * @return why it came back
     */
    Outcome run(VcpuExitHandler handler);

    /** Answers the read that {@link #run()} returned: one access of up to 8 bytes, little-endian. */
    void answer(long value);

    /**
     * The bytes of the access that {@link #run()} returned: what was written, or where to put what is read. As long as
     * the access ({@code size * count}); valid until the next run.
     */
    MemorySegment exitData();

    /**
     * Makes a running {@code run} return soon, or the next one return at once. Never lost: a kick that comes just before
     * the guest is entered still takes effect. Several kicks before a return count as one. An access that a run returned
     * and the caller has answered is finished first: after a kicked run the guest is between two instructions and its state
     * can be saved. A kick of a closed vCPU does nothing. Any thread.
     */
    void kick();

    /** Releases it. No thread is in {@code run}. Idempotent. */
    @Override
    void close();

    /** Why {@link #run(VcpuExitHandler)} came back. */
    enum Outcome {
        /** Somebody called {@link Vcpu#kick()}. */
        KICKED,
        /** The handler answered an exit with {@code false}. */
        LEFT
    }
}
