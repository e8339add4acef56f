package dev.vz.storage.job;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.filter.ChangeTracker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * What a job still has to copy, in a file of its own: a mirror or backup that was stopped goes on after a restart.
 *
 * <p>
 * The file is for one process at a time. While it is open it says so; only closing puts the marks as they are then into it.
 * If the process ends without that, what the users have changed is not known, and everything is marked; where nobody
 * changes the source, the marks that were there at the beginning still hold. One thread opens and closes it.
 */
public final class SavedMarks implements AutoCloseable {

    /** The file begins with this number, little-endian as all of them; the marks follow the header. */
    private static final long MAGIC = 0x31304b52414d5a56L; // "VZMARK01"
    private static final int HEADER = 512;
    private static final int AT_SIZE = 8;
    private static final int AT_GRANULARITY = 16;
    private static final int AT_LENGTH = 24;
    private static final int AT_CHECKSUM = 32;
    private static final int AT_IN_USE = 40;
    private static final int MOST_BYTES = 1 << 28;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final ImageFile file;
    private final long size;
    private final ChangeTracker.Marks marks;
    private final boolean continued;
    private boolean closed;

    private SavedMarks(ImageFile file, long size, ChangeTracker.Marks marks, boolean continued) {
        this.file = file;
        this.size = size;
        this.marks = marks;
        this.continued = continued;
    }

    /**
     * Goes on with the marks in {@code file}, or begins with everything marked if it is empty or cannot be relied on. The
     * file belongs to the result from then on.
     *
     * @param size        bytes of the disk
     * @param granularity bytes that are marked together, as for {@link ChangeTracker.Marks}
     * @param unchanging  whether nobody writes to the source, whatever happens to this process
     * @throws ConfigurationException if the file holds something else, or marks of another disk
     */
    public static SavedMarks open(ImageFile file, long size, int granularity, boolean unchanging) {
        var fresh = new ChangeTracker.Marks(size, granularity);
        if (size > 0) {
            fresh.mark(0, size);
        }
        var header = MemorySegment.ofArray(new long[HEADER / Long.BYTES]);
        file.read(0, header);
        SavedMarks opened = null;
        if (file.size() > 0) {
            require(file, header, size, granularity);
            byte[] bits = bits(file, header);
            if (bits.length == header.get(LONG, AT_LENGTH) && checksum(bits) == header.get(LONG, AT_CHECKSUM)
                    && (unchanging || header.get(LONG, AT_IN_USE) == 0)) {
                opened = new SavedMarks(file, size, new ChangeTracker.Marks(size, granularity, bits), true);
            }
        }
        opened = opened == null ? new SavedMarks(file, size, fresh, false) : opened;
        opened.save(true);
        return opened;
    }

    private static void require(ImageFile file, MemorySegment header, long size, int granularity) {
        if (header.get(LONG, 0) != MAGIC) {
            throw new ConfigurationException("The file " + file.name() + " holds no marks of a job; give an empty one");
        }
        long before = header.get(LONG, AT_SIZE);
        long unit = header.get(LONG, AT_GRANULARITY);
        if (before != size || unit != granularity) {
            throw new ConfigurationException("The file " + file.name() + " holds marks of a disk of " + before
                    + " bytes in units of " + unit + ", not of one of " + size + " in units of " + granularity);
        }
    }

    /** The marks' bytes; none if their length cannot be right. */
    private static byte[] bits(ImageFile file, MemorySegment header) {
        long length = header.get(LONG, AT_LENGTH);
        if (length < 0 || length > MOST_BYTES || length > file.size() - HEADER) {
            return new byte[0];
        }
        byte[] bits = new byte[(int) length];
        file.read(HEADER, MemorySegment.ofArray(bits));
        return bits;
    }

    private static long checksum(byte[] bits) {
        var checksum = new CRC32C();
        checksum.update(bits);
        return checksum.getValue();
    }

    /** What is still to be copied: for {@link DiskMirror} and {@link DiskBackup#incremental}. */
    public ChangeTracker.Marks marks() {
        return marks;
    }

    /** Whether the file held marks that could be relied on. */
    public boolean continued() {
        return continued;
    }

    private void save(boolean inUse) {
        byte[] bits = marks.toBytes();
        var header = MemorySegment.ofArray(new long[HEADER / Long.BYTES]);
        header.set(LONG, 0, MAGIC);
        header.set(LONG, AT_SIZE, size);
        header.set(LONG, AT_GRANULARITY, marks.granularity());
        header.set(LONG, AT_LENGTH, bits.length);
        header.set(LONG, AT_CHECKSUM, checksum(bits));
        header.set(LONG, AT_IN_USE, inUse ? 1 : 0);
        // The bits first: with a header that does not fit them, nobody takes them for what they are not.
        file.write(HEADER, MemorySegment.ofArray(bits));
        file.flush();
        file.write(0, header);
        file.flush();
    }

    /** Puts the marks into the file, for the next one who opens it; no job uses them any more. Idempotent. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            try (file) {
                save(false);
            }
        }
    }
}
