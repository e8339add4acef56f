package dev.vz.storage.vhdx;

import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SortedMap;

/**
 * The log through which changes of tables go: section "Log". An entry written here names itself as its own tail, since
 * what entries before it say is in its place by then; so a replay has one entry to repeat.
 */
final class Log {

    static final int SECTOR = 4096;
    static final int ENTRY = Field.signature("loge");
    static final int DATA_DESCRIPTOR = Field.signature("desc");
    static final int ZERO_DESCRIPTOR = Field.signature("zero");
    static final int DATA_SECTOR = Field.signature("data");
    static final int HEADER = 64;
    static final int DESCRIPTOR = 32;

    private final ImageFile file;
    private final Headers headers;
    private long sequence;
    private long at;

    Log(ImageFile file, Headers headers) {
        this.file = file;
        this.headers = headers;
    }

    /** How many sectors one entry can hold. */
    int room() {
        int sectors = headers.logLength() / SECTOR;
        int descriptors = (SECTOR - HEADER) / DESCRIPTOR;
        int most = 0;
        // An entry takes a quarter of the log at most: so, where it starts anew in front, the one before it stays whole.
        while (most + 1 + Math.ceilDiv(most + 1 - descriptors, SECTOR / DESCRIPTOR) + 1 <= sectors / 4) {
            most++;
        }
        return most;
    }

    /**
     * Writes an entry with the new content of some sectors and makes it durable; after that they can be written to their
     * places.
     *
     * @param sectors positions in the file, and {@link #SECTOR} bytes each
     */
    void append(SortedMap<Long, byte[]> sectors) {
        if (headers.log().equals(Guid.ZERO)) {
            headers.useLog(Guid.random());
            sequence = 0;
            at = 0;
        }
        sequence++;
        int descriptorSectors = Math.ceilDiv(HEADER + sectors.size() * DESCRIPTOR, SECTOR);
        int length = (descriptorSectors + sectors.size()) * SECTOR;
        if (at + length > headers.logLength()) {
            at = 0; // entries may wrap; these need not
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment entry = arena.allocate(length);
            entry.set(Field.INT, 0, ENTRY);
            entry.set(Field.INT, 8, length);
            entry.set(Field.INT, 12, (int) at);
            entry.set(Field.LONG, 16, sequence);
            entry.set(Field.INT, 24, sectors.size());
            headers.log().write(entry, 32);
            entry.set(Field.LONG, 48, file.size());
            entry.set(Field.LONG, 56, file.size());
            long descriptor = HEADER;
            long data = (long) descriptorSectors * SECTOR;
            for (var sector : sectors.entrySet()) {
                put(entry, descriptor, data, sector.getKey(), MemorySegment.ofArray(sector.getValue()));
                descriptor += DESCRIPTOR;
                data += SECTOR;
            }
            Field.putChecksum(entry);
            file.write(headers.logOffset() + at, entry);
        }
        file.flush();
        at += length;
    }

    private void put(MemorySegment entry, long descriptor, long data, long position, MemorySegment bytes) {
        entry.set(Field.INT, descriptor, DATA_DESCRIPTOR);
        entry.set(Field.INT, descriptor + 4, bytes.get(Field.INT, SECTOR - 4));
        entry.set(Field.LONG, descriptor + 8, bytes.get(Field.LONG, 0));
        entry.set(Field.LONG, descriptor + 16, position);
        entry.set(Field.LONG, descriptor + 24, sequence);
        entry.set(Field.INT, data, DATA_SECTOR);
        entry.set(Field.INT, data + 4, (int) (sequence >>> 32));
        MemorySegment.copy(bytes, 8, entry, data + 8, SECTOR - 12);
        entry.set(Field.INT, data + SECTOR - 4, (int) sequence);
    }

    /** The image is closed in good order: nobody needs the log. */
    void finish() {
        if (!headers.log().equals(Guid.ZERO)) {
            headers.useLog(Guid.ZERO);
        }
    }
}
