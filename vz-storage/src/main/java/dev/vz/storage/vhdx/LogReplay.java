package dev.vz.storage.vhdx;

import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.CorruptImageException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Repeats what the log of an image that was not closed says: section "Log Replay". */
final class LogReplay {

    private static final long MAX_ENTRY = 64L << 20;
    /** Room for the largest disk, all of its bitmaps and tables. */
    private static final long MAX_FILE = 2 * Metadata.MAX_SIZE;

    private record Entry(long at, long length, long tail, long sequence, int descriptors, long flushedFileOffset,
            long lastFileOffset) {}

    private final ImageFile file;
    private final Headers headers;
    private final long logLength;

    LogReplay(ImageFile file, Headers headers) {
        this.file = file;
        this.headers = headers;
        this.logLength = headers.logLength();
    }

    /** Repeats it and makes that durable; then nobody needs the log any more. */
    void run() {
        List<Entry> active = activeSequence();
        if (!active.isEmpty()) {
            Entry head = active.getLast();
            if (file.size() < head.flushedFileOffset) {
                throw new CorruptImageException("The VHDX image " + file.name() + " was cut off: its log says that "
                        + head.flushedFileOffset + " bytes were there, it has " + file.size());
            }
            if (head.lastFileOffset < 0 || head.lastFileOffset > MAX_FILE) {
                throw new CorruptImageException("The log of the VHDX image " + file.name() + " wants a file of " + Long
                        .toUnsignedString(head.lastFileOffset) + " bytes");
            }
            int from = 0;
            while (active.get(from).at != head.tail) {
                from++;
            }
            try (Arena arena = Arena.ofConfined()) {
                for (Entry entry : active.subList(from, active.size())) {
                    MemorySegment bytes = arena.allocate(entry.length);
                    read(entry.at, bytes);
                    repeat(entry, bytes);
                }
            }
            if (file.size() < head.lastFileOffset) {
                file.resize(head.lastFileOffset);
            }
            file.flush();
        }
        headers.useLog(Guid.ZERO);
    }

    private List<Entry> activeSequence() {
        List<Entry> candidate = List.of();
        long tail = 0;
        while (tail < logLength) {
            List<Entry> current = sequenceFrom(tail);
            if (current.isEmpty()) {
                tail += Log.SECTOR;
                continue;
            }
            Entry head = current.getLast();
            boolean complete = current.stream().anyMatch(entry -> entry.at == head.tail);
            if (complete && (candidate.isEmpty() || head.sequence > candidate.getLast().sequence)) {
                candidate = current;
            }
            long next = (head.at + head.length) % logLength;
            if (next <= tail) {
                break; // around once
            }
            tail = next;
        }
        return candidate;
    }

    private List<Entry> sequenceFrom(long start) {
        List<Entry> entries = new ArrayList<>();
        long at = start;
        long taken = 0;
        while (taken < logLength) {
            Entry entry = entry(at);
            if (entry == null || !entries.isEmpty() && entry.sequence != entries.getLast().sequence + 1
                    || entry.length > logLength - taken) {
                break;
            }
            entries.add(entry);
            taken += entry.length;
            at = (at + entry.length) % logLength;
        }
        return entries;
    }

    private @Nullable Entry entry(long at) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment header = arena.allocate(Log.HEADER);
            read(at, header);
            long length = Integer.toUnsignedLong(header.get(Field.INT, 8));
            int descriptors = header.get(Field.INT, 24);
            if (header.get(Field.INT, 0) != Log.ENTRY || !Guid.read(header, 32).equals(headers.log()) || length == 0
                    || length % Log.SECTOR != 0 || length > Math.min(logLength, MAX_ENTRY) || descriptors < 0
                    || Log.HEADER + (long) descriptors * Log.DESCRIPTOR > length || header.get(Field.LONG, 16) == 0) {
                return null;
            }
            MemorySegment whole = arena.allocate(length);
            read(at, whole);
            if (!Field.checksumIsRight(whole) || !isWhole(whole, descriptors, header.get(Field.LONG, 16))) {
                return null;
            }
            return new Entry(at, length, Integer.toUnsignedLong(header.get(Field.INT, 12)), header.get(Field.LONG, 16),
                    descriptors, header.get(Field.LONG, 48), header.get(Field.LONG, 56));
        }
    }

    /** Whether all its descriptors and data sectors carry its sequence number. */
    private static boolean isWhole(MemorySegment entry, int descriptors, long sequence) {
        long data = Math.ceilDiv(Log.HEADER + (long) descriptors * Log.DESCRIPTOR, Log.SECTOR) * Log.SECTOR;
        for (int i = 0; i < descriptors; i++) {
            long at = Log.HEADER + (long) i * Log.DESCRIPTOR;
            int signature = entry.get(Field.INT, at);
            if (entry.get(Field.LONG, at + 24) != sequence) {
                return false;
            }
            if (signature == Log.DATA_DESCRIPTOR) {
                if (data > entry.byteSize() - Log.SECTOR || entry.get(Field.INT, data) != Log.DATA_SECTOR || entry.get(
                        Field.INT, data + 4) != (int) (sequence >>> 32)
                        || entry.get(Field.INT, data + Log.SECTOR
                                - 4) != (int) sequence) {
                    return false;
                }
                data += Log.SECTOR;
            } else if (signature != Log.ZERO_DESCRIPTOR) {
                return false;
            }
        }
        return true;
    }

    private void repeat(Entry entry, MemorySegment bytes) {
        long data = Math.ceilDiv(Log.HEADER + (long) entry.descriptors * Log.DESCRIPTOR, Log.SECTOR) * Log.SECTOR;
        byte[] sector = new byte[Log.SECTOR];
        MemorySegment content = MemorySegment.ofArray(sector);
        for (int i = 0; i < entry.descriptors; i++) {
            long at = Log.HEADER + (long) i * Log.DESCRIPTOR;
            long position = bytes.get(Field.LONG, at + 16);
            // It may make the file longer, but by no more than it says itself.
            if (position < 0 || position % Log.SECTOR != 0 || position > Math.max(file.size(), entry.lastFileOffset)
                    - Log.SECTOR) {
                throw new CorruptImageException("The log of the VHDX image " + file.name() + " wants to write at "
                        + Long.toUnsignedString(position));
            }
            if (bytes.get(Field.INT, at) == Log.ZERO_DESCRIPTOR) {
                long length = bytes.get(Field.LONG, at + 8);
                if (length < 0 || length % Log.SECTOR != 0 || length > Long.MAX_VALUE / 2) {
                    throw new CorruptImageException("The log of the VHDX image " + file.name() + " wants to write "
                            + Long.toUnsignedString(length) + " zeros");
                }
                file.writeZeroes(position, Math.min(length, Math.max(0, entry.lastFileOffset - position)), true);
                continue;
            }
            MemorySegment.copy(bytes, data, content, 0, Log.SECTOR);
            content.set(Field.LONG, 0, bytes.get(Field.LONG, at + 8));
            content.set(Field.INT, Log.SECTOR - 4, bytes.get(Field.INT, at + 4));
            file.write(position, content);
            data += Log.SECTOR;
        }
    }

    /** Reads from the log, which goes on at its start after its end. */
    private void read(long at, MemorySegment target) {
        long first = Math.min(target.byteSize(), logLength - at);
        file.read(headers.logOffset() + at, target, 0, first);
        file.read(headers.logOffset(), target, first, target.byteSize() - first);
    }
}
