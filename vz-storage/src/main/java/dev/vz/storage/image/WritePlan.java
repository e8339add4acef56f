package dev.vz.storage.image;

import dev.vz.storage.file.ImageFile;
import org.jspecify.annotations.Nullable;

/**
 * Where a run of bytes is to be written, and what must be done around it: the answer to {@link ImageDriver#prepareWrite}.
 * A carrier that is filled again for every write.
 *
 * <p>
 * An allocating plan writes new storage from {@link #fillStart()} to {@link #fillEnd()}: what the request does not cover
 * is filled with what the image read there before. Only after that is the plan committed.
 */
public final class WritePlan {

    private @Nullable ImageFile file;
    private long offset;
    private long fileOffset;
    private long length;
    private boolean allocating;
    private long fillStart;
    private long fillEnd;
    private boolean readsZero;
    /** For the driver: what to do on commit. */
    public long driverStart;
    /** For the driver: what to do on commit. */
    public long driverEnd;
    /** For the driver: what to do on commit. */
    public long driverTarget;
    /** For the driver: what to do on commit. */
    public boolean driverReuse;

    /** An empty plan. */
    public WritePlan() {}

    /** Write {@code length} bytes for {@code offset} of the image at {@code fileOffset} of {@code file}; nothing else. */
    public void inPlace(ImageFile file, long offset, long fileOffset, long length) {
        this.file = file;
        this.offset = offset;
        this.fileOffset = fileOffset;
        this.length = length;
        this.allocating = false;
        this.fillStart = offset;
        this.fillEnd = offset + length;
    }

    /** The same, into new storage for {@code [fillStart, fillEnd)}. {@code readsZero}: it reads as zeros so far. */
    public void allocating(ImageFile file, long offset, long fileOffset, long length, long fillStart, long fillEnd,
            boolean readsZero) {
        inPlace(file, offset, fileOffset, length);
        this.allocating = true;
        this.fillStart = fillStart;
        this.fillEnd = fillEnd;
        this.readsZero = readsZero;
    }

    /** The plan of a part of the disk that starts {@code distance} bytes further on in the disk. */
    public void shift(long distance) {
        offset += distance;
        fillStart += distance;
        fillEnd += distance;
    }

    /** The file to write to. */
    public ImageFile file() {
        ImageFile known = file;
        if (known == null) {
            throw new IllegalStateException("A plan that was not prepared");
        }
        return known;
    }

    /** The image's offset that the write starts at. */
    public long offset() {
        return offset;
    }

    /** Where in the file that is. */
    public long fileOffset() {
        return fileOffset;
    }

    /** How many bytes of the request this plan covers; at least 1. */
    public long length() {
        return length;
    }

    /** Whether it must be committed. */
    public boolean allocating() {
        return allocating;
    }

    /** The image's offset where new storage starts. */
    public long fillStart() {
        return fillStart;
    }

    /** The image's offset where new storage ends. */
    public long fillEnd() {
        return fillEnd;
    }

    /** Whether the new storage is known to read as zeros. */
    public boolean readsZero() {
        return readsZero;
    }
}
