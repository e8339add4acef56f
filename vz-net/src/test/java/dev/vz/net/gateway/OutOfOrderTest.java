package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** What arrived too early, beside a set of its bytes: RFC 2018, 3 and 4. */
class OutOfOrderTest {

    private static final int STREAM = 300_000;
    private static final byte[] CONTENT = new byte[2 * STREAM];

    static {
        new Random(5).nextBytes(CONTENT);
    }

    private record Block(int start, int end) {}

    private final MemorySegment option = Arena.ofAuto().allocate(OutOfOrder.LONGEST_OPTION);

    private static void add(OutOfOrder ahead, int base, int offset, int length) {
        ahead.add(MemorySegment.ofArray(CONTENT), offset, length, base + offset);
    }

    private List<Block> blocks(OutOfOrder ahead, int base) {
        int length = ahead.writeOption(option, 0);
        var blocks = new ArrayList<Block>();
        if (length > 0) {
            assertThat(length % 4).isZero();
            assertThat(Wire.i32(option, 0)).isEqualTo(0x0101_0500 | length - 2);
            for (int at = 4; at < length; at += 8) {
                blocks.add(new Block(Wire.i32(option, at) - base, Wire.i32(option, at + 4) - base));
            }
        }
        return blocks;
    }

    private static BitSet held(OutOfOrder ahead, int base) {
        var held = new BitSet();
        for (int i = 0; i < ahead.count(); i++) {
            int offset = ahead.sequence(i) - base;
            assertThat(ahead.piece(i).asSlice(0, ahead.length(i))
                    .mismatch(MemorySegment.ofArray(CONTENT).asSlice(offset, ahead.length(i)))).isEqualTo(-1);
            held.set(offset, offset + ahead.length(i));
        }
        return held;
    }

    @Property(tries = 100)
    void blocksAreTheRangesThatAreHereTheLastFirst(@ForAll int base, @ForAll long seed) {
        var random = new Random(seed);
        var ahead = new OutOfOrder(new StagingPool(Arena.ofAuto(), 12 * StagingPool.PIECE));
        var offered = new BitSet();
        for (int step = 0; step < 40; step++) {
            int offset = random.nextInt(STREAM);
            int length = 1 + random.nextInt(random.nextBoolean() ? 3_000 : 60_000);
            if (random.nextInt(3) == 0 && !offered.isEmpty()) {
                int behind = offered.nextClearBit(offered.nextSetBit(random.nextInt(offered.length())));
                // Ever more behind the last would leave the stream.
                offset = Math.min(behind, STREAM);
            }
            add(ahead, base, offset, length);
            offered.set(offset, offset + length);
            BitSet held = held(ahead, base);
            List<Block> blocks = blocks(ahead, base);
            assertThat(blocks).doesNotHaveDuplicates().hasSizeLessThanOrEqualTo(4).isNotEmpty();
            for (Block block : blocks) {
                assertThat(held.nextClearBit(block.start())).as("end of %s", block).isEqualTo(block.end());
                assertThat(block.start() > 0 && held.get(block.start() - 1)).as("more before %s", block).isFalse();
            }
            if (held.get(offset)) {
                assertThat(blocks.getFirst().start()).isLessThanOrEqualTo(offset);
                assertThat(blocks.getFirst().end()).isGreaterThan(offset);
            }
            var surplus = (BitSet) held.clone();
            surplus.andNot(offered);
            assertThat(surplus.isEmpty()).isTrue();
        }
    }

    @Test
    void aWindowOfSmallSegmentsBehindALossFindsRoom() {
        var ahead = new OutOfOrder(new StagingPool(Arena.ofAuto(), 16 * StagingPool.PIECE));
        for (int offset = 1460; offset < STREAM; offset += 1460) {
            add(ahead, -2000, offset, 1460);
        }
        assertThat(blocks(ahead, -2000)).containsExactly(new Block(1460, (STREAM + 1459) / 1460 * 1460));
    }

    @Test
    void withoutMemoryNothingIsPromised() {
        var ahead = new OutOfOrder(new StagingPool(Arena.ofAuto(), 0));
        add(ahead, 0, 100, 50);
        assertThat(ahead.isEmpty()).isTrue();
        assertThat(blocks(ahead, 0)).isEmpty();
    }
}
