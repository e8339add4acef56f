package dev.vz.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Reads a chain's readable bytes one after the other. Each byte is fetched from guest memory once, so what was checked is
 * what is used. Reading past the end gives {@code false} or fewer bytes, never an exception. Reused; not thread-safe.
 */
public final class ChainReader {

    private DescriptorChain chain;
    private int piece;
    private int within;
    private long left;

    /** A reader at the start of {@code chain}. */
    public ChainReader(DescriptorChain chain) {
        this.chain = chain;
        reset(chain);
    }

    /** Goes to the start of {@code chain}. */
    public void reset(DescriptorChain chain) {
        this.chain = chain;
        piece = 0;
        within = 0;
        left = chain.readableBytes();
    }

    /** Bytes not read yet. */
    public long remaining() {
        return left;
    }

    /**
     * Copies the next {@code length} bytes.
     *
     * @return whether there were as many; if not, nothing is consumed
     */
    public boolean read(MemorySegment target, long offset, long length) {
        if (length > left) {
            return false;
        }
        long done = 0;
        while (done < length) {
            int here = (int) Math.min(length - done, chain.length(piece) - within);
            MemorySegment.copy(chain.segment(piece), chain.offset(piece) + within, target, offset + done, here);
            done += here;
            step(here);
        }
        return true;
    }

    /** Passes over the next bytes; {@code false}, and nothing consumed, if there are fewer. */
    public boolean skip(long length) {
        if (length > left) {
            return false;
        }
        long done = 0;
        while (done < length) {
            int here = (int) Math.min(length - done, chain.length(piece) - within);
            done += here;
            step(here);
        }
        return true;
    }

    /** The next byte, 0 to 255; -1 at the end. */
    public int readByte() {
        if (left == 0) {
            return -1;
        }
        int value = chain.segment(piece).get(ValueLayout.JAVA_BYTE, chain.offset(piece) + within) & 0xFF;
        step(1);
        return value;
    }

    /** The next little-endian value of {@code size} bytes, 1 to 8. The caller has looked at {@link #remaining}. */
    public long readLittleEndian(int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= (readByte() & 0xFFL) << 8 * i;
        }
        return value;
    }

    /** The segment that holds the next bytes; with {@link #offset} and {@link #contiguous}, for zero copy. */
    public MemorySegment segment() {
        return chain.segment(piece);
    }

    /** Where in {@link #segment} the next byte is. */
    public long offset() {
        return chain.offset(piece) + within;
    }

    /** How many of the next bytes lie one after the other in {@link #segment}; 0 at the end. */
    public int contiguous() {
        return left == 0 ? 0 : chain.length(piece) - within;
    }

    private void step(int bytes) {
        left -= bytes;
        within += bytes;
        if (within == chain.length(piece) && left > 0) {
            piece++;
            within = 0;
        }
    }
}
