package dev.vz.bus;

/**
 * Something that answers accesses to a range of an address space.
 *
 * <p>
 * A device sees offsets into its own range, never absolute addresses. Both methods are called on a vCPU thread, and by
 * several of them at the same time; the device does its own locking. The guest chooses every argument: a device answers
 * an access it does not understand with zeros (or all ones, where its specification says so) and never throws.
 */
public interface BusDevice {

    /**
     * Answers a read.
     *
     * @param offset bytes from the start of the device's range; {@code offset + size} does not pass its end
     * @param size   number of bytes, 1 to 8; aligned drivers use 1, 2, 4 and 8
     * @return the value, little-endian, in the low {@code size} bytes; higher bits are ignored
     */
    long read(long offset, int size);

    /**
     * Takes a write.
     *
     * @param offset bytes from the start of the device's range; {@code offset + size} does not pass its end
     * @param size   number of bytes, 1 to 8; aligned drivers use 1, 2, 4 and 8
     * @param value  the value, little-endian, in the low {@code size} bytes; higher bits are zero
     */
    void write(long offset, int size, long value);
}
