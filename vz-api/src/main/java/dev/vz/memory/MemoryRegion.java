package dev.vz.memory;

import dev.vz.bus.AddressRange;
import dev.vz.error.ConfigurationException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A run of guest-physical addresses with host memory behind it.
 *
 * <p>
 * Immutable but for the dirty bitmap that may be hung on it. Thread-safe.
 */
public final class MemoryRegion {

    private static final VarHandle DIRTY;

    static {
        try {
            DIRTY = MethodHandles.lookup().findVarHandle(MemoryRegion.class, "dirty", DirtyBitmap.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private final AddressRange range;
    /** What the range holds, too, one load nearer to every access. */
    private final long start;
    private final long size;
    private final MemorySegment segment;
    private final @Nullable MemoryBlock block;
    private final long blockOffset;
    private final boolean readOnly;
    private volatile @Nullable DirtyBitmap dirty;

    private MemoryRegion(long guestAddress, MemorySegment segment, @Nullable MemoryBlock block, long blockOffset,
            boolean readOnly) {
        this.segment = Objects.requireNonNull(segment);
        this.range = new AddressRange(guestAddress, segment.byteSize());
        this.start = guestAddress;
        this.size = segment.byteSize();
        this.block = block;
        this.blockOffset = blockOffset;
        this.readOnly = readOnly;
        if (guestAddress % MemoryRequest.PAGE != 0 || segment.byteSize() % MemoryRequest.PAGE != 0) {
            throw new ConfigurationException("A memory region must start and end on a 4 KiB page, got " + range);
        }
        if (!segment.isNative() || segment.isReadOnly() || segment.address() % MemoryRequest.PAGE != 0) {
            throw new ConfigurationException("The host memory of region " + range
                    + " must be outside the Java heap, writable and page-aligned, is " + segment
                    + "; allocate it with a MemoryAllocator");
        }
    }

    /** All of {@code block} at {@code guestAddress}. */
    public static MemoryRegion of(long guestAddress, MemoryBlock block) {
        return new MemoryRegion(guestAddress, block.segment(), block, 0, false);
    }

    /**
     * {@code length} bytes of {@code block} from {@code offset}, at {@code guestAddress}; all three are multiples of 4096.
     *
     * @throws ConfigurationException if they are not, or the bytes do not lie in the block
     */
    public static MemoryRegion of(long guestAddress, MemoryBlock block, long offset, long length) {
        if (offset < 0 || length < 0 || length > block.size() - offset) {
            throw new ConfigurationException("A memory region cannot be the " + length + " bytes at offset " + offset
                    + " of a block of " + block.size() + " bytes");
        }
        return new MemoryRegion(guestAddress, block.segment().asSlice(offset, length), block, offset, false);
    }

    /**
     * Host memory whose lifetime somebody else keeps: outside the Java heap, writable, page-aligned, and accessible from
     * every thread (of a shared or the global arena).
     */
    public static MemoryRegion borrowed(long guestAddress, MemorySegment segment) {
        return new MemoryRegion(guestAddress, segment, null, 0, false);
    }

    /** The same bytes, which the guest can read and execute but not write. Its writes become MMIO exits. */
    public MemoryRegion asReadOnly() {
        return new MemoryRegion(range.start(), segment, block, blockOffset, true);
    }

    /** First guest-physical address. */
    public long guestAddress() {
        return start;
    }

    /** Number of bytes. */
    public long size() {
        return size;
    }

    /** Whether it has all {@code length} bytes from {@code gpa}; {@code length} is not negative. */
    boolean holds(long gpa, long length) {
        long offset = gpa - start;
        return offset >= 0 && offset <= size - length;
    }

    /** Where the guest sees it. */
    public AddressRange range() {
        return range;
    }

    /** The host memory; offset 0 is {@link #guestAddress()}. */
    public MemorySegment segment() {
        return segment;
    }

    /** The block the bytes are part of; {@code null} if borrowed. */
    public @Nullable MemoryBlock block() {
        return block;
    }

    /** Where in {@link #block()} the region starts, in bytes. */
    public long blockOffset() {
        return blockOffset;
    }

    /** Whether the guest's own writes are refused. The host may still write. */
    public boolean readOnly() {
        return readOnly;
    }

    /** Marks pages as written by the host, where somebody tracks. {@code offset} counts from the region's start. */
    void markDirty(long offset, long length) {
        // Opaque: looked at for every write, but, other than after a volatile look, what is known of the region stays known.
        var bitmap = (@Nullable DirtyBitmap) DIRTY.getOpaque(this);
        if (bitmap != null) {
            bitmap.mark(offset, length);
        }
    }

    /** The bitmap of host writes, or {@code null} while nobody tracks. */
    public @Nullable DirtyBitmap dirty() {
        return dirty;
    }

    void track(@Nullable DirtyBitmap bitmap) {
        dirty = bitmap;
    }

    @Override
    public String toString() {
        return "memory " + range + (readOnly ? " read-only" : "");
    }
}
