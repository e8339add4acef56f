package dev.vz.memory;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The physical memory of one guest: what devices, loaders and back ends read and write.
 *
 * <p>
 * Made of {@link MemoryRegion}s that do not overlap. Every multi-byte value is little-endian. Typed accesses need no
 * alignment, except the acquire, release and compare-and-set forms, which need natural alignment. An access outside the
 * regions throws {@link GuestMemoryException}; code that handles addresses chosen by the guest and must not throw asks
 * {@link #contains} or {@link #slice} first.
 *
 * <p>
 * All methods may be called from any thread. Plain accesses race with the guest as ordinary memory does: read a field
 * that the guest can change once, and wait for one to change with the acquire forms, for a loop of plain reads may look only
 * once. Writes through this class mark the dirty bitmap while tracking is on; writes through
 * a slice do not, so whoever writes through one calls {@link #markDirty}.
 *
 * <p>
 * Closing it closes every {@link MemoryBlock} behind its regions. Do that after the virtual machine is closed.
 */
public final class GuestMemory implements AutoCloseable {

    private static final VarHandle SHORT_ATOMIC = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final VarHandle INT_ATOMIC = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final VarHandle LONG_ATOMIC = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    /**
     * Replaced as a whole; readers never lock. Not volatile, so that a loop over guest memory looks for its region once:
     * whoever learns of a change in any ordered way sees it, and one that does not may use the regions from before, whose
     * blocks stay open.
     */
    private RegionTable table = new RegionTable(true);
    private final Set<MemoryBlock> owned = new LinkedHashSet<>();
    private boolean tracking;

    private GuestMemory(Collection<MemoryRegion> initial) {
        initial.forEach(this::add);
    }

    /** Memory of these regions. It owns the blocks behind them from now on. */
    public static GuestMemory of(Collection<MemoryRegion> regions) {
        return new GuestMemory(regions);
    }

    /** Memory of these regions. It owns the blocks behind them from now on. */
    public static GuestMemory of(MemoryRegion... regions) {
        return new GuestMemory(List.of(regions));
    }

    /** One region of {@code size} bytes at address 0, from the preferred allocator. */
    public static GuestMemory ofSize(long size) {
        MemoryRequest request = MemoryRequest.of(size);
        return of(MemoryRegion.of(0, MemoryAllocator.preferred(request).allocate(request)));
    }

    // ---------------------------------------------------------------------------------------------- regions

    /**
     * Adds a region and takes ownership of its block.
     *
     * @throws ConfigurationException if it overlaps one that is there; the block stays the caller's then
     * @throws LifecycleException     if this memory is closed
     */
    public synchronized void add(MemoryRegion region) {
        if (!table.isOpen()) {
            throw new LifecycleException("Cannot add " + region + ": this guest memory is closed");
        }
        for (MemoryRegion other : table.regions()) {
            if (other.range().overlaps(region.range())) {
                throw new ConfigurationException("Cannot add " + region + ": it overlaps " + other);
            }
        }
        MemoryRegion[] next = Arrays.copyOf(table.regions(), table.regions().length + 1);
        next[next.length - 1] = region;
        if (tracking) {
            region.track(new DirtyBitmap(region.size()));
        }
        if (region.block() != null) {
            owned.add(region.block());
        }
        table = new RegionTable(true, next);
    }

    /**
     * Takes a region away. Its block stays owned, and open, until this memory is closed: an access in flight may still
     * be using it.
     */
    public synchronized void remove(MemoryRegion region) {
        var next = new ArrayList<>(List.of(table.regions()));
        if (!next.remove(region)) {
            throw new ConfigurationException("Cannot remove " + region + ": it is not part of this guest memory");
        }
        region.track(null);
        table = new RegionTable(table.isOpen(), next.toArray(MemoryRegion[]::new));
    }

    /** The regions by ascending address. */
    public List<MemoryRegion> regions() {
        return List.of(table.regions());
    }

    /** The sum of all regions' sizes, in bytes. */
    public long size() {
        long sum = 0;
        for (MemoryRegion region : table.regions()) {
            sum += region.size();
        }
        return sum;
    }

    /** The region that holds {@code gpa}, or {@code null}. */
    public @Nullable MemoryRegion region(long gpa) {
        return table.at(gpa);
    }

    /**
     * Whether all {@code length} bytes from {@code gpa} are memory; they may span adjacent regions. True of 0 bytes
     * anywhere, false of a negative length and of a range that runs past the last address. Does not throw.
     */
    public boolean contains(long gpa, long length) {
        if (length <= 0) {
            return length == 0;
        }
        long at = gpa;
        long left = length;
        do {
            MemoryRegion region = region(at);
            if (region == null) {
                return false;
            }
            long here = region.size() - (at - region.guestAddress());
            if (left <= here) {
                return true;
            }
            left -= here;
            at += here;
        } while (at != 0);
        return false;
    }

    /**
     * A view of {@code length} bytes from {@code gpa}, or {@code null} if they do not lie in one region. No copy; writes
     * go to the guest. Does not throw, whatever the arguments.
     */
    public @Nullable MemorySegment slice(long gpa, long length) {
        MemoryRegion region = region(gpa);
        if (region == null) {
            return null;
        }
        long offset = gpa - region.guestAddress();
        return length < 0 || length > region.size() - offset ? null : region.segment().asSlice(offset, length);
    }

    /**
     * Views that together are {@code length} bytes from {@code gpa}, one for each region they run through.
     *
     * @throws GuestMemoryException if a byte of it is not memory, or {@code length} is negative
     */
    public List<MemorySegment> slices(long gpa, long length) {
        checkAll("map", gpa, length);
        var parts = new ArrayList<MemorySegment>(1);
        long done = 0;
        while (done < length) {
            MemoryRegion region = part("map", gpa + done, gpa, length);
            long offset = gpa + done - region.guestAddress();
            long here = Math.min(length - done, region.size() - offset);
            parts.add(region.segment().asSlice(offset, here));
            done += here;
        }
        return parts;
    }

    private MemoryRegion require(String action, long gpa, int size) {
        MemoryRegion region = table.holding(gpa, size);
        if (region == null) {
            throw missing(action, gpa, size);
        }
        return region;
    }

    private RuntimeException missing(String action, long gpa, long length) {
        RegionTable now = table;
        return now.isOpen()
                ? new GuestMemoryException(action, gpa, length, "not all of it is memory; the guest has " + now)
                : new LifecycleException("Cannot " + action + " guest memory at 0x" + Long.toHexString(gpa)
                        + ": it is closed");
    }

    // ---------------------------------------------------------------------------------------- typed accesses

    /** The byte at {@code gpa}. */
    public byte readByte(long gpa) {
        return require("read", gpa, 1).getByte(gpa);
    }

    /** The 16-bit value at {@code gpa}. */
    public short readShort(long gpa) {
        MemoryRegion region = table.holding(gpa, 2);
        return region != null ? region.getShort(gpa) : (short) readSlow(gpa, 2);
    }

    /** The 32-bit value at {@code gpa}. */
    public int readInt(long gpa) {
        MemoryRegion region = table.holding(gpa, 4);
        return region != null ? region.getInt(gpa) : (int) readSlow(gpa, 4);
    }

    /** The 64-bit value at {@code gpa}. */
    public long readLong(long gpa) {
        MemoryRegion region = table.holding(gpa, 8);
        return region != null ? region.getLong(gpa) : readSlow(gpa, 8);
    }

    /** Writes a byte. */
    public void writeByte(long gpa, byte value) {
        require("write", gpa, 1).setByte(gpa, value);
    }

    /** Writes a 16-bit value. */
    public void writeShort(long gpa, short value) {
        MemoryRegion region = table.holding(gpa, 2);
        if (region != null) {
            region.setShort(gpa, value);
        } else {
            writeSlow(gpa, 2, value);
        }
    }

    /** Writes a 32-bit value. */
    public void writeInt(long gpa, int value) {
        MemoryRegion region = table.holding(gpa, 4);
        if (region != null) {
            region.setInt(gpa, value);
        } else {
            writeSlow(gpa, 4, value);
        }
    }

    /** Writes a 64-bit value. */
    public void writeLong(long gpa, long value) {
        MemoryRegion region = table.holding(gpa, 8);
        if (region != null) {
            region.setLong(gpa, value);
        } else {
            writeSlow(gpa, 8, value);
        }
    }

    /** Byte by byte, for a value that straddles two adjacent regions. */
    private long readSlow(long gpa, int size) {
        checkAll("read", gpa, size);
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= (readByte(gpa + i) & 0xFFL) << 8 * i;
        }
        return value;
    }

    private void writeSlow(long gpa, int size, long value) {
        checkAll("write", gpa, size);
        for (int i = 0; i < size; i++) {
            writeByte(gpa + i, (byte) (value >>> 8 * i));
        }
    }

    private void checkAll(String action, long gpa, long length) {
        if (!contains(gpa, length)) {
            throw missing(action, gpa, length);
        }
    }

    /** The region that has the byte at {@code gpa}, of an access that {@link #checkAll} has let pass. */
    private MemoryRegion part(String action, long gpa, long from, long length) {
        MemoryRegion region = table.at(gpa);
        if (region == null) {
            // Taken away, or closed, since.
            throw missing(action, from, length);
        }
        return region;
    }

    // --------------------------------------------------------------------------------------- ordered accesses

    private static long aligned(String action, MemoryRegion region, long gpa, int size) {
        if ((gpa & (size - 1)) != 0) {
            throw new GuestMemoryException(action, gpa, size, "an ordered access needs an address that is a multiple "
                    + "of its size");
        }
        return gpa - region.guestAddress();
    }

    /** The 16-bit value at {@code gpa}, a multiple of 2; no later access moves before it. */
    public short readShortAcquire(long gpa) {
        MemoryRegion region = require("read", gpa, 2);
        return (short) SHORT_ATOMIC.getAcquire(region.segment(), aligned("read", region, gpa, 2));
    }

    /** The 32-bit value at {@code gpa}, a multiple of 4; no later access moves before it. */
    public int readIntAcquire(long gpa) {
        MemoryRegion region = require("read", gpa, 4);
        return (int) INT_ATOMIC.getAcquire(region.segment(), aligned("read", region, gpa, 4));
    }

    /** The 64-bit value at {@code gpa}, a multiple of 8; no later access moves before it. */
    public long readLongAcquire(long gpa) {
        MemoryRegion region = require("read", gpa, 8);
        return (long) LONG_ATOMIC.getAcquire(region.segment(), aligned("read", region, gpa, 8));
    }

    /** Writes 16 bits at {@code gpa}, a multiple of 2; no earlier access moves behind it. */
    public void writeShortRelease(long gpa, short value) {
        MemoryRegion region = require("write", gpa, 2);
        long offset = aligned("write", region, gpa, 2);
        SHORT_ATOMIC.setRelease(region.segment(), offset, value);
        region.markDirty(offset, 2);
    }

    /** Writes 32 bits at {@code gpa}, a multiple of 4; no earlier access moves behind it. */
    public void writeIntRelease(long gpa, int value) {
        MemoryRegion region = require("write", gpa, 4);
        long offset = aligned("write", region, gpa, 4);
        INT_ATOMIC.setRelease(region.segment(), offset, value);
        region.markDirty(offset, 4);
    }

    /** Writes 64 bits at {@code gpa}, a multiple of 8; no earlier access moves behind it. */
    public void writeLongRelease(long gpa, long value) {
        MemoryRegion region = require("write", gpa, 8);
        long offset = aligned("write", region, gpa, 8);
        LONG_ATOMIC.setRelease(region.segment(), offset, value);
        region.markDirty(offset, 8);
    }

    /** Replaces the 32 bits at {@code gpa}, a multiple of 4, if they are {@code expected}; a full fence. */
    public boolean compareAndSetInt(long gpa, int expected, int value) {
        MemoryRegion region = require("write", gpa, 4);
        long offset = aligned("write", region, gpa, 4);
        boolean done = INT_ATOMIC.compareAndSet(region.segment(), offset, expected, value);
        region.markDirty(offset, 4);
        return done;
    }

    /** Replaces the 64 bits at {@code gpa}, a multiple of 8, if they are {@code expected}; a full fence. */
    public boolean compareAndSetLong(long gpa, long expected, long value) {
        MemoryRegion region = require("write", gpa, 8);
        long offset = aligned("write", region, gpa, 8);
        boolean done = LONG_ATOMIC.compareAndSet(region.segment(), offset, expected, value);
        region.markDirty(offset, 8);
        return done;
    }

    // ------------------------------------------------------------------------------------------ bulk accesses

    /**
     * Copies guest memory into {@code target}, filling it.
     *
     * @throws GuestMemoryException if a byte of it is not memory; nothing is copied then
     */
    public void read(long gpa, MemorySegment target) {
        long length = target.byteSize();
        MemoryRegion only = table.holding(gpa, length);
        if (only != null) {
            only.copyOut(gpa, target, 0, length);
        } else {
            readParts(gpa, target, length);
        }
    }

    private void readParts(long gpa, MemorySegment target, long length) {
        checkAll("read", gpa, length);
        long done = 0;
        while (done < length) {
            MemoryRegion region = part("read", gpa + done, gpa, length);
            long here = Math.min(length - done, region.size() - (gpa + done - region.guestAddress()));
            region.copyOut(gpa + done, target, done, here);
            done += here;
        }
    }

    /** Copies {@code length} bytes of guest memory into a new array. */
    public byte[] read(long gpa, int length) {
        checkAll("read", gpa, length);
        var bytes = new byte[length];
        read(gpa, MemorySegment.ofArray(bytes));
        return bytes;
    }

    /**
     * Copies all of {@code source} into guest memory.
     *
     * @throws GuestMemoryException if a byte of it is not memory; nothing is written then
     */
    public void write(long gpa, MemorySegment source) {
        long length = source.byteSize();
        MemoryRegion only = table.holding(gpa, length);
        if (only != null) {
            only.copyIn(source, 0, gpa, length);
        } else {
            writeParts(gpa, source, length);
        }
    }

    private void writeParts(long gpa, MemorySegment source, long length) {
        checkAll("write", gpa, length);
        long done = 0;
        while (done < length) {
            MemoryRegion region = part("write", gpa + done, gpa, length);
            long here = Math.min(length - done, region.size() - (gpa + done - region.guestAddress()));
            region.copyIn(source, done, gpa + done, here);
            done += here;
        }
    }

    /** Copies all of {@code source} into guest memory. */
    public void write(long gpa, byte[] source) {
        write(gpa, MemorySegment.ofArray(source));
    }

    /** Sets {@code length} bytes to {@code value}. */
    public void fill(long gpa, long length, byte value) {
        checkAll("write", gpa, length);
        long done = 0;
        while (done < length) {
            MemoryRegion region = part("write", gpa + done, gpa, length);
            long offset = gpa + done - region.guestAddress();
            long here = Math.min(length - done, region.size() - offset);
            region.segment().asSlice(offset, here).fill(value);
            region.markDirty(offset, here);
            done += here;
        }
    }

    // ---------------------------------------------------------------------------------------- dirty tracking

    /**
     * Starts to mark the pages that the host writes. The guest's own writes are the back end's to report. While it is on
     * already, nothing changes.
     *
     * <p>
     * A write, or a loop of writes, that another thread is in the middle of may go unmarked: whoever copies the memory lets
     * the devices come to rest once between this call and the first copy.
     */
    public synchronized void startDirtyTracking() {
        tracking = true;
        for (MemoryRegion region : table.regions()) {
            if (region.dirty() == null) {
                region.track(new DirtyBitmap(region.size()));
            }
        }
    }

    /** Stops marking and forgets the marks. */
    public synchronized void stopDirtyTracking() {
        tracking = false;
        for (MemoryRegion region : table.regions()) {
            region.track(null);
        }
    }

    /**
     * Marks {@code length} bytes from {@code gpa} as written by the host; what is not memory is passed over. Does not
     * throw, whatever the arguments.
     */
    public void markDirty(long gpa, long length) {
        if (length <= 0) {
            return;
        }
        MemoryRegion inside = region(gpa);
        if (inside != null && inside.size() - (gpa - inside.guestAddress()) >= length) {
            inside.markDirty(gpa - inside.guestAddress(), length);
            return;
        }
        long last = Long.compareUnsigned(gpa + (length - 1), gpa) < 0 ? -1L : gpa + (length - 1);
        for (MemoryRegion region : table.regions()) {
            long from = Long.compareUnsigned(gpa, region.guestAddress()) > 0 ? gpa : region.guestAddress();
            long to = Long.compareUnsigned(last, region.range().last()) < 0 ? last : region.range().last();
            if (Long.compareUnsigned(from, to) <= 0) {
                region.markDirty(from - region.guestAddress(), to - from + 1);
            }
        }
    }

    /**
     * Closes every block behind the regions; no address is memory from now on. Idempotent.
     *
     * @throws LifecycleException if a block is still in use by a system call; the others are closed, and calling again
     *                            closes the rest
     */
    @Override
    public synchronized void close() {
        table = new RegionTable(false, table.regions());
        RuntimeException first = null;
        for (MemoryBlock block : owned) {
            try {
                block.close();
            } catch (RuntimeException failure) {
                if (first == null) {
                    first = failure;
                } else {
                    first.addSuppressed(failure);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }

    @Override
    public String toString() {
        return "guest memory " + table;
    }
}
