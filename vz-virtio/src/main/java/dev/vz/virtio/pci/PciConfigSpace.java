package dev.vz.virtio.pci;

/**
 * The bytes of a function's configuration space and which bits of them the guest may write. Little-endian; guarded by its
 * owner.
 */
final class PciConfigSpace {

    static final int BYTES = 256;

    static final int COMMAND = 0x04;
    static final int COMMAND_MEMORY = 1 << 1;
    static final int COMMAND_MASTER = 1 << 2;
    static final int STATUS = 0x06;
    static final int STATUS_CAPABILITIES = 1 << 4;
    static final int BAR0 = 0x10;
    static final int CAPABILITIES_POINTER = 0x34;
    private static final int COMMAND_INTX_DISABLE = 1 << 10;
    private static final int CACHE_LINE = 0x0C;
    private static final int INTERRUPT_LINE = 0x3C;
    private static final int FIRST_CAPABILITY = 0x40;

    private final byte[] bytes = new byte[BYTES];
    private final byte[] writable = new byte[BYTES];
    private int nextCapability = FIRST_CAPABILITY;
    private int lastLink = CAPABILITIES_POINTER;

    PciConfigSpace(int vendor, int device, int classCode, int revision, int subsystemVendor, int subsystem) {
        put(0x00, 2, vendor);
        put(0x02, 2, device);
        put(0x08, 1, revision);
        put(0x09, 3, classCode);
        put(0x2C, 2, subsystemVendor);
        put(0x2E, 2, subsystem);
        allow(COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_DISABLE);
        allow(CACHE_LINE, 1, 0xFF);
        allow(INTERRUPT_LINE, 1, 0xFF);
    }

    /** Appends a capability; returns where it is. */
    int addCapability(int id, byte[] body) {
        int at = nextCapability;
        put(lastLink, 1, at);
        put(at, 1, id);
        for (int i = 0; i < body.length; i++) {
            bytes[at + 2 + i] = body[i];
        }
        lastLink = at + 1;
        nextCapability = at + 2 + body.length + 3 & ~3;
        put(STATUS, 2, STATUS_CAPABILITIES);
        return at;
    }

    void put(int offset, int size, long value) {
        for (int i = 0; i < size; i++) {
            bytes[offset + i] = (byte) (value >>> 8 * i);
        }
    }

    /** Lets the guest write the bits of {@code mask}. */
    void allow(int offset, int size, long mask) {
        for (int i = 0; i < size; i++) {
            writable[offset + i] = (byte) (mask >>> 8 * i);
        }
    }

    int get(int offset, int size) {
        int value = 0;
        for (int i = 0; i < size; i++) {
            // Beyond the first 256 bytes there are no extended capabilities: zeros.
            if (offset + i < BYTES) {
                value |= (bytes[offset + i] & 0xFF) << 8 * i;
            }
        }
        return value;
    }

    void write(int offset, int size, int value) {
        for (int i = 0; i < size && offset + i < BYTES; i++) {
            int mask = writable[offset + i];
            bytes[offset + i] = (byte) (bytes[offset + i] & ~mask | value >>> 8 * i & mask);
        }
    }

    /** The content, for a reset to come back to. */
    byte[] snapshot() {
        return bytes.clone();
    }

    void restore(byte[] snapshot) {
        System.arraycopy(snapshot, 0, bytes, 0, BYTES);
    }
}
