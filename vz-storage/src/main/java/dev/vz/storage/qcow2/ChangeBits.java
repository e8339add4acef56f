package dev.vz.storage.qcow2;

import java.util.concurrent.atomic.AtomicLongArray;

/** Which parts of a disk were written: a bit for each. Marks may come from several threads. */
public final class ChangeBits {

    private final long size;
    private final int granularity;
    private final AtomicLongArray words;

    /** None, for a disk of {@code size} bytes, {@code granularity} of them for each bit. */
    ChangeBits(long size, int granularity) {
        this.size = size;
        this.granularity = granularity;
        this.words = new AtomicLongArray(Math.toIntExact(Math.ceilDiv(Math.ceilDiv(size, granularity), 64)));
    }

    /** Bytes of the disk for each bit. */
    public int granularity() {
        return granularity;
    }

    /** Bytes that the bits take in the file. */
    long bytes() {
        return Math.ceilDiv(Math.ceilDiv(size, granularity), 8);
    }

    void mark(long offset, long length) {
        for (long bit = offset / granularity; length > 0 && bit <= (offset + length - 1) / granularity; bit++) {
            long mask = 1L << bit;
            int word = (int) (bit >>> 6);
            // Most are set already: reading is cheaper than an atomic change.
            if (word < words.length() && (words.get(word) & mask) == 0) {
                words.getAndAccumulate(word, mask, (before, more) -> before | more);
            }
        }
    }

    /** Whether something was written in the part of the disk with the byte at {@code offset}. */
    public boolean contains(long offset) {
        long bit = offset / granularity;
        return (words.get((int) (bit >>> 6)) >>> bit & 1) != 0;
    }

    /** Marks whatever {@code other} has marked, whose granularity may be another. */
    void add(ChangeBits other) {
        for (long offset = 0; offset < Math.min(size, other.size); offset += other.granularity) {
            if (other.contains(offset)) {
                mark(offset, Math.min(other.granularity, size - offset));
            }
        }
    }

    /** Takes bits from the file, from its byte {@code at} on: the lowest bit of each byte comes first. */
    void load(long at, byte[] bytes) {
        for (int i = 0; i < bytes.length; i++) {
            long bit = (at + i) * 8;
            int word = (int) (bit >>> 6);
            if (bytes[i] != 0 && word < words.length()) {
                long mask = Byte.toUnsignedLong(bytes[i]) << bit;
                words.set(word, words.get(word) | mask);
            }
        }
    }

    /** Puts bits as they are in the file, from its byte {@code at} on; {@code false} if there are none. */
    boolean save(long at, byte[] bytes) {
        boolean any = false;
        for (int i = 0; i < bytes.length; i++) {
            long bit = (at + i) * 8;
            int word = (int) (bit >>> 6);
            bytes[i] = word < words.length() && bit < Math.ceilDiv(size, granularity) ? (byte) (words.get(word) >>> bit)
                    : 0;
            any |= bytes[i] != 0;
        }
        return any;
    }
}
