package dev.vz.net.dns;

import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a query asks, read where it lies and reused: enough to look into the cache. A query has one question, whose name is not
 * compressed, and at most one further record, EDNS's (RFC 1035, 4.1; RFC 6891, 6.1.1).
 */
final class DnsQuestion {

    static final int HEADER = 12;
    /** What a client takes that does not say (RFC 1035, 4.2.1). */
    static final int SMALLEST_ANSWER = 512;
    static final int LARGEST_QUERY = 4096;

    private static final int LARGEST_NAME = 255;
    private static final int OPT = 41;

    /** Lower-case name, type, class, and what else changes the answer. */
    private byte[] key = new byte[LARGEST_NAME + 5];
    private int keyLength;
    private int hash;
    private final int seed;
    int id;
    int flags;
    int nameLength;
    int largestAnswer;

    DnsQuestion(int seed) {
        this.seed = seed;
    }

    /** Reads a query; whether it is one that can be answered. */
    boolean parse(MemorySegment message, long at, int length) {
        if (length < HEADER || length > LARGEST_QUERY) {
            return false;
        }
        id = Wire.u16(message, at);
        flags = Wire.u16(message, at + 2);
        boolean standard = (flags & 0xF800) == 0;
        int additional = Wire.u16(message, at + 10);
        if (!standard || Wire.u16(message, at + 4) != 1 || Wire.u32(message, at + 6) != 0 || additional > 1) {
            return false;
        }
        int i = HEADER;
        int k = 0;
        while (true) {
            if (i >= length) {
                return false;
            }
            int label = Wire.u8(message, at + i);
            // The two highest bits would point elsewhere: a question has nothing to point at.
            if (label > 63 || i + 1 + label > length || k + 1 + label > LARGEST_NAME) {
                return false;
            }
            key[k++] = (byte) label;
            i++;
            if (label == 0) {
                break;
            }
            for (int end = i + label; i < end; i++) {
                int c = Wire.u8(message, at + i);
                key[k++] = (byte) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
            }
        }
        nameLength = k;
        if (i + 4 > length) {
            return false;
        }
        MemorySegment.copy(message, ValueLayout.JAVA_BYTE, at + i, key, k, 4);
        k += 4;
        i += 4;
        int kind = flags & 0x0110; // RD and CD
        largestAnswer = SMALLEST_ANSWER;
        if (additional == 1) {
            if (i + 11 > length || Wire.u8(message, at + i) != 0 || Wire.u16(message, at + i + 1) != OPT) {
                return false;
            }
            largestAnswer = Math.max(SMALLEST_ANSWER, Wire.u16(message, at + i + 3));
            kind |= 1 | Wire.u16(message, at + i + 7) >>> 14 & 2; // that it is there, and DO
        }
        key[k++] = (byte) (kind | kind >>> 5);
        keyLength = k;
        hash = hash(seed, key, k);
        return true;
    }

    private static int hash(int seed, byte[] bytes, int length) {
        int h = seed;
        for (int i = 0; i < length; i++) {
            h = (h ^ bytes[i]) * 0x01000193;
            h ^= h >>> 15;
        }
        return h;
    }

    /** A copy that stays, to be a key. */
    DnsQuestion copy() {
        var copy = new DnsQuestion(seed);
        copy.key = Arrays.copyOf(key, keyLength);
        copy.keyLength = keyLength;
        copy.hash = hash;
        copy.id = id;
        copy.flags = flags;
        copy.nameLength = nameLength;
        copy.largestAnswer = largestAnswer;
        return copy;
    }

    /** The question's type. */
    int type() {
        return (key[nameLength] & 0xFF) << 8 | key[nameLength + 1] & 0xFF;
    }

    /** The name in its wire format, in lower case. */
    byte[] name() {
        return Arrays.copyOf(key, nameLength);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof DnsQuestion question && question.hash == hash
                && Arrays.equals(key, 0, keyLength, question.key, 0, question.keyLength);
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
