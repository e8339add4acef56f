package dev.vz.virtio.input;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;

/** What a device says that it is: the answers of its configuration space (virtio 1.3, 5.8.4). */
enum InputKind {
    KEYBOARD("Vz Virtio Keyboard", 1), TABLET("Vz Virtio Tablet", 3);

    static final int EV_SYN = 0;
    static final int EV_KEY = 1;
    static final int EV_REL = 2;
    static final int EV_ABS = 3;
    static final int EV_LED = 17;
    static final int EV_REP = 20;
    static final int REL_HWHEEL = 6;
    static final int REL_WHEEL = 8;
    static final int ABS_X = 0;
    static final int ABS_Y = 1;
    static final int BTN_LEFT = 0x110;
    static final int BTN_RIGHT = 0x111;
    static final int BTN_MIDDLE = 0x112;
    /** The highest position on each axis. */
    static final int ABS_MAX = 32767;
    /** The keys that a keyboard has: KEY_ESC to the last below the buttons. */
    static final int LAST_KEY = 0xFF;

    private static final int ID_NAME = 1;
    private static final int ID_SERIAL = 2;
    private static final int ID_DEVIDS = 3;
    private static final int PROP_BITS = 0x10;
    private static final int EV_BITS = 0x11;
    private static final int ABS_INFO = 0x12;
    private static final int BUS_VIRTUAL = 6;
    private static final int VENDOR = 0x0627;
    private static final byte[] NOTHING = {};

    private final String title;
    private final int product;

    InputKind(String title, int product) {
        this.title = title;
        this.product = product;
    }

    /** What the driver reads after it has selected this; empty if there is no such thing. */
    byte[] answer(int select, int subsel) {
        return switch (select) {
            case ID_NAME -> title.getBytes(StandardCharsets.US_ASCII);
            case ID_SERIAL -> "0".getBytes(StandardCharsets.US_ASCII);
            case ID_DEVIDS -> ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putShort((short) BUS_VIRTUAL)
                    .putShort((short) VENDOR).putShort((short) product).putShort((short) 1).array();
            case PROP_BITS -> NOTHING;
            case EV_BITS -> events(subsel).toByteArray();
            case ABS_INFO -> this == TABLET && subsel <= ABS_Y
                    ? ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN).putInt(4, ABS_MAX).array()
                    : NOTHING;
            default -> NOTHING;
        };
    }

    private BitSet events(int type) {
        var codes = new BitSet();
        if (this == KEYBOARD) {
            switch (type) {
                case EV_KEY -> codes.set(1, LAST_KEY);
                case EV_LED -> codes.set(0, 3);
                case EV_REP -> codes.set(0, 2);
                default -> { /* none */ }
            }
        } else {
            switch (type) {
                case EV_KEY -> codes.set(BTN_LEFT, BTN_MIDDLE + 1);
                case EV_ABS -> codes.set(ABS_X, ABS_Y + 1);
                case EV_REL -> {
                    codes.set(REL_HWHEEL);
                    codes.set(REL_WHEEL);
                }
                default -> { /* none */ }
            }
        }
        return codes;
    }
}
