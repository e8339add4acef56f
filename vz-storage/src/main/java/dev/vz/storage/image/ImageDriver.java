package dev.vz.storage.image;

import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.concurrent.locks.StampedLock;

/**
 * One open image of some format: it maps, and leaves data alone.
 *
 * <p>
 * Offsets and lengths are bytes of the disk that the image shows. All methods may be called from any thread. Whoever uses
 * a mapping or plan holds {@link #use()} for reading until the data has moved; operations that move things which mappings
 * point to take it for writing. No other lock of the driver is held while data moves.
 */
public interface ImageDriver extends AutoCloseable {

    /** The format. */
    ImageFormat format();

    /** The file that the image is in. */
    ImageFile file();

    /** Size of the disk that it shows. */
    long size();

    /** Bytes that are mapped together: a cluster, a block, a grain; 1 if there is no such unit. */
    int granule();

    /** Whether it can be written. */
    boolean readOnly();

    /** The backing file that the image names. */
    default Optional<ImpliedFile> backing() {
        return Optional.empty();
    }

    /** Told once, before any other call, whether a backing image is there: zeros must then be said explicitly. */
    default void backed(boolean backed) {}

    /** See the class comment. */
    StampedLock use();

    /** Tells where {@code [offset, offset + length)} is, or its first part. The range lies on the disk. */
    void locate(long offset, long length, Mapping mapping);

    /**
     * Does what {@link #locate} does, if it can be told from memory and without waiting for anybody.
     *
     * @return whether {@code mapping} was filled
     */
    default boolean locateNow(long offset, long length, Mapping mapping) {
        return false;
    }

    /** Whether every byte of the disk is the one at the same offset of {@link #file}, and may be written there at any time. */
    default boolean isPlain() {
        return false;
    }

    /**
     * Makes {@code [offset, offset + length)}, or its first part, writable. An allocating plan ends with exactly one of
     * {@link #commitWrite} and {@link #abortWrite}; until then others that want the same place wait, so a thread holds
     * one such plan at a time.
     */
    void prepareWrite(long offset, long length, WritePlan plan);

    /** The data of an allocating plan is written: from now on the image shows it. */
    void commitWrite(WritePlan plan);

    /** The data of an allocating plan could not be written: everything stays as it was. */
    void abortWrite(WritePlan plan);

    /**
     * Makes the first part of a range read as zeros without writing data.
     *
     * @return how many bytes now do; 0 if the first ones can only be written
     */
    long zero(long offset, long length, boolean mayUnmap);

    /** Bytes to which {@link #zero} ranges must be aligned; 0 if it never does anything. */
    int zeroGranularity();

    /** Gives back the storage of what lies wholly within the range, where that is possible without harm. */
    void discard(long offset, long length);

    /** Unpacks the unit that {@code mapping} describes, from {@code stored} into all of {@code unit}. */
    default void unpack(Mapping mapping, MemorySegment stored, MemorySegment unit) {
        throw new CorruptImageException(format() + " has no compressed units, but one was mapped at "
                + mapping.fileOffset());
    }

    /** Bytes that a compressed unit unpacks to; 0 for formats without any. */
    default int unitSize() {
        return 0;
    }

    /** A number that changes when a place in the file may have come to hold another compressed unit. */
    default long unitGeneration() {
        return 0;
    }

    /** Makes everything that was committed durable. Called without {@link #use()}. */
    void flush();

    /** Whether enough has been put off that a {@link #flush()} should come soon. */
    default boolean flushWanted() {
        return false;
    }

    /** Makes the disk {@code size} bytes. Called without {@link #use()}. */
    void resize(long size);

    /** Writes what is to be written and closes its files. Idempotent. */
    @Override
    void close();
}
