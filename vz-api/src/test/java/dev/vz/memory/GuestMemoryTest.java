package dev.vz.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.testing.Allocations;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class GuestMemoryTest {

    private static final long PAGE = 4096;

    private final JavaMemoryAllocator allocator = new JavaMemoryAllocator();
    /** Two adjacent regions, a hole, and one that ends at the last address of all. */
    private final MemoryRegion low = region(0, 2 * PAGE);
    private final MemoryRegion next = region(2 * PAGE, PAGE);
    private final MemoryRegion top = region(-PAGE, PAGE);
    private final GuestMemory memory = GuestMemory.of(top, next, low);

    private MemoryRegion region(long gpa, long size) {
        return MemoryRegion.of(gpa, allocator.allocate(MemoryRequest.of(size)));
    }

    @AfterEach
    void close() {
        memory.close();
    }

    @Test
    void keepsRegionsByAscendingAddress() {
        assertThat(memory.regions()).containsExactly(low, next, top);
        assertThat(memory.size()).isEqualTo(4 * PAGE);
        assertThat(memory.region(2 * PAGE - 1)).isSameAs(low);
        assertThat(memory.region(2 * PAGE)).isSameAs(next);
        assertThat(memory.region(3 * PAGE)).isNull();
        assertThat(memory.region(-1)).isSameAs(top);
    }

    @Test
    void isLittleEndianWhateverTheAlignment() {
        memory.writeLong(0x101, 0x1122_3344_5566_7788L);
        assertThat(memory.read(0x101, 8)).containsExactly(0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11);
        assertThat(memory.readInt(0x101)).isEqualTo(0x5566_7788);
        assertThat(memory.readShort(0x103)).isEqualTo((short) 0x5566);
        assertThat(memory.readByte(0x108)).isEqualTo((byte) 0x11);
        memory.writeInt(0x201, 0xCAFE_BABE);
        memory.writeShort(0x205, (short) 0x1234);
        memory.writeByte(0x207, (byte) 0x56);
        assertThat(memory.readLong(0x201)).isEqualTo(0x0056_1234_CAFE_BABEL);
    }

    @Test
    void readsAndWritesAcrossAdjacentRegions() {
        long seam = 2 * PAGE;
        for (int before = 1; before < 8; before++) {
            memory.writeLong(seam - before, 0x8877_6655_4433_2211L + before);
            assertThat(memory.readLong(seam - before)).isEqualTo(0x8877_6655_4433_2211L + before);
        }
        memory.writeInt(seam - 1, 0x0102_0304);
        assertThat(memory.readInt(seam - 1)).isEqualTo(0x0102_0304);
        memory.writeShort(seam - 1, (short) 0xABCD);
        assertThat(memory.readShort(seam - 1)).isEqualTo((short) 0xABCD);
        assertThat(low.segment().get(MemoryRegion.SHORT, 2 * PAGE - 2) >>> 8 & 0xFF).isEqualTo(0xCD);
    }

    @Test
    void slicesWithoutCopyAndOnlyInsideOneRegion() {
        MemorySegment slice = memory.slice(PAGE, PAGE);
        assertThat(slice).isNotNull();
        slice.set(MemoryRegion.INT, 0, 7);
        assertThat(memory.readInt(PAGE)).isEqualTo(7);
        assertThat(memory.slice(PAGE, 0)).isNotNull();
        assertThat(memory.slice(PAGE, PAGE + 1)).isNull();
        assertThat(memory.slice(PAGE, -1)).isNull();
        assertThat(memory.slice(PAGE, Long.MAX_VALUE)).isNull();
        assertThat(memory.slice(-1, 1)).isNotNull();
        assertThat(memory.slice(-1, 2)).isNull();
        assertThat(memory.slices(PAGE, 2 * PAGE)).extracting(MemorySegment::byteSize).containsExactly(PAGE, PAGE);
        assertThat(memory.slices(0, 0)).isEmpty();
    }

    @Test
    void doesNotRunOverTheEndOfTheAddressSpace() {
        assertThat(memory.contains(-PAGE, PAGE)).isTrue();
        assertThat(memory.contains(-PAGE, PAGE + 1)).isFalse();
        assertThatThrownBy(() -> memory.slices(-16, 32)).isInstanceOf(GuestMemoryException.class);
        assertThatThrownBy(() -> memory.readLong(-4)).isInstanceOf(GuestMemoryException.class);
        assertThatThrownBy(() -> memory.writeLong(-4, -1)).isInstanceOf(GuestMemoryException.class);
        assertThatThrownBy(() -> memory.read(-4, 8)).isInstanceOf(GuestMemoryException.class);
        assertThatThrownBy(() -> memory.write(-4, new byte[] {1, 1, 1, 1, 1, 1, 1, 1}))
                .isInstanceOf(GuestMemoryException.class);
        assertThat(memory.readLong(0)).as("nothing came round at address 0").isZero();
        assertThat(memory.readInt(-4)).as("nothing was written before it failed").isZero();
    }

    @Test
    void saysWhatIsWrongWithAnAddress() {
        assertThatThrownBy(() -> memory.readInt(3 * PAGE)).isInstanceOf(GuestMemoryException.class)
                .hasMessageContaining("read 4 bytes").hasMessageContaining("0x3000")
                .hasMessageContaining("[0x0-0x1fff]")
                .extracting(e -> ((GuestMemoryException) e).address()).isEqualTo(3 * PAGE);
        assertThatThrownBy(() -> memory.writeByte(3 * PAGE, (byte) 1)).isInstanceOf(GuestMemoryException.class)
                .hasMessageContaining("write");
        assertThatThrownBy(() -> memory.read(0, -1)).isInstanceOf(GuestMemoryException.class);
        assertThatThrownBy(() -> memory.read(0, Integer.MAX_VALUE)).isInstanceOf(GuestMemoryException.class);
        assertThatThrownBy(() -> memory.slices(0, -1)).isInstanceOf(GuestMemoryException.class);
        assertThatThrownBy(() -> memory.fill(PAGE, Long.MAX_VALUE, (byte) 1)).isInstanceOf(GuestMemoryException.class);
    }

    @Test
    void containsNoBytesEverywhereAndNegativeCountsNowhere() {
        assertThat(memory.contains(3 * PAGE, 0)).isTrue();
        assertThat(memory.contains(0, -1)).isFalse();
        assertThat(memory.contains(0, Long.MIN_VALUE)).isFalse();
        assertThat(memory.contains(0, Long.MAX_VALUE)).isFalse();
        assertThat(memory.contains(0, 3 * PAGE)).isTrue();
        assertThat(memory.contains(0, 3 * PAGE + 1)).isFalse();
    }

    @Test
    void ordersAlignedAccessesOnly() {
        memory.writeLongRelease(0x10, 0x0123_4567_89AB_CDEFL);
        assertThat(memory.readLongAcquire(0x10)).isEqualTo(0x0123_4567_89AB_CDEFL);
        memory.writeIntRelease(0x14, 5);
        assertThat(memory.readIntAcquire(0x14)).isEqualTo(5);
        memory.writeShortRelease(0x16, (short) 9);
        assertThat(memory.readShortAcquire(0x16)).isEqualTo((short) 9);
        assertThat(memory.compareAndSetInt(0x10, 0x89AB_CDEF, 3)).isTrue();
        assertThat(memory.compareAndSetInt(0x10, 0x89AB_CDEF, 4)).isFalse();
        assertThat(memory.compareAndSetLong(0x18, 0, -1)).isTrue();
        assertThat(memory.readInt(0x10)).isEqualTo(3);
        assertThatThrownBy(() -> memory.readShortAcquire(1)).isInstanceOf(GuestMemoryException.class)
                .hasMessageContaining("multiple of its size");
        assertThatThrownBy(() -> memory.writeIntRelease(2, 0)).isInstanceOf(GuestMemoryException.class);
        assertThatThrownBy(() -> memory.compareAndSetLong(4, 0, 0)).isInstanceOf(GuestMemoryException.class);
        assertThatThrownBy(() -> memory.readLongAcquire(3 * PAGE)).isInstanceOf(GuestMemoryException.class);
    }

    @Test
    void countsTogetherUnderCompareAndSet() throws Exception {
        int each = 20_000;
        try (var pool = Executors.newFixedThreadPool(3)) {
            for (int t = 0; t < 3; t++) {
                pool.submit(() -> {
                    for (int i = 0; i < each; i++) {
                        int old;
                        do {
                            old = memory.readIntAcquire(0x40);
                        } while (!memory.compareAndSetInt(0x40, old, old + 1));
                    }
                });
            }
        }
        assertThat(memory.readInt(0x40)).isEqualTo(3 * each);
    }

    @Test
    void refusesRegionsThatOverlap() {
        MemoryRegion intruder = region(PAGE, PAGE);
        try {
            assertThatThrownBy(() -> memory.add(intruder)).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("[0x1000-0x1fff]").hasMessageContaining("[0x0-0x1fff]");
            assertThat(memory.regions()).doesNotContain(intruder);
        } finally {
            intruder.block().close();
        }
    }

    @Test
    void growsAndShrinks() {
        MemoryRegion more = region(1L << 32, PAGE);
        memory.add(more);
        memory.writeInt(1L << 32, 1);
        memory.remove(more);
        assertThat(memory.contains(1L << 32, 1)).isFalse();
        assertThat(more.segment().get(MemoryRegion.INT, 0)).as("an access in flight is not cut off").isEqualTo(1);
        assertThatThrownBy(() -> memory.remove(more)).isInstanceOf(ConfigurationException.class);
        memory.close();
        assertThatThrownBy(() -> more.segment().get(MemoryRegion.INT, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void closesOnceAndTakesNothingMore() {
        memory.close();
        memory.close();
        assertThatThrownBy(() -> memory.readByte(0)).isInstanceOf(LifecycleException.class)
                .hasMessageContaining("closed");
        MemoryRegion late = region(1L << 32, PAGE);
        try {
            assertThatThrownBy(() -> memory.add(late)).isInstanceOf(LifecycleException.class)
                    .hasMessageContaining("closed");
        } finally {
            late.block().close();
        }
    }

    @Test
    void closesTheOtherBlocksWhenOneFails() {
        var broken = new MemoryBlock() {
            private final Arena arena = Arena.ofShared();
            private final MemorySegment bytes = arena.allocate(PAGE, PAGE);
            private int closes;

            @Override
            public MemorySegment segment() {
                return bytes;
            }

            @Override
            public MemoryRequest request() {
                return MemoryRequest.of(PAGE);
            }

            @Override
            public void close() {
                if (closes++ == 0) {
                    throw new LifecycleException("in use");
                }
                if (closes == 2) {
                    arena.close();
                }
            }
        };
        MemoryRegion other = region(PAGE, PAGE);
        GuestMemory both = GuestMemory.of(MemoryRegion.of(0, broken), other);
        assertThatThrownBy(both::close).isInstanceOf(LifecycleException.class).hasMessage("in use");
        assertThat(other.segment().scope().isAlive()).isFalse();
        both.close();
        assertThat(broken.segment().scope().isAlive()).isFalse();
    }

    @Test
    void marksWhatTheHostWritesWhileTracking() {
        memory.writeInt(0, 1);
        assertThat(low.dirty()).isNull();
        memory.startDirtyTracking();
        memory.readInt(0);
        assertThat(low.dirty().dirtyPages()).isZero();
        memory.writeInt(PAGE - 2, 1); // both pages
        assertThat(low.dirty().dirtyPages()).isEqualTo(2);
        memory.write(3 * PAGE - 1, new byte[] {1});
        assertThat(next.dirty().isDirty(0)).isTrue();
        memory.startDirtyTracking();
        assertThat(low.dirty().dirtyPages()).as("starting again forgets nothing").isEqualTo(2);
        low.dirty().clear();
        memory.writeShortRelease(PAGE, (short) 1);
        assertThat(low.dirty().isDirty(1)).isTrue();
        assertThat(low.dirty().isDirty(0)).isFalse();
        MemoryRegion added = region(1L << 32, PAGE);
        memory.add(added);
        memory.fill(1L << 32, 1, (byte) 1);
        assertThat(added.dirty().dirtyPages()).isEqualTo(1);
        memory.stopDirtyTracking();
        assertThat(low.dirty()).isNull();
    }

    @Test
    void marksOnRequestPassingOverHoles() {
        memory.startDirtyTracking();
        memory.markDirty(2 * PAGE + 8, Long.MAX_VALUE);
        assertThat(low.dirty().dirtyPages()).isZero();
        assertThat(next.dirty().dirtyPages()).isEqualTo(1);
        assertThat(top.dirty().dirtyPages()).as("far beyond").isZero();
        memory.markDirty(-2 * PAGE, Long.MAX_VALUE);
        assertThat(top.dirty().dirtyPages()).isEqualTo(1);
        assertThat(low.dirty().dirtyPages()).as("does not come round at address 0").isZero();
        memory.markDirty(PAGE, 0);
        memory.markDirty(PAGE, -5);
        assertThat(low.dirty().dirtyPages()).isZero();
        memory.markDirty(PAGE, 1);
        assertThat(low.dirty().isDirty(1)).isTrue();
    }

    @Test
    void copiesInBulk() {
        var bytes = new byte[(int) (3 * PAGE)];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 31);
        }
        memory.write(0, bytes);
        assertThat(memory.read(0, bytes.length)).isEqualTo(bytes);
        memory.fill(PAGE + 1, 2 * PAGE - 2, (byte) 0x77);
        assertThat(memory.readByte(PAGE)).isEqualTo(bytes[(int) PAGE]);
        assertThat(memory.readByte(PAGE + 1)).isEqualTo((byte) 0x77);
        assertThat(memory.readByte(3 * PAGE - 1)).isEqualTo(bytes[(int) (3 * PAGE - 1)]);
        assertThatThrownBy(() -> memory.write(PAGE, new byte[(int) (2 * PAGE + 1)]))
                .isInstanceOf(GuestMemoryException.class);
        assertThat(memory.readByte(PAGE)).as("nothing is written of what does not fit").isEqualTo(bytes[(int) PAGE]);
    }

    @Test
    @Tag("allocation")
    void allocatesNothingPerTypedAccess() {
        memory.startDirtyTracking();
        var buffer = MemorySegment.ofArray(new byte[256]);
        assertThat(Allocations.perCall(20_000, () -> {
            memory.writeLong(0x100, memory.readLong(0x108) + 1);
            memory.writeInt(0x101, memory.readInt(0x109));
            memory.writeShort(0x103, memory.readShort(0x105));
            memory.writeByte(0x107, memory.readByte(0x100));
            memory.writeLong(2 * PAGE - 3, memory.readLong(2 * PAGE - 5)); // across regions
            memory.writeShortRelease(0x40, memory.readShortAcquire(0x42));
            memory.writeIntRelease(0x44, memory.readIntAcquire(0x48));
            memory.writeLongRelease(0x50, memory.readLongAcquire(0x58));
            memory.compareAndSetInt(0x60, 0, 0);
            memory.compareAndSetLong(0x68, 0, 0);
            memory.read(0x80, buffer);
            memory.write(0x280, buffer);
            memory.contains(0, 3 * PAGE);
        })).isZero();
    }

    @Test
    void namesWhatABadRegionIs() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(3 * PAGE, PAGE);
            for (Object[] bad : List.of(new Object[] {1L, bytes}, new Object[] {0L, bytes.asSlice(0, 100)},
                    new Object[] {0L, bytes.asSlice(8, PAGE)}, new Object[] {0L, bytes.asReadOnly()},
                    new Object[] {0L, bytes.asSlice(0, 0)}, new Object[] {-PAGE, bytes},
                    new Object[] {0L, MemorySegment.ofArray(new long[512])})) {
                assertThatThrownBy(() -> MemoryRegion.borrowed((long) bad[0], (MemorySegment) bad[1]))
                        .isInstanceOf(ConfigurationException.class);
            }
        }
        MemoryBlock block = low.block();
        assertThatThrownBy(() -> MemoryRegion.of(0, block, PAGE, 2 * PAGE)).isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("8192");
        assertThatThrownBy(() -> MemoryRegion.of(0, block, -PAGE, PAGE)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> MemoryRegion.of(0, block, PAGE, Long.MAX_VALUE))
                .isInstanceOf(ConfigurationException.class);
        MemoryRegion readOnly = low.asReadOnly();
        assertThat(readOnly.readOnly()).isTrue();
        assertThat(readOnly).hasToString("memory [0x0-0x1fff] read-only");
        assertThat(MemoryRegion.of(0, block, PAGE, PAGE).blockOffset()).isEqualTo(PAGE);
    }
}
