package dev.vz.storage.vmdk;

import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A part of the disk, in one file. Offsets are bytes from the extent's start. */
interface Extent extends AutoCloseable {

    /** Bytes of the disk. */
    long size();

    /** Its file; {@code null} if it needs none. */
    @Nullable
    ImageFile file();

    /** Bytes that are mapped together; 1 if there is no such unit. */
    int granule();

    /** Whether it holds grains compressed. */
    default boolean compressed() {
        return false;
    }

    default void backed(boolean backed) {}

    void locate(long offset, long length, Mapping mapping);

    void prepareWrite(long offset, long length, WritePlan plan);

    default void commitWrite(WritePlan plan) {}

    default void abortWrite(WritePlan plan) {}

    long zero(long offset, long length, boolean mayUnmap);

    /** Stores a grain compressed; {@code false} if it cannot be. */
    default boolean writeCompressed(long offset, MemorySegment source, long sourceOffset, long length) {
        return false;
    }

    void flush();

    @Override
    void close();
}
