package dev.vz.emulator.memory;

/** Where accesses go that meet no memory: the local APIC, and beyond it the exits of the virtual CPU. */
public interface DeviceAccess {

    /**
     * Reads {@code size} bytes (1, 2, 4 or 8, within a page) at guest-physical {@code gpa}.
     *
     * @return zero-extended
     */
    long deviceRead(long gpa, int size);

    /** Writes {@code size} bytes (1, 2, 4 or 8, within a page), or to memory that is read-only. */
    void deviceWrite(long gpa, int size, long value);

    /**
     * The guest is about to write {@code size} bytes, within a page, where code has been decoded. If this processor has
     * decoded it, it drops it, and may throw to have the instruction begin again: nothing has been written yet.
     */
    void codeWrite(long gpa, int size);

    /**
     * The guest has written {@code size} bytes, within a page that has decoded code. When this returns, no processor goes on
     * with what it had decoded there before: {@link CodeMap} tells why. Throws nothing.
     */
    void codeWritten(long gpa, int size);

    /**
     * The processor has set bits of {@code size} bytes of a page table, within a page that has decoded code. As
     * {@link #codeWritten}, without {@link #codeWrite} before.
     */
    void tableWritten(long gpa, int size);
}
