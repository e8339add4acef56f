package dev.vz.virtio.queue;

import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Writes a chain's writable bytes one after the other and marks them dirty. Writing past the end gives {@code false},
 * never an exception. Reused; not thread-safe.
 */
public final class ChainWriter {

    private DescriptorChain chain;
    private int piece;
    private int within;
    private long left;

    /** A writer at the start of {@code chain}'s writable part. */
    public ChainWriter(DescriptorChain chain) {
        this.chain = chain;
        reset(chain);
    }

    /** Goes to the start of {@code chain}'s writable part. */
    public void reset(DescriptorChain chain) {
        this.chain = chain;
        piece = chain.readablePieces();
        within = 0;
        left = chain.writableBytes();
    }

    /** Bytes that can still be written. */
    public long remaining() {
        return left;
    }

    /** Bytes written or passed over so far: what {@link Virtqueue#add} wants to know. */
    public long written() {
        return chain.writableBytes() - left;
    }

    /**
     * Copies {@code length} bytes into the chain.
     *
     * @return whether there was room; if not, nothing is written
     */
    public boolean write(MemorySegment source, long offset, long length) {
        if (length > left) {
            return false;
        }
        long done = 0;
        while (done < length) {
            int here = (int) Math.min(length - done, chain.length(piece) - within);
            MemorySegment.copy(source, offset + done, chain.segment(piece), chain.offset(piece) + within, here);
            done += here;
            step(here);
        }
        return true;
    }

    /** Writes one byte; {@code false} if there is no room. */
    public boolean writeByte(int value) {
        if (left == 0) {
            return false;
        }
        chain.segment(piece).set(ValueLayout.JAVA_BYTE, chain.offset(piece) + within, (byte) value);
        step(1);
        return true;
    }

    /** Writes a little-endian value of {@code size} bytes, 1 to 8; {@code false}, and nothing written, if there is no room. */
    public boolean writeLittleEndian(int size, long value) {
        if (size > left) {
            return false;
        }
        for (int i = 0; i < size; i++) {
            writeByte((int) (value >>> 8 * i) & 0xFF);
        }
        return true;
    }

    /** The segment where the next bytes go; with {@link #offset} and {@link #contiguous}, for zero copy. */
    public MemorySegment segment() {
        return chain.segment(piece);
    }

    /** Where in {@link #segment} the next byte goes. */
    public long offset() {
        return chain.offset(piece) + within;
    }

    /** How many of the next bytes lie one after the other in {@link #segment}; 0 at the end. */
    public int contiguous() {
        return left == 0 ? 0 : chain.length(piece) - within;
    }

    /** Counts {@code length} bytes as written: somebody wrote them through {@link #segment}. {@code false} if too many. */
    public boolean advance(long length) {
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

    private void step(int bytes) {
        MemoryRegion region = chain.region(piece);
        DirtyBitmap dirty = region.dirty();
        if (dirty != null) {
            dirty.mark(chain.offset(piece) + within, bytes);
        }
        left -= bytes;
        within += bytes;
        if (within == chain.length(piece) && left > 0) {
            piece++;
            within = 0;
        }
    }
}
