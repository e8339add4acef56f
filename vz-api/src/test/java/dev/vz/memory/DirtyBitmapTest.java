package dev.vz.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.testing.Allocations;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tuple;
import net.jqwik.api.Tuple.Tuple2;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class DirtyBitmapTest {

    private static final int PAGES = 200;

    @Provide
    Arbitrary<List<Tuple2<Long, Long>>> ranges() {
        long bytes = PAGES * DirtyBitmap.PAGE;
        return Arbitraries.longs().between(0, bytes).flatMap(
                offset -> Arbitraries.longs().between(0, bytes - offset).map(length -> Tuple.of(offset, length))).list()
                .ofMaxSize(6);
    }

    @Property
    void marksExactlyThePagesThatARangeTouches(@ForAll("ranges") List<Tuple2<Long, Long>> ranges) {
        var bitmap = new DirtyBitmap(PAGES * DirtyBitmap.PAGE);
        var model = new BitSet();
        for (Tuple2<Long, Long> range : ranges) {
            bitmap.mark(range.get1(), range.get2());
            if (range.get2() > 0) {
                model.set((int) (range.get1() / 4096), (int) ((range.get1() + range.get2() - 1) / 4096) + 1);
            }
        }
        assertThat(bitmap.dirtyPages()).isEqualTo(model.cardinality());
        for (int page = 0; page < PAGES; page++) {
            assertThat(bitmap.isDirty(page)).as("page %d", page).isEqualTo(model.get(page));
        }
        assertThat(bitmap.word(bitmap.wordCount() - 1) >>> PAGES % 64).as("bits past the last page").isZero();

        var target = new DirtyBitmap(PAGES * DirtyBitmap.PAGE);
        bitmap.drainInto(target);
        assertThat(bitmap.dirtyPages()).isZero();
        assertThat(target.dirtyPages()).isEqualTo(model.cardinality());
    }

    @Test
    void refusesWhatItDoesNotCover() {
        var bitmap = new DirtyBitmap(5 * DirtyBitmap.PAGE - 1);
        assertThat(bitmap.pages()).isEqualTo(5);
        bitmap.mark(4 * DirtyBitmap.PAGE, DirtyBitmap.PAGE);
        for (long[] bad : new long[][] {{5 * DirtyBitmap.PAGE, 1}, {0, 5 * DirtyBitmap.PAGE + 1}, {-1, 1}, {0, -1},
            {1, Long.MAX_VALUE}, {Long.MAX_VALUE, 1}, {Long.MIN_VALUE, 1}}) {
            assertThatThrownBy(() -> bitmap.mark(bad[0], bad[1])).isInstanceOf(IndexOutOfBoundsException.class);
        }
        assertThatThrownBy(() -> bitmap.isDirty(5)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> bitmap.isDirty(1L << 40)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(bitmap.dirtyPages()).isEqualTo(1);
        assertThatThrownBy(() -> new DirtyBitmap(0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new DirtyBitmap(Long.MAX_VALUE)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> bitmap.drainInto(new DirtyBitmap(4096))).isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("5 pages").hasMessageContaining("1");
    }

    @Test
    void hasTheLayoutOfTheKernelsDirtyLog() {
        var bitmap = new DirtyBitmap(130 * DirtyBitmap.PAGE);
        bitmap.mark(0, 1);
        bitmap.mark(63 * DirtyBitmap.PAGE, 1);
        bitmap.mark(65 * DirtyBitmap.PAGE, 1);
        bitmap.merge(2, 0b10);
        bitmap.merge(2, 0);
        assertThat(bitmap.word(0)).isEqualTo(1L << 63 | 1);
        assertThat(bitmap.word(1)).isEqualTo(2);
        assertThat(bitmap.isDirty(129)).isTrue();
        assertThat(bitmap.drain(0)).isEqualTo(1L << 63 | 1);
        assertThat(bitmap.drain(0)).isZero();
        bitmap.clear();
        assertThat(bitmap.dirtyPages()).isZero();
    }

    /**
     * One thread writes a page and marks it while another drains the mark of an earlier write and copies the page. Once
     * both are done the page is marked, or the copy has the write: a look at the mark that overtakes the write shows here
     * within some thousand rounds.
     */
    @Test
    @Timeout(120)
    void neverLosesAWriteBetweenMarkingAndDraining() throws Exception {
        int rounds = 100_000;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment page = arena.allocate(DirtyBitmap.PAGE, 64);
            var bitmap = new DirtyBitmap(DirtyBitmap.PAGE);
            var started = new AtomicInteger();
            var written = new AtomicInteger();
            Thread writer = Thread.ofPlatform().start(() -> {
                for (int round = 1; round <= rounds; round++) {
                    await(started, round);
                    page.set(ValueLayout.JAVA_LONG, 0, round);
                    bitmap.mark(0, 8);
                    written.setRelease(round);
                }
            });
            int lost = 0;
            for (int round = 1; round <= rounds; round++) {
                bitmap.mark(0, 1);
                started.setRelease(round);
                for (int i = 0; i < (round & 0x3F); i++) {
                    Thread.onSpinWait(); // meets the writer at another point each time
                }
                bitmap.drain(0);
                long copy = page.get(ValueLayout.JAVA_LONG, 0);
                await(written, round);
                if (copy != round && !bitmap.isDirty(0)) {
                    lost++;
                }
            }
            writer.join();
            assertThat(lost).isZero();
        }
    }

    private static void await(AtomicInteger counter, int value) {
        for (int spins = 0; counter.getAcquire() < value; spins++) {
            if (spins > 10_000) {
                Thread.yield(); // another process has the core
            } else {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    @Tag("allocation")
    void allocatesNothingToMarkAndDrain() {
        var bitmap = new DirtyBitmap(1 << 20);
        assertThat(Allocations.perCall(20_000, () -> {
            bitmap.mark(5_000, 300_000);
            bitmap.drain(0);
            bitmap.drain(1);
        })).isZero();
    }
}
