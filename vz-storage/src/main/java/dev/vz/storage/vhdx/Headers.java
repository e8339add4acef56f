package dev.vz.storage.vhdx;

import dev.vz.error.CapabilityException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The two headers, of which the valid one with the greater sequence number counts: section "Headers". Each change writes
 * the other one, so that there is a valid one at all times.
 */
final class Headers {

    static final long FIRST = 64 * 1024;
    static final long SECOND = 128 * 1024;
    static final int LENGTH = 4096;
    static final int SIGNATURE = Field.signature("head");

    private final ImageFile file;
    private long sequence;
    private boolean firstIsCurrent;
    private Guid fileWrite;
    private Guid dataWrite;
    private Guid log;
    private final int logLength;
    private final long logOffset;

    private Headers(ImageFile file, MemorySegment bytes, boolean first) {
        this.file = file;
        this.firstIsCurrent = first;
        this.sequence = bytes.get(Field.LONG, 8);
        this.fileWrite = Guid.read(bytes, 16);
        this.dataWrite = Guid.read(bytes, 32);
        this.log = Guid.read(bytes, 48);
        this.logLength = bytes.get(Field.INT, 68);
        this.logOffset = bytes.get(Field.LONG, 72);
        int logVersion = Short.toUnsignedInt(bytes.get(Field.SHORT, 64));
        int version = Short.toUnsignedInt(bytes.get(Field.SHORT, 66));
        if (version != 1 || logVersion != 0 && !log.equals(Guid.ZERO)) {
            throw new CapabilityException(
                    "Cannot open " + file.name() + ": VHDX version 1 with log version 0 is known, it "
                            + "has " + version + " with " + logVersion);
        }
        if (logLength < 0 || logLength % Field.MEBIBYTE != 0 || logOffset < Field.MEBIBYTE
                || logOffset % Field.MEBIBYTE != 0 || logOffset > Long.MAX_VALUE / 2) {
            throw Field.bad(file, "its log takes " + Integer.toUnsignedString(logLength) + " bytes at "
                    + Long.toUnsignedString(logOffset));
        }
    }

    static Headers read(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment first = valid(arena, file, FIRST);
            MemorySegment second = valid(arena, file, SECOND);
            if (first == null && second == null) {
                throw Field.bad(file, "neither of its headers has the right signature and checksum");
            }
            boolean takeFirst = second == null || first != null && Long.compareUnsigned(first.get(Field.LONG, 8), second
                    .get(Field.LONG, 8)) >= 0;
            return new Headers(file, java.util.Objects.requireNonNull(takeFirst ? first : second), takeFirst);
        }
    }

    private static @org.jspecify.annotations.Nullable MemorySegment valid(Arena arena, ImageFile file, long at) {
        MemorySegment bytes = arena.allocate(LENGTH);
        file.read(at, bytes);
        return bytes.get(Field.INT, 0) == SIGNATURE && Field.checksumIsRight(bytes) ? bytes : null;
    }

    /** Which state of the data this is, to images over this one. */
    Guid dataWrite() {
        return dataWrite;
    }

    Guid log() {
        return log;
    }

    int logLength() {
        return logLength;
    }

    long logOffset() {
        return logOffset;
    }

    /** Says which log counts, {@link Guid#ZERO} for none, and makes it durable. */
    void useLog(Guid guid) {
        log = guid;
        write();
    }

    /** Says that the file, and its data, are not what they were. */
    void markWritten() {
        fileWrite = Guid.random();
        dataWrite = Guid.random();
        write();
    }

    /** Says that the file is not what it was, but its data are. */
    void markTouched() {
        fileWrite = Guid.random();
        write();
    }

    private void write() {
        sequence++;
        firstIsCurrent = !firstIsCurrent;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(LENGTH);
            encode(bytes, sequence, fileWrite, dataWrite, log, logLength, logOffset);
            file.write(firstIsCurrent ? FIRST : SECOND, bytes);
        }
        file.flush();
    }

    static void encode(MemorySegment bytes, long sequence, Guid fileWrite, Guid dataWrite, Guid log, int logLength,
            long logOffset) {
        bytes.set(Field.INT, 0, SIGNATURE);
        bytes.set(Field.LONG, 8, sequence);
        fileWrite.write(bytes, 16);
        dataWrite.write(bytes, 32);
        log.write(bytes, 48);
        bytes.set(Field.SHORT, 64, (short) 0);
        bytes.set(Field.SHORT, 66, (short) 1);
        bytes.set(Field.INT, 68, logLength);
        bytes.set(Field.LONG, 72, logOffset);
        Field.putChecksum(bytes);
    }
}
