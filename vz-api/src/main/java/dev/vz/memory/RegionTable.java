package dev.vz.memory;

import java.util.Arrays;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/**
 * The regions at one time, sorted by address. Immutable, and safe to hand over without ordering, for its fields are
 * final.
 *
 * <p>
 * Guests have one, two or three regions and an access looks for its own each time. The first two are fields: a loop over
 * an array of a length that the compiler does not know costs three times what the comparisons do.
 */
final class RegionTable {

    private final MemoryRegion[] regions;
    private final boolean open;
    /** The region to ask first, and the one to ask next; the same where there is one only. */
    private final @Nullable MemoryRegion first;
    private final @Nullable MemoryRegion second;

    /** Of these, which do not overlap; a closed table lists its regions and finds none. */
    RegionTable(boolean open, MemoryRegion... regions) {
        this.open = open;
        this.regions = regions.clone();
        Arrays.sort(this.regions, Comparator.comparing(MemoryRegion::range));
        first = open && regions.length > 0 ? this.regions[0] : null;
        second = open && regions.length > 1 ? this.regions[1] : first;
    }

    /** By ascending address; the caller changes nothing in it. */
    MemoryRegion[] regions() {
        return regions;
    }

    boolean isOpen() {
        return open;
    }

    /** The region that has all {@code size} bytes from {@code gpa}, 1 to a page; null where none has. */
    @Nullable
    MemoryRegion holding(long gpa, int size) {
        MemoryRegion region = first;
        if (region != null) {
            if (region.holds(gpa, size)) {
                return region;
            }
            region = second;
            if (region != null && region.holds(gpa, size)) {
                return region;
            }
        }
        return later(gpa, size);
    }

    /** The same for a range of any length; null of a negative one, too. */
    @Nullable
    MemoryRegion holding(long gpa, long size) {
        MemoryRegion region = first;
        if (region != null) {
            if (region.holds(gpa, size)) {
                return region;
            }
            region = second;
            if (region != null && region.holds(gpa, size)) {
                return region;
            }
        }
        region = later(gpa, 1);
        return region != null && region.holds(gpa, size) ? region : null;
    }

    /** The region that has the byte at {@code gpa}, or null. */
    @Nullable
    MemoryRegion at(long gpa) {
        return holding(gpa, 1);
    }

    private @Nullable MemoryRegion later(long gpa, int size) {
        int low = 2;
        int high = open ? regions.length - 1 : -1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            MemoryRegion region = regions[middle];
            if (region.holds(gpa, size)) {
                return region;
            }
            if (Long.compareUnsigned(gpa, region.guestAddress()) < 0) {
                high = middle - 1;
            } else {
                low = middle + 1;
            }
        }
        return null;
    }

    @Override
    public String toString() {
        return Arrays.toString(regions);
    }
}
