package dev.vz.machine.boot;

import dev.vz.error.FormatException;

/**
 * The LZ4 block format ({@code lz4_Block_format.md}): sequences of a token, literals, and a match to copy.
 *
 * <p>
 * Written here because it is the compression of Debian's kernels and the first thing that happens when a machine starts: a
 * cold JVM unpacks one in 0.4 s this way and in 1.0 s through a stream of commons-compress, which the tests compare it with.
 */
final class Lz4Block {

    private static final int MIN_MATCH = 4;

    private final byte[] in;
    private final int end;
    private int at;

    private Lz4Block(byte[] in, int from, int length) {
        this.in = in;
        this.at = from;
        this.end = from + length;
    }

    /**
     * Unpacks the block of {@code length} bytes at {@code from}.
     *
     * @param out   where to
     * @param start offset in {@code out}; matches reach no further back
     * @param limit the offset in {@code out} that must not be passed
     * @return the offset in {@code out} after the last byte
     * @throws FormatException if the block is damaged or unpacks to more
     */
    static int unpack(byte[] in, int from, int length, byte[] out, int start, int limit) {
        return new Lz4Block(in, from, length).unpack(out, start, limit);
    }

    private int unpack(byte[] out, int start, int limit) {
        int to = start;
        while (true) {
            int token = next();
            int literals = length(token >>> 4);
            if (literals > end - at || literals > limit - to) {
                throw bad("a run of " + literals + " literals");
            }
            System.arraycopy(in, at, out, to, literals);
            at += literals;
            to += literals;
            if (at == end) {
                return to; // the last sequence has no match
            }
            int offset = next() | next() << 8;
            int match = length(token & 0xF) + MIN_MATCH;
            if (offset == 0 || offset > to - start || match > limit - to || match < 0) {
                throw bad("a match of " + match + " bytes, " + offset + " back,");
            }
            copy(out, to - offset, to, match);
            to += match;
        }
    }

    /** A match may overlap what it makes: then it repeats itself, and the bytes have to be copied one by one. */
    private static void copy(byte[] out, int from, int to, int length) {
        if (to - from >= length) {
            System.arraycopy(out, from, out, to, length);
        } else {
            for (int i = 0; i < length; i++) {
                out[to + i] = out[from + i];
            }
        }
    }

    /** A length of 15 goes on in the bytes that follow, as long as they are 255. */
    private int length(int nibble) {
        int length = nibble;
        if (nibble == 15) {
            int more;
            do {
                more = next();
                length += more;
                if (length < 0) {
                    throw bad("a length beyond 2 GiB");
                }
            } while (more == 255);
        }
        return length;
    }

    private int next() {
        if (at >= end) {
            throw bad("the end in the middle of a sequence");
        }
        return in[at++] & 0xFF;
    }

    private FormatException bad(String what) {
        return new FormatException("An LZ4 block is damaged: " + what + " at offset " + at + " does not fit");
    }
}
