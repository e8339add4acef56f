package dev.vz.storage.vmdk;

import dev.vz.storage.block.TwoLevelMap;
import dev.vz.storage.file.ImageFile;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Entries of grain tables: sectors of the file; 0 is nothing, and 1 zeros where the extent says so. */
final class GrainEntries implements TwoLevelMap.Codec {

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final boolean zeroedGrains;

    GrainEntries(boolean zeroedGrains) {
        this.zeroedGrains = zeroedGrains;
    }

    @Override
    public long place(byte[] table, int index) {
        int entry = (int) INT.get(table, index * 4);
        if (entry == 0) {
            return TwoLevelMap.UNALLOCATED;
        }
        return entry == 1 && zeroedGrains ? TwoLevelMap.ZERO : Integer.toUnsignedLong(entry) * 512;
    }

    @Override
    public void putPlace(byte[] table, int index, long place) {
        int entry = place == TwoLevelMap.UNALLOCATED ? 0 : place == TwoLevelMap.ZERO ? 1 : (int) (place >>> 9);
        INT.set(table, index * 4, entry);
    }

    @Override
    public boolean hasZero() {
        return zeroedGrains;
    }

    @Override
    public boolean addsTables() {
        return false;
    }

    @Override
    public void writeDirectory(ImageFile file, long[] directory, int from, int to) {
        throw new IllegalStateException("Grain tables are all there from the start");
    }
}
