package dev.vz.virtio.scsi;

/** Why a command failed: sense key, additional sense code and its qualifier (SPC-4, 4.5.6 and annex F). */
enum Sense {
    NONE(0, 0, 0), UNRECOVERED_READ_ERROR(3, 0x11, 0), WRITE_ERROR(3, 0x0C, 0), INVALID_OPERATION_CODE(5, 0x20,
            0),
    LBA_OUT_OF_RANGE(5, 0x21, 0), INVALID_FIELD_IN_CDB(5, 0x24, 0), LOGICAL_UNIT_NOT_SUPPORTED(5, 0x25,
            0),
    INVALID_FIELD_IN_PARAMETER_LIST(5, 0x26, 0), PARAMETER_LIST_LENGTH_ERROR(5, 0x1A, 0), WRITE_PROTECTED(7, 0x27, 0);

    /** Bytes of {@link #encode}. */
    static final int BYTES = 18;
    private static final int CURRENT_FIXED = 0x70;

    private final int key;
    private final int code;
    private final int qualifier;

    Sense(int key, int code, int qualifier) {
        this.key = key;
        this.code = code;
        this.qualifier = qualifier;
    }

    /** Byte {@code index} of the fixed format (SPC-4, 4.5.3); 0 behind its end. */
    int at(int index) {
        return switch (index) {
            case 0 -> CURRENT_FIXED;
            case 2 -> key;
            case 7 -> BYTES - 8;
            case 12 -> code;
            case 13 -> qualifier;
            default -> 0;
        };
    }

    /** The fixed format, as REQUEST SENSE returns it. */
    byte[] encode() {
        var bytes = new byte[BYTES];
        for (int i = 0; i < BYTES; i++) {
            bytes[i] = (byte) at(i);
        }
        return bytes;
    }
}
