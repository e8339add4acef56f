package dev.vz.emulator.cpu;

import dev.vz.emulator.fault.Vector;

/**
 * An exception or interrupt that a saved state was about to deliver: it comes before the next instruction. Belongs to the
 * thread that runs the processor.
 */
public final class InFlight {

    /** Nothing. */
    public static final int NONE = 0;
    /** An exception. */
    public static final int EXCEPTION = 1;
    /** An external interrupt. */
    public static final int INTERRUPT = 2;
    /** A software interrupt. */
    public static final int SOFTWARE = 3;

    /** What it is. */
    public int kind;
    /** Its vector. */
    public int vector;
    /** Its error code; without meaning where the vector has none. */
    public int errorCode;
    /** What CR2 becomes, for a page fault. */
    public long address;

    InFlight() {}

    /** Puts one in flight. */
    public void set(int kind, int vector, int errorCode, long address) {
        this.kind = kind;
        this.vector = vector;
        this.errorCode = errorCode;
        this.address = address;
    }

    /** Delivers it. Returns {@code false} for a triple fault. */
    boolean deliver(Cpu c) {
        int what = kind;
        kind = NONE;
        if (what == EXCEPTION) {
            c.fault.page(address, errorCode);
            c.fault.vector = vector;
            if (vector != Vector.PF) {
                c.fault.raise(vector, errorCode);
            }
            return c.delivery.exception();
        }
        try {
            c.delivery.interrupt(vector, what == SOFTWARE ? Delivery.SOFTWARE : Delivery.HARDWARE);
            return true;
        } catch (dev.vz.emulator.fault.Fault fault) {
            return c.delivery.exception();
        }
    }
}
