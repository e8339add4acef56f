package dev.vz.virtio.driver;

/**
 * One buffer of a request.
 *
 * @param address  guest-physical
 * @param length   bytes
 * @param writable whether the device writes it
 */
public record Buffer(long address, int length, boolean writable) {

    /** One that the device reads. */
    public static Buffer readable(long address, int length) {
        return new Buffer(address, length, false);
    }

    /** One that the device writes. */
    public static Buffer writable(long address, int length) {
        return new Buffer(address, length, true);
    }
}
