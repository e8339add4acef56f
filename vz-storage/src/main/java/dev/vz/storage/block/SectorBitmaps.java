package dev.vz.storage.block;

import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which sectors of its blocks a differencing image holds itself; the others are its parent's. One bit for each sector, in
 * the order that the format has in its file, so that what is read there is kept as it is.
 *
 * <p>
 * Used under the driver's lock. Bitmaps that the file has go first in, first out; changed ones stay until they are taken.
 */
public final class SectorBitmaps {

    /** Reads the bitmap of a block from the file. */
    @FunctionalInterface
    public interface Source {
        /** Fills {@code bits} with the bitmap of {@code block}, whose data is at {@code data}. */
        void read(int block, long data, byte[] bits);
    }

    private static final int CACHE_BYTES = 8 << 20;
    private static final byte[] FULL = {};

    private final Source source;
    private final int sectorSize;
    private final int sectors;
    private final boolean highBitFirst;
    private final byte[] @Nullable [] known;
    private final int[] queue;
    private int hand;
    private final SortedMap<Integer, byte[]> changed = new TreeMap<>();

    /**
     * Nothing is known at first.
     *
     * @param blocks       how many blocks there are
     * @param blockSize    bytes of a block
     * @param sectorSize   bytes of a sector
     * @param highBitFirst whether the first sector of eight has the highest bit of their byte; else the lowest
     */
    public SectorBitmaps(int blocks, int blockSize, int sectorSize, boolean highBitFirst, Source source) {
        this.source = source;
        this.sectorSize = sectorSize;
        this.sectors = blockSize / sectorSize;
        this.highBitFirst = highBitFirst;
        this.known = new byte[blocks][];
        this.queue = new int[Math.max(16, CACHE_BYTES / bytes())];
        Arrays.fill(queue, -1);
    }

    private int bytes() {
        return Math.max(1, sectors / 8);
    }

    /** Where the sector that holds {@code offset} starts. */
    long sectorStart(long offset) {
        return offset / sectorSize * sectorSize;
    }

    /** Where the last sector before {@code offset} ends. */
    long sectorEnd(long offset) {
        return Math.ceilDiv(offset, sectorSize) * sectorSize;
    }

    /** All sectors of {@code block} are there. */
    public void setFull(int block) {
        known[block] = FULL;
    }

    boolean isFull(int block, long data) {
        return isFull(bits(block, data));
    }

    private byte[] bits(int block, long data) {
        byte[] bits = known[block];
        if (bits != null) {
            return bits;
        }
        bits = new byte[bytes()];
        source.read(block, data, bits);
        if (allSet(bits)) {
            known[block] = FULL;
            return FULL;
        }
        known[block] = bits;
        int evicted = queue[hand];
        if (evicted >= 0 && !isFull(known[evicted]) && !changed.containsKey(evicted)) {
            known[evicted] = null;
        }
        queue[hand] = block;
        hand = (hand + 1) % queue.length;
        return bits;
    }

    /** Of a block that is there as a whole, no bits are kept. */
    private static boolean isFull(byte @Nullable [] bits) {
        return bits != null && bits.length == 0;
    }

    private static boolean allSet(byte[] bits) {
        for (byte each : bits) {
            if (each != -1) {
                return false;
            }
        }
        return true;
    }

    private int mask(int sector) {
        return highBitFirst ? 0x80 >> (sector & 7) : 1 << (sector & 7);
    }

    private boolean isSet(byte[] bits, int sector) {
        return isFull(bits) || (bits[sector >> 3] & mask(sector)) != 0;
    }

    /** Whether the sector at {@code in} of a block is there. */
    boolean has(int block, long data, long in) {
        return isSet(bits(block, data), (int) (in / sectorSize));
    }

    /** Where, from {@code in} to {@code end} of a block, sectors stop being there, or not there, as the first one. */
    long sameUntil(int block, long data, long in, long end) {
        byte[] bits = bits(block, data);
        if (isFull(bits)) {
            return end;
        }
        int sector = (int) (in / sectorSize);
        boolean first = isSet(bits, sector);
        int last = (int) Math.ceilDiv(end, sectorSize);
        int same = first ? 0xff : 0;
        sector++;
        while (sector < last) {
            if ((sector & 7) == 0 && (bits[sector >> 3] & 0xff) == same && sector + 8 <= last) {
                sector += 8;
            } else if (isSet(bits, sector) == first) {
                sector++;
            } else {
                break;
            }
        }
        return Math.min(end, (long) sector * sectorSize);
    }

    /** The sectors from {@code from} to {@code to} of a block are there now; of a {@code fresh} block, nothing was before. */
    void add(int block, long data, long from, long to, boolean fresh) {
        byte[] bits = fresh ? new byte[bytes()] : bits(block, data);
        if (isFull(bits)) {
            return;
        }
        int last = (int) Math.ceilDiv(to, sectorSize);
        for (int sector = (int) (from / sectorSize); sector < last; sector++) {
            bits[sector >> 3] = (byte) (bits[sector >> 3] | mask(sector));
        }
        changed.put(block, bits);
        known[block] = allSet(bits) ? FULL : bits;
    }

    boolean isChanged() {
        return !changed.isEmpty();
    }

    /** The bitmaps that the file does not have yet, by their blocks; the caller writes them. */
    SortedMap<Integer, byte[]> takeChanged() {
        SortedMap<Integer, byte[]> taken = new TreeMap<>();
        changed.forEach((block, bits) -> taken.put(block, bits.clone()));
        changed.forEach((block, bits) -> {
            if (!isFull(known[block])) {
                known[block] = null; // read again when it is wanted, so that the cache stays within its bounds
            }
        });
        changed.clear();
        return taken;
    }

    void clear() {
        Arrays.fill(known, null);
        Arrays.fill(queue, -1);
        changed.clear();
    }
}
