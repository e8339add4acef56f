package dev.vz.memory;

import dev.vz.bus.AddressRange;
import dev.vz.error.ConfigurationException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.nio.ByteOrder;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A run of guest-physical addresses with host memory behind it.
 *
 * <p>
 * Immutable but for the dirty bitmap and the guard that may be hung on it. Thread-safe.
 */
// The fences stand behind the access, not in a finally block: one that fails has nothing left to keep reachable.
@SuppressWarnings("ReachabilityFenceUsage")
public final class MemoryRegion {

    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

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
    /** Where the first byte is in the address space, if the block is a lasting one; otherwise 0. */
    private final long host;
    private final MemorySegment segment;
    private final @Nullable MemoryBlock block;
    private final long blockOffset;
    private final boolean readOnly;
    private @Nullable DirtyBitmap dirty;
    private volatile @Nullable Guard guard;

    /** Knows which of a region's bytes the guest has at the moment. Asked from any thread; does not wait for long. */
    @FunctionalInterface
    public interface Guard {

        /** Whether the guest has all {@code length} bytes, 1 or more, from {@code offset} of the region, which has them. */
        boolean allows(long offset, long length);
    }

    private MemoryRegion(long guestAddress, MemorySegment segment, @Nullable MemoryBlock block, long blockOffset,
            boolean readOnly) {
        this.segment = Objects.requireNonNull(segment);
        this.range = new AddressRange(guestAddress, segment.byteSize());
        this.start = guestAddress;
        this.size = segment.byteSize();
        this.block = block;
        this.blockOffset = blockOffset;
        this.host = block instanceof MemoryBlock.Lasting lasting ? AddressSpace.addressOf(lasting) + blockOffset : 0;
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

    /** Whether it has all {@code length} bytes from {@code gpa}; {@code length} is 1 to a page. */
    boolean holds(long gpa, int length) {
        return Long.compareUnsigned(gpa - start, size - length) <= 0;
    }

    /** The same for a range of any length; false of a negative one. */
    boolean holds(long gpa, long length) {
        long offset = gpa - start;
        return offset >= 0 && length >= 0 && offset <= size - length;
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

    // Accesses at an address that the caller has found to be in the region. By host address where it outlives a close:
    // the fence keeps it from being given back before the access is over.

    byte getByte(long gpa) {
        if (host == 0) {
            return segment.get(ValueLayout.JAVA_BYTE, gpa - start);
        }
        byte value = AddressSpace.all().get(ValueLayout.JAVA_BYTE, host + (gpa - start));
        Reference.reachabilityFence(this);
        return value;
    }

    short getShort(long gpa) {
        if (host == 0) {
            return segment.get(SHORT, gpa - start);
        }
        short value = AddressSpace.all().get(SHORT, host + (gpa - start));
        Reference.reachabilityFence(this);
        return value;
    }

    int getInt(long gpa) {
        if (host == 0) {
            return segment.get(INT, gpa - start);
        }
        int value = AddressSpace.all().get(INT, host + (gpa - start));
        Reference.reachabilityFence(this);
        return value;
    }

    long getLong(long gpa) {
        if (host == 0) {
            return segment.get(LONG, gpa - start);
        }
        long value = AddressSpace.all().get(LONG, host + (gpa - start));
        Reference.reachabilityFence(this);
        return value;
    }

    void setByte(long gpa, byte value) {
        if (host == 0) {
            segment.set(ValueLayout.JAVA_BYTE, gpa - start, value);
        } else {
            AddressSpace.all().set(ValueLayout.JAVA_BYTE, host + (gpa - start), value);
            Reference.reachabilityFence(this);
        }
        markDirty(gpa - start, 1);
    }

    void setShort(long gpa, short value) {
        if (host == 0) {
            segment.set(SHORT, gpa - start, value);
        } else {
            AddressSpace.all().set(SHORT, host + (gpa - start), value);
            Reference.reachabilityFence(this);
        }
        markDirty(gpa - start, 2);
    }

    void setInt(long gpa, int value) {
        if (host == 0) {
            segment.set(INT, gpa - start, value);
        } else {
            AddressSpace.all().set(INT, host + (gpa - start), value);
            Reference.reachabilityFence(this);
        }
        markDirty(gpa - start, 4);
    }

    void setLong(long gpa, long value) {
        if (host == 0) {
            segment.set(LONG, gpa - start, value);
        } else {
            AddressSpace.all().set(LONG, host + (gpa - start), value);
            Reference.reachabilityFence(this);
        }
        markDirty(gpa - start, 8);
    }

    /** Copies {@code length} bytes from {@code gpa} to {@code offset} of {@code target}. */
    void copyOut(long gpa, MemorySegment target, long offset, long length) {
        if (host == 0) {
            MemorySegment.copy(segment, gpa - start, target, offset, length);
        } else {
            MemorySegment.copy(AddressSpace.all(), host + (gpa - start), target, offset, length);
            Reference.reachabilityFence(this);
        }
    }

    /** Copies {@code length} bytes from {@code offset} of {@code source} to {@code gpa}. */
    void copyIn(MemorySegment source, long offset, long gpa, long length) {
        if (host == 0) {
            MemorySegment.copy(source, offset, segment, gpa - start, length);
        } else {
            MemorySegment.copy(source, offset, AddressSpace.all(), host + (gpa - start), length);
            Reference.reachabilityFence(this);
        }
        markDirty(gpa - start, length);
    }

    /** Marks pages as written by the host, where somebody tracks. {@code offset} counts from the region's start. */
    void markDirty(long offset, long length) {
        // Plain: a loop of writes looks once. Whoever starts to track lets the writers come to rest before it relies on it.
        DirtyBitmap bitmap = dirty;
        if (bitmap != null) {
            bitmap.mark(offset, length);
        }
    }

    /** The bitmap of host writes, or {@code null} while nobody tracks. */
    public @Nullable DirtyBitmap dirty() {
        return (@Nullable DirtyBitmap) DIRTY.getAcquire(this);
    }

    void track(@Nullable DirtyBitmap bitmap) {
        DIRTY.setRelease(this, bitmap);
    }

    /**
     * From now on devices use, at their driver's word, only what {@code next} allows; it is asked when a buffer is taken. The
     * guest's processors and the host's own accesses are not bound by it.
     */
    public void guard(Guard next) {
        guard = next;
    }

    /** Whether a device may use all {@code length} bytes from {@code offset}, which lie in here, at its driver's word. */
    public boolean allows(long offset, long length) {
        Guard now = guard;
        return now == null || now.allows(offset, length);
    }

    @Override
    public String toString() {
        return "memory " + range + (readOnly ? " read-only" : "");
    }
}
