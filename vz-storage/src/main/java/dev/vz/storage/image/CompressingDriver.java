package dev.vz.storage.image;

import java.lang.foreign.MemorySegment;

/** A driver that can store units compressed. */
public interface CompressingDriver extends ImageDriver {

    /**
     * Stores one unit compressed; bytes of the unit past {@code length} count as zeros. The caller holds {@link #use()}.
     *
     * @param offset where the unit starts on the disk
     * @param length bytes of {@code source} from {@code sourceOffset}; at most {@link #unitSize()}
     * @return whether it became smaller; if not, nothing was done
     */
    boolean writeCompressed(long offset, MemorySegment source, long sourceOffset, long length);
}
