package dev.vz.emulator.cpu;

/**
 * The local APIC as its processor sees it, or what stands in for one where there is none. Except for {@link #isPending}
 * the methods are called on the processor's thread.
 */
public interface InterruptUnit {

    /** Whether an external interrupt waits that the task priority lets through. Any thread. */
    boolean isPending();

    /** Takes the most urgent interrupt that {@link #isPending} spoke of. Returns its vector, or -1 if it is gone. */
    int acknowledge();

    /** IA32_APIC_BASE. */
    long base();

    /** Writes IA32_APIC_BASE. Returns {@code false} for a value that is a general protection fault. */
    boolean setBase(long value);

    /** Reads the register page: {@code size} bytes at {@code offset}. */
    long read(int offset, int size);

    /** Writes the register page: {@code size} bytes at {@code offset}. */
    void write(int offset, int size, long value);

    /** Whether MSR {@code index} is one of this unit (x2APIC registers, TSC deadline) and can be used now. */
    boolean hasMsr(int index);

    /** Reads an MSR that {@link #hasMsr}. */
    long readMsr(int index);

    /** Writes an MSR that {@link #hasMsr}. Returns {@code false} for a value that is a general protection fault. */
    boolean writeMsr(int index, long value);

    /** CR8: the upper four bits of the task priority. */
    int taskPriority();

    /** Writes CR8. */
    void setTaskPriority(int priority);

    /** The processor was reset by INIT, or by power-on. */
    void reset(boolean power);
}
