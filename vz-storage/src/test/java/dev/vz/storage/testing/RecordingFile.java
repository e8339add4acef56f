package dev.vz.storage.testing;

import dev.vz.error.HostException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A file in memory that remembers every change and flush since {@link #record()}, to lose power afterwards. */
public final class RecordingFile implements ImageFile {

    /** What reached the file. */
    public sealed interface Event {}

    /** Bytes were written; longer than a sector, they may arrive in parts. */
    public record Write(long position, byte[] bytes) implements Event {}

    /** The file became longer. */
    public record Grow(long size) implements Event {}

    /** Everything before is durable. */
    public record Flush() implements Event {}

    /** The test says that the disk was flushed; the number is the test's own. */
    public record Mark(int number) implements Event {}

    private static final long LARGEST = 1 << 29;

    private byte[] bytes = new byte[1 << 16];
    private long size;
    private boolean recording;
    private byte[] start = new byte[0];
    private final List<Event> events = new ArrayList<>();

    /** From now on events are kept; what is there now is durable. */
    public synchronized void record() {
        recording = true;
        start = contents();
        events.clear();
    }

    /** What the file held when recording began. */
    public synchronized byte[] start() {
        return start.clone();
    }

    /** All events since then. */
    public synchronized List<Event> events() {
        return List.copyOf(events);
    }

    /** Puts a mark into the events. */
    public synchronized void mark(int number) {
        add(new Mark(number));
    }

    /** A file that holds {@code contents}. */
    public static RecordingFile of(byte[] contents) {
        var file = new RecordingFile();
        file.bytes = contents.clone();
        file.size = contents.length;
        return file;
    }

    /** All bytes. */
    public synchronized byte[] contents() {
        return Arrays.copyOf(bytes, Math.toIntExact(size));
    }

    private void add(Event event) {
        if (recording) {
            events.add(event);
        }
    }

    /** A host refuses files beyond some size, too; this one's is {@value #LARGEST}. */
    private static void requirePossible(long end) {
        if (end < 0 || end > LARGEST) {
            throw new HostException("write", "recording.img", 27, "EFBIG", null);
        }
    }

    private void grow(long end) {
        requirePossible(end);
        if (end > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.toIntExact(Math.max(end, bytes.length * 2L)));
        }
        size = Math.max(size, end);
    }

    @Override
    public String name() {
        return "recording.img";
    }

    @Override
    public boolean readOnly() {
        return false;
    }

    @Override
    public synchronized long size() {
        return size;
    }

    @Override
    public long allocatedBytes() {
        return size();
    }

    @Override
    public Object identity() {
        return this;
    }

    @Override
    public synchronized void read(long position, MemorySegment target, long offset, long length) {
        long within = Math.clamp(size - position, 0, length);
        if (within > 0) {
            MemorySegment.copy(bytes, (int) position, target, ValueLayout.JAVA_BYTE, offset, (int) within);
        }
        target.asSlice(offset + within, length - within).fill((byte) 0);
    }

    @Override
    public synchronized void write(long position, MemorySegment source, long offset, long length) {
        byte[] data = source.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
        store(position, data);
    }

    private void store(long position, byte[] data) {
        grow(position + data.length);
        System.arraycopy(data, 0, bytes, (int) position, data.length);
        add(new Write(position, data));
    }

    @Override
    public synchronized void flush() {
        add(new Flush());
    }

    @Override
    public synchronized void resize(long size) {
        if (size < this.size) {
            Arrays.fill(bytes, (int) size, (int) this.size, (byte) 0);
            this.size = size;
        }
        grow(size);
        add(new Grow(size));
    }

    @Override
    public void allocate(long position, long length) {
        resize(Math.max(size(), position + length));
    }

    @Override
    public synchronized void discard(long position, long length) {
        long within = Math.clamp(size - position, 0, length);
        if (within > 0) {
            store(position, new byte[(int) within]);
        }
    }

    @Override
    public synchronized void writeZeroes(long position, long length, boolean mayUnmap) {
        requirePossible(position + length);
        store(position, new byte[(int) length]);
    }

    @Override
    public long nextData(long position) {
        return Math.min(position, size());
    }

    @Override
    public long nextHole(long position) {
        return size();
    }

    @Override
    public void close() {
        // It is looked at after the image is closed.
    }
}
