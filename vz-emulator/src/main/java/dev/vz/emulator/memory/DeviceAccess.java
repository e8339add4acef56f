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
     * The guest is about to write {@code size} bytes, within a page, over code that has been decoded. Whoever decoded it
     * drops it. May throw to have the instruction begin again.
     */
    void codeWrite(long gpa, int size);

    /** The guest is about to write {@code size} bytes, within a page that has decoded code, where there is none so far. */
    void writeBesideCode(long gpa, int size);
}
