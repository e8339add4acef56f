package dev.vz.storage.vhdx;

import dev.vz.storage.block.SectorBitmaps;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.CorruptImageException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongSupplier;

/**
 * The blocks that hold sector bitmaps, one of 1 MiB for each chunk of payload blocks: section "Sector Bitmap Blocks". Used
 * under the driver's lock.
 */
final class BitmapBlocks {

    private static final int PRESENT = 6;

    private final ImageFile file;
    private final Metadata metadata;
    private final byte[] bat;

    /** {@code bat}: the block allocation table, in whole sectors of the log, which the driver changes, too. */
    BitmapBlocks(ImageFile file, Metadata metadata, byte[] bat) {
        this.file = file;
        this.metadata = metadata;
        this.bat = bat;
    }

    /** The bitmaps of the blocks of {@code table}. Blocks that are said to be there as a whole need none. */
    SectorBitmaps bitmaps(long[] table) {
        var bitmaps = new SectorBitmaps(table.length, metadata.blockSize(), metadata.logicalSectorSize(), false,
                (block, data, bits) -> file.read(
                        place(block), MemorySegment.ofArray(bits)));
        MemorySegment entries = MemorySegment.ofArray(bat);
        for (int block = 0; block < table.length; block++) {
            if (((int) entries.get(Field.LONG, VhdxDriver.entryAt(metadata, block))
                    & VhdxDriver.STATE) == VhdxDriver.FULLY_PRESENT) {
                bitmaps.setFull(block);
            }
        }
        return bitmaps;
    }

    /** Where the entry of a chunk's block of bitmaps is: behind those of its payload blocks. */
    private long entryAt(long chunk) {
        return (chunk * (metadata.chunkRatio() + 1) + metadata.chunkRatio()) * 8;
    }

    private int bitmapBytes() {
        return metadata.blockSize() / metadata.logicalSectorSize() / 8;
    }

    private long place(int block) {
        long chunk = block / metadata.chunkRatio();
        long entry = MemorySegment.ofArray(bat).get(Field.LONG, entryAt(chunk));
        long at = entry & VhdxDriver.PLACE;
        if (((int) entry & VhdxDriver.STATE) != PRESENT || at <= 0 || at > file.size() - Field.MEBIBYTE) {
            throw new CorruptImageException("Block " + block + " of " + file.name()
                    + " is said to be there in part, but its bitmap is at " + Long.toUnsignedString(at) + " in state "
                    + ((int) entry & VhdxDriver.STATE));
        }
        return at + block % metadata.chunkRatio() * bitmapBytes();
    }

    /**
     * Takes space for the bitmaps of {@code blocks} where there is none yet.
     *
     * @param space     gives the places of new blocks of 1 MiB that read as zeros
     * @param batOffset where the table is in the file
     * @return the sectors of the table that say so, to be written by the caller
     */
    SortedMap<Long, byte[]> allocate(Set<Integer> blocks, LongSupplier space, long batOffset) {
        MemorySegment entries = MemorySegment.ofArray(bat);
        SortedMap<Long, byte[]> sectors = new TreeMap<>();
        for (int block : blocks) {
            long at = entryAt(block / metadata.chunkRatio());
            if (((int) entries.get(Field.LONG, at) & VhdxDriver.STATE) == PRESENT) {
                continue;
            }
            entries.set(Field.LONG, at, space.getAsLong() | PRESENT);
            sectors.put(batOffset + (at & -Log.SECTOR), new byte[0]);
        }
        sectors.replaceAll((at, none) -> {
            int from = (int) (at - batOffset);
            return Arrays.copyOfRange(bat, from, from + Log.SECTOR);
        });
        return sectors;
    }

    /** The sectors of the log that hold {@code changed} bitmaps, with what else is in them. */
    SortedMap<Long, byte[]> sectors(SortedMap<Integer, byte[]> changed) {
        SortedMap<Long, byte[]> sectors = new TreeMap<>();
        changed.forEach((block, bits) -> {
            long at = place(block);
            int done = 0;
            while (done < bits.length) {
                long position = at + done;
                byte[] sector = sectors.computeIfAbsent(position & -Log.SECTOR, place -> {
                    byte[] bytes = new byte[Log.SECTOR];
                    file.read(place, MemorySegment.ofArray(bytes));
                    return bytes;
                });
                int in = (int) (position % Log.SECTOR);
                int piece = Math.min(bits.length - done, Log.SECTOR - in);
                System.arraycopy(bits, done, sector, in, piece);
                done += piece;
            }
        });
        return sectors;
    }
}
