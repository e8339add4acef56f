package dev.vz.storage.image;

import dev.vz.storage.file.ImageFile;
import org.jspecify.annotations.Nullable;

/**
 * Where a run of an image's bytes is: the answer to {@link ImageDriver#locate}. A carrier that is filled again for every
 * question, so that none of them allocates.
 */
public final class Mapping {

    /** The ways in which bytes can be held. */
    public enum Kind {
        /** As they are, at {@link Mapping#fileOffset()} of {@link Mapping#file()}. */
        DATA,
        /** Not at all: they read as zeros. */
        ZERO,
        /** Not in this image: the backing image's, or zeros without one. */
        UNALLOCATED,
        /** Compressed: {@link Mapping#storedLength()} bytes at {@link Mapping#fileOffset()} unpack to a unit. */
        COMPRESSED
    }

    private Kind kind = Kind.UNALLOCATED;
    private long length;
    private @Nullable ImageFile file;
    private long fileOffset;
    private int storedLength;
    private int offsetInUnit;

    /** An empty answer. */
    public Mapping() {}

    /** The next {@code length} bytes are at {@code fileOffset} of {@code file}. */
    public void data(ImageFile file, long fileOffset, long length) {
        this.kind = Kind.DATA;
        this.file = file;
        this.fileOffset = fileOffset;
        this.length = length;
    }

    /** The next {@code length} bytes are zeros; storage is kept for them if {@code file} is not {@code null}. */
    public void zero(@Nullable ImageFile file, long fileOffset, long length) {
        this.kind = Kind.ZERO;
        this.file = file;
        this.fileOffset = fileOffset;
        this.length = length;
    }

    /** The next {@code length} bytes are not in this image. */
    public void unallocated(long length) {
        this.kind = Kind.UNALLOCATED;
        this.file = null;
        this.length = length;
    }

    /** The next {@code length} bytes are in a compressed unit, from {@code offsetInUnit} of what it unpacks to. */
    public void compressed(ImageFile file, long fileOffset, int storedLength, int offsetInUnit, long length) {
        this.kind = Kind.COMPRESSED;
        this.file = file;
        this.fileOffset = fileOffset;
        this.storedLength = storedLength;
        this.offsetInUnit = offsetInUnit;
        this.length = length;
    }

    /** How the bytes are held. */
    public Kind kind() {
        return kind;
    }

    /** For how many bytes this answer holds; at least 1. */
    public long length() {
        return length;
    }

    /** The file that holds them; {@code null} if none does. */
    public @Nullable ImageFile file() {
        return file;
    }

    /** Where in the file. */
    public long fileOffset() {
        return fileOffset;
    }

    /** Bytes that a compressed unit takes in the file, padding included. */
    public int storedLength() {
        return storedLength;
    }

    /** Where in the unpacked unit the bytes start. */
    public int offsetInUnit() {
        return offsetInUnit;
    }
}
