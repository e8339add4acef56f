package dev.vz.storage;

import dev.vz.storage.file.ImageFile;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A run of a disk's bytes that one image of a backing chain holds in one way.
 *
 * @param offset     first byte on the disk
 * @param length     number of bytes, 1 or more
 * @param depth      which image decides: 0 the top one, 1 its backing image, and so on
 * @param present    whether an image of the chain says anything about it, as opposed to nobody
 * @param zero       whether it reads as zeros for certain
 * @param data       whether it is stored as data
 * @param compressed whether it is stored compressed
 * @param file       the file that holds it, {@code null} if none or if it is compressed
 * @param fileOffset where in the file
 */
public record MapExtent(long offset, long length, int depth, boolean present, boolean zero, boolean data,
        boolean compressed, @Nullable ImageFile file, long fileOffset) {

    /** The same, for fewer bytes. */
    MapExtent truncated(long length) {
        return new MapExtent(offset, length, depth, present, zero, data, compressed, file, fileOffset);
    }

    /** Whether {@code next} goes on where this ends, in the same way. */
    public boolean continuedBy(MapExtent next) {
        return next.offset == offset + length && next.depth == depth && next.present == present && next.zero == zero
                && next.data == data && next.compressed == compressed && Objects.equals(next.file, file)
                && (file == null || next.fileOffset == fileOffset + length);
    }

    /** This and {@code next} as one. */
    public MapExtent joined(MapExtent next) {
        return truncated(length + next.length);
    }
}
