package dev.vz.storage.qed;

import dev.vz.storage.block.TwoLevelMap;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Entries of L1 and L2 tables: section "Tables". 0 is nothing, 1 is zeros, everything else a place. */
final class QedEntries implements TwoLevelMap.Codec {

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int PER_SECTOR = 64;

    private final long l1TableOffset;

    QedEntries(long l1TableOffset) {
        this.l1TableOffset = l1TableOffset;
    }

    @Override
    public long place(byte[] table, int index) {
        long entry = (long) LONG.get(table, index * 8);
        if (entry == 0) {
            return TwoLevelMap.UNALLOCATED;
        }
        if (entry == 1) {
            return TwoLevelMap.ZERO;
        }
        // A place past 2^63 is past every file's end.
        return entry < 0 ? Long.MAX_VALUE : entry;
    }

    @Override
    public void putPlace(byte[] table, int index, long place) {
        LONG.set(table, index * 8, place == TwoLevelMap.UNALLOCATED ? 0 : place == TwoLevelMap.ZERO ? 1 : place);
    }

    @Override
    public boolean hasZero() {
        return true;
    }

    @Override
    public boolean addsTables() {
        return true;
    }

    @Override
    public void writeDirectory(ImageFile file, long[] directory, int from, int to) {
        int first = from & -PER_SECTOR;
        int end = Math.min(to + PER_SECTOR - 1 & -PER_SECTOR, directory.length);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate((end - first) * 8L);
            MemorySegment.copy(directory, first, bytes, QedHeader.LONG, 0, end - first);
            file.write(l1TableOffset + first * 8L, bytes);
        }
    }
}
