package dev.vz.emulator.fault;

/**
 * An exception of the guest on its way from the instruction that raised it to its delivery.
 *
 * <p>
 * Each virtual CPU has one and throws it again and again: {@code throw fault.raise(Vector.UD)}. It carries no stack
 * trace. Throwing it means that the instruction has changed nothing, except where the architecture says that it has
 * (repeated string instructions keep their progress in the registers).
 */
public final class Fault extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** The vector. */
    public int vector;
    /** The error code; without meaning for vectors that have none. */
    public int errorCode;
    /** The address that faulted, for {@link Vector#PF}. */
    public long address;
    /**
     * Whether this {@link Vector#GP} comes from an address that is not canonical: for accesses through SS it becomes
     * {@link Vector#SS}, which only the instruction knows.
     */
    public boolean nonCanonical;

    /** Makes the one of a virtual CPU. */
    public Fault() {
        super("guest exception", null, false, false);
    }

    /** Becomes an exception with error code 0, or without. */
    public Fault raise(int vector) {
        return raise(vector, 0);
    }

    /** Becomes an exception with an error code. */
    public Fault raise(int vector, int errorCode) {
        this.vector = vector;
        this.errorCode = errorCode;
        nonCanonical = false;
        return this;
    }

    /** Becomes a page fault. */
    public Fault page(long linear, int errorCode) {
        raise(Vector.PF, errorCode);
        address = linear;
        return this;
    }

    /** Becomes the fault of an address that is not canonical. */
    public Fault notCanonical() {
        raise(Vector.GP, 0);
        nonCanonical = true;
        return this;
    }

    @Override
    public String getMessage() {
        return "guest exception " + vector + ", error code 0x" + Integer.toHexString(errorCode);
    }
}
