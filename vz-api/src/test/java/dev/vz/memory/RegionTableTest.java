package dev.vz.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.jspecify.annotations.Nullable;

class RegionTableTest {

    private static final int PAGE = 4096;

    /** Slots of two pages, of which the region has one or both, with the first slot at the end of the addresses. */
    @Property
    void findsWhatASearchThroughAllRegionsFinds(@ForAll @Size(min = 1, max = 9) @IntRange(max = 3) int[] pages,
            @ForAll @LongRange(min = -20_000, max = 90_000) long gpa, @ForAll @IntRange(min = 1, max = PAGE) int size,
            @ForAll @LongRange(min = -9_000, max = 9_000) long length) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(2 * PAGE, PAGE);
            MemoryRegion[] regions = new MemoryRegion[pages.length];
            int made = 0;
            for (int i = 0; i < pages.length; i++) {
                if (pages[i] > 0) {
                    long start = (i - 1L) * 2 * PAGE + (pages[i] == 3 ? PAGE : 0);
                    regions[made++] = MemoryRegion.borrowed(start, bytes.asSlice(0, pages[i] == 2 ? 2 * PAGE : PAGE));
                }
            }
            MemoryRegion[] present = Arrays.copyOf(regions, made);
            var table = new RegionTable(true, present);
            assertThat(table.holding(gpa, size)).isSameAs(search(present, gpa, size));
            assertThat(table.holding(gpa, length)).isSameAs(length < 0 ? null : search(present, gpa, length));
            assertThat(table.at(gpa)).isSameAs(search(present, gpa, 1));

            var closed = new RegionTable(false, present);
            assertThat(closed.regions()).isEqualTo(table.regions());
            assertThat(closed.holding(gpa, size)).isNull();
            assertThat(closed.holding(gpa, length)).isNull();
        }
    }

    private static @Nullable MemoryRegion search(MemoryRegion[] regions, long gpa, long size) {
        for (MemoryRegion region : regions) {
            long offset = gpa - region.guestAddress();
            if (offset >= 0 && offset < region.size() && size <= region.size() - offset) {
                return region;
            }
        }
        return null;
    }
}
