package dev.vz.emulator.cpu;

/** What a processor finds around it: ports, devices, a clock, an interrupt controller, other processors. */
public interface Surroundings {

    /** Reads a port, {@code size} bytes (1, 2 or 4), zero-extended. */
    long portRead(int port, int size);

    /** Writes a port, {@code size} bytes (1, 2 or 4). */
    void portWrite(int port, int size, long value);

    /** Reads where there is no memory: 1, 2, 4 or 8 bytes, zero-extended. */
    long mmioRead(long gpa, int size);

    /** Writes where there is no memory, or read-only memory. */
    void mmioWrite(long gpa, int size, long value);

    /** The time stamp counter. */
    long timeStamp();

    /** Makes the time stamp counter read {@code value} now. */
    void setTimeStamp(long value);

    /** The interrupt controller of this processor. */
    InterruptUnit interrupts();

    /** Sixty-four random bits. */
    long random();

    /** Keeps the other processors out of guest memory until {@link #unlockBus}. */
    void lockBus();

    /** Ends {@link #lockBus}. */
    void unlockBus();

    /** Does what other threads have asked of this processor, which is between two instructions. */
    void serveRequests();

    /** Has the other processors drop what they have decoded of {@code size} bytes at {@code gpa}; waits until they have. */
    void codeWrite(long gpa, int size);

    /**
     * Has the other processors look at every further write to the page at {@code gpa}, host address {@code host}, because it
     * holds decoded code now; waits until they do, and what they stored before can be seen.
     */
    void codePage(long gpa, long host);

    /** A paravirtual call was made: arguments are in the registers. Returns what RAX becomes. */
    long hypercall(Cpu c);

    /** The program asked for MSR {@code index}, which the processor does not have. Returns whether it was answered. */
    boolean readUnknownMsr(Cpu c, int index);

    /** The program wrote MSR {@code index}, which the processor does not have. Returns whether it was taken. */
    boolean writeUnknownMsr(Cpu c, int index, long value);
}
