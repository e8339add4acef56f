package dev.vz.storage.qcow2;

import java.nio.charset.StandardCharsets;

/**
 * One header extension. Those of unknown type are kept as they are.
 *
 * @param type its number: section "Header extensions"
 * @param data its bytes, without padding; not to be changed
 */
public record HeaderExtension(int type, byte[] data) {

    static final int END = 0;
    static final int BACKING_FORMAT = 0xe2792aca;
    static final int FEATURE_NAMES = 0x6803f857;
    static final int BITMAPS = 0x23852875;
    static final int ENCRYPTION_HEADER = 0x0537be77;
    static final int DATA_FILE_NAME = 0x44415441;

    static HeaderExtension ofText(int type, String text) {
        return new HeaderExtension(type, text.getBytes(StandardCharsets.UTF_8));
    }

    String text() {
        return new String(data, StandardCharsets.UTF_8);
    }

    /** Bytes that it takes in the header: type, length, data padded to 8. */
    int storedLength() {
        return 8 + (data.length + 7 & ~7);
    }
}
