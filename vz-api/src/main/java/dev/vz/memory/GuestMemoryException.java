package dev.vz.memory;

import dev.vz.error.GuestException;

/** An access to guest-physical addresses where the guest has no memory, or none that may be accessed so. */
public class GuestMemoryException extends GuestException {

    private static final long serialVersionUID = 1L;

    private final long address;

    /** Says that {@code length} bytes at {@code address} cannot be accessed, and why. */
    public GuestMemoryException(String action, long address, long length, String why) {
        super("Cannot " + action + " " + length + " bytes at guest-physical address 0x" + Long.toHexString(address)
                + ": " + why);
        this.address = address;
    }

    /** The first guest-physical address of the access. */
    public long address() {
        return address;
    }
}
