package dev.vz.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.IntRange;

/** Guest memory behaves as an array of bytes with holes, whatever the regions, addresses and lengths. */
class GuestMemoryModelTest {

    private static final int PAGE = 4096;
    private static final int PAGES = 24;

    /** Bytes and which of them are memory. */
    private record Model(byte[] bytes, boolean[] memory) {
        boolean holds(long gpa, long length) {
            if (length < 0 || length > 0 && (gpa < 0 || gpa > bytes.length || length > bytes.length - gpa)) {
                return false;
            }
            for (long i = gpa; i < gpa + length; i++) {
                if (!memory[(int) i]) {
                    return false;
                }
            }
            return true;
        }
    }

    @Property(tries = 150)
    void isAnArrayWithHoles(@ForAll @Size(min = 1, max = 8) List<@IntRange(min = 1, max = 4) Integer> runs,
            @ForAll long seed) {
        var random = new Random(seed);
        var model = new Model(new byte[PAGES * PAGE], new boolean[PAGES * PAGE]);
        var allocator = new JavaMemoryAllocator();
        try (GuestMemory memory = GuestMemory.of()) {
            int page = 0;
            for (int run : runs) {
                page += random.nextInt(2); // some regions are adjacent, some are not
                if (page + run > PAGES) {
                    break;
                }
                memory.add(MemoryRegion.of((long) page * PAGE, allocator.allocate(MemoryRequest.of((long) run * PAGE)
                        .withAllocation(MemoryRequest.Allocation.FIXED))));
                Arrays.fill(model.memory, page * PAGE, (page + run) * PAGE, true);
                page += run;
            }
            memory.startDirtyTracking();
            var dirty = new boolean[PAGES];
            for (int i = 0; i < 300; i++) {
                step(memory, model, dirty, random);
            }
            for (MemoryRegion region : memory.regions()) {
                for (int p = 0; p < region.size() / PAGE; p++) {
                    assertThat(region.dirty().isDirty(p)).as("page %d of %s, seed %d", p, region, seed)
                            .isEqualTo(dirty[(int) (region.guestAddress() / PAGE) + p]);
                }
                assertThat(memory.read(region.guestAddress(), (int) region.size())).isEqualTo(Arrays.copyOfRange(
                        model.bytes, (int) region.guestAddress(), (int) (region.guestAddress() + region.size())));
            }
        }
    }

    private static void step(GuestMemory memory, Model model, boolean[] dirty, Random random) {
        // Most addresses are near the seams between pages, where the regions meet.
        long gpa = (long) random.nextInt(PAGES + 1) * PAGE + random.nextInt(-16, 16);
        int size = 1 << random.nextInt(4);
        long value = random.nextLong();
        switch (random.nextInt(5)) {
            case 0 -> {
                boolean there = model.holds(gpa, size);
                if (there) {
                    write(memory, gpa, size, value);
                    for (int b = 0; b < size; b++) {
                        model.bytes[(int) gpa + b] = (byte) (value >>> 8 * b);
                        dirty[(int) (gpa + b) / PAGE] = true;
                    }
                } else {
                    assertThatThrownBy(() -> write(memory, gpa, size, value)).isInstanceOf(GuestMemoryException.class);
                }
            }
            case 1 -> {
                if (model.holds(gpa, size)) {
                    long expected = 0;
                    for (int b = 0; b < size; b++) {
                        expected |= (model.bytes[(int) gpa + b] & 0xFFL) << 8 * b;
                    }
                    assertThat(read(memory, gpa, size)).isEqualTo(expected);
                } else {
                    assertThatThrownBy(() -> read(memory, gpa, size)).isInstanceOf(GuestMemoryException.class);
                }
            }
            case 2 -> {
                long length = random.nextInt(3 * PAGE);
                assertThat(memory.contains(gpa, length)).isEqualTo(model.holds(gpa, length));
                if (model.holds(gpa, length)) {
                    assertThat(memory.slices(gpa, length).stream().mapToLong(s -> s.byteSize()).sum())
                            .isEqualTo(length);
                } else {
                    assertThatThrownBy(() -> memory.slices(gpa, length)).isInstanceOf(GuestMemoryException.class);
                }
            }
            case 3 -> {
                var bytes = new byte[random.nextInt(2 * PAGE)];
                random.nextBytes(bytes);
                if (model.holds(gpa, bytes.length)) {
                    memory.write(gpa, bytes);
                    System.arraycopy(bytes, 0, model.bytes, Math.max(0, (int) gpa), bytes.length);
                    for (int b = 0; b < bytes.length; b++) {
                        dirty[(int) (gpa + b) / PAGE] = true;
                    }
                } else {
                    assertThatThrownBy(() -> memory.write(gpa, bytes)).isInstanceOf(GuestMemoryException.class);
                }
            }
            default -> {
                int length = random.nextInt(2 * PAGE);
                if (model.holds(gpa, length)) {
                    memory.fill(gpa, length, (byte) value);
                    for (int b = 0; b < length; b++) {
                        model.bytes[(int) gpa + b] = (byte) value;
                        dirty[(int) (gpa + b) / PAGE] = true;
                    }
                }
            }
        }
    }

    private static void write(GuestMemory memory, long gpa, int size, long value) {
        switch (size) {
            case 1 -> memory.writeByte(gpa, (byte) value);
            case 2 -> memory.writeShort(gpa, (short) value);
            case 4 -> memory.writeInt(gpa, (int) value);
            default -> memory.writeLong(gpa, value);
        }
    }

    private static long read(GuestMemory memory, long gpa, int size) {
        return switch (size) {
            case 1 -> memory.readByte(gpa) & 0xFFL;
            case 2 -> memory.readShort(gpa) & 0xFFFFL;
            case 4 -> memory.readInt(gpa) & 0xFFFF_FFFFL;
            default -> memory.readLong(gpa);
        };
    }

    @Property
    void neverThrowsForAHostileSlice(@ForAll long gpa, @ForAll long length) {
        try (GuestMemory memory = GuestMemory.of(
                MemoryRegion.of(0, new JavaMemoryAllocator().allocate(MemoryRequest.of(PAGE)
                        .withAllocation(MemoryRequest.Allocation.FIXED))))) {
            boolean inside = gpa >= 0 && gpa < PAGE && length >= 0 && length <= PAGE - gpa;
            assertThat(memory.slice(gpa, length) != null).isEqualTo(inside);
            assertThat(memory.contains(gpa, length)).isEqualTo(inside || length == 0);
            memory.markDirty(gpa, length);
        }
    }
}
