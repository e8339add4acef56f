package dev.vz.net.gateway;

import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The first message of a TLS client as far as it has arrived, and the server's name in it (RFC 8446, 4.1.2; RFC 6066, 3). It
 * may be spread over several records, and over segments of any size.
 */
final class ClientHello {

    /** What is known about the message so far. */
    enum Progress {
        /** More bytes are needed. */
        INCOMPLETE,
        /** It is whole, and {@link #serverName} says whom it names. */
        WHOLE,
        /** This is no ClientHello. */
        OTHER
    }

    /** More than clients send; what claims to be longer is none of theirs. */
    static final int LARGEST = 20_000;

    private static final int HANDSHAKE = 22;
    private static final int CLIENT_HELLO = 1;
    private static final int SERVER_NAME = 0;
    private static final int HOST_NAME = 0;
    private static final int RECORD = 5;
    private static final int LONGEST_RECORD = 1 << 14;

    private byte[] message = new byte[0];
    private int at;
    private int end;
    private boolean broken;
    private long needed = RECORD + 4;
    private @Nullable String serverName;

    /** The name it gives, in lower case; {@code null} if it gives none, or not one. */
    @Nullable
    String serverName() {
        return serverName;
    }

    /** Looks at the first {@code length} bytes of the stream. To be called with all of them each time. */
    Progress read(MemorySegment stream, long length) {
        if (length > 0 && Wire.u8(stream, 0) != HANDSHAKE) {
            return Progress.OTHER;
        }
        if (length < needed) {
            return length < LARGEST ? Progress.INCOMPLETE : Progress.OTHER; // not looked at for each single byte
        }
        byte[] joined = new byte[(int) Math.min(length, LARGEST)];
        int size = 0;
        long from = 0;
        while (from + RECORD <= length) {
            int record = Wire.u16(stream, from + 3);
            if (Wire.u8(stream, from) != HANDSHAKE || record == 0 || record > LONGEST_RECORD) {
                return Progress.OTHER;
            }
            int part = (int) Math.min(Math.min(record, length - from - RECORD), joined.length - size);
            MemorySegment.copy(stream, ValueLayout.JAVA_BYTE, from + RECORD, joined, size, part);
            size += part;
            from += RECORD + record;
            int whole = size < 4 ? 4 : 4 + u24(joined, 1);
            if (size > 0 && joined[0] != CLIENT_HELLO || whole > LARGEST) {
                return Progress.OTHER;
            }
            if (size >= 4 && size >= whole) {
                message = joined;
                serverName = parse(whole);
                return Progress.WHOLE;
            }
        }
        // At least the record that has begun, or the next one's header, is missing.
        needed = Math.max(from, length + 1);
        return length < LARGEST ? Progress.INCOMPLETE : Progress.OTHER;
    }

    private @Nullable String parse(int length) {
        at = 4;
        end = length;
        broken = false;
        skip(2 + 32); // legacy_version and random
        skip(take(1)); // legacy_session_id
        skip(take(2)); // cipher_suites
        skip(take(1)); // legacy_compression_methods
        int extensions = take(2);
        if (broken || extensions > end - at) {
            return null;
        }
        end = at + extensions;
        String found = null;
        while (at < end && !broken) {
            int type = take(2);
            int size = take(2);
            if (broken || size > end - at) {
                return null;
            }
            if (type == SERVER_NAME) {
                if (found != null) {
                    return null; // two of a kind are forbidden: who knows which one the server takes
                }
                found = name(at, size);
                if (found == null) {
                    return null;
                }
            }
            skip(size);
        }
        return broken ? null : found;
    }

    /** The one name of a list that takes {@code size} bytes; {@code null} if it is not as it should be. */
    private @Nullable String name(int from, int size) {
        if (size < 5 || u16(message, from) != size - 2 || message[from + 2] != HOST_NAME) {
            return null;
        }
        int length = u16(message, from + 3);
        if (length == 0 || length != size - 5) {
            return null;
        }
        for (int i = 0; i < length; i++) {
            int letter = message[from + 5 + i];
            if (letter <= ' ' || letter == 0x7F) {
                return null;
            }
        }
        return new String(message, from + 5, length, StandardCharsets.US_ASCII).toLowerCase(Locale.ROOT);
    }

    private int take(int bytes) {
        if (bytes > end - at) {
            broken = true;
            return 0;
        }
        int value = 0;
        for (int i = 0; i < bytes; i++) {
            value = value << 8 | message[at++] & 0xFF;
        }
        return value;
    }

    private void skip(int bytes) {
        if (bytes > end - at) {
            broken = true;
        } else {
            at += bytes;
        }
    }

    private static int u16(byte[] bytes, int at) {
        return (bytes[at] & 0xFF) << 8 | bytes[at + 1] & 0xFF;
    }

    private static int u24(byte[] bytes, int at) {
        return (bytes[at] & 0xFF) << 16 | u16(bytes, at + 1);
    }
}
