package dev.vz.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.testing.Allocations;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class LinkTest {

    private final MemorySegment frame = MemorySegment.ofArray(new byte[256]);
    private final LinkPair cable = new LinkPair("cable", LinkFeatures.all());

    private FrameBatch batch(int frames) {
        var batch = new FrameBatch();
        for (int i = 0; i < frames; i++) {
            assertThat(batch.add(frame, 0, 72)).isTrue();
        }
        return batch;
    }

    @Test
    void carriesFramesToTheOtherEnd() {
        var lengths = new ArrayList<Integer>();
        cable.b().receive(received -> {
            for (int i = 0; i < received.count(); i++) {
                lengths.add(received.frameLength(i));
            }
            return received.count();
        });
        assertThat(cable.a().send(batch(3))).isEqualTo(3);
        assertThat(lengths).containsExactly(60, 60, 60);
        assertThat(cable.a().name()).isEqualTo("cable-a");
        assertThat(cable.dropped()).isZero();
    }

    @Test
    void dropsAndCountsWhereNobodyReceives() {
        assertThat(cable.a().send(batch(5))).isEqualTo(5);
        assertThat(cable.dropped()).isEqualTo(5);
    }

    @Test
    void tellsTheSenderOfRoomAndOfTheEndOfTheLink() {
        var changes = new AtomicInteger();
        cable.a().onChange(changes::incrementAndGet);
        cable.b().receive(received -> 0);
        assertThat(changes).hasValue(1);
        assertThat(cable.a().send(batch(2))).as("a sink without room").isZero();
        assertThat(cable.a().isUp()).isTrue();
        cable.b().close();
        cable.b().close();
        assertThat(changes).as("told once").hasValue(2);
        assertThat(cable.a().isUp()).isFalse();
        assertThat(cable.a().send(batch(2))).isZero();
        cable.close();
        assertThat(cable.dropped()).isZero();
    }

    @Test
    @Timeout(120)
    void waitsForADeliveryInFlightWhenItCloses() throws Exception {
        var inside = new CountDownLatch(1);
        var goOn = new CountDownLatch(1);
        cable.b().receive(received -> {
            inside.countDown();
            try {
                goOn.await();
            } catch (InterruptedException failure) {
                throw new AssertionError(failure);
            }
            return received.count();
        });
        Thread sender = Thread.ofPlatform().start(() -> cable.a().send(batch(1)));
        inside.await();
        var closed = new AtomicBoolean();
        Thread closer = Thread.ofPlatform().start(() -> {
            cable.b().close();
            closed.set(true);
        });
        closer.join(50);
        assertThat(closed).isFalse();
        goOn.countDown();
        closer.join();
        sender.join();
        assertThat(closed).isTrue();
    }

    @Test
    @Timeout(120)
    void letsASinkCloseItsOwnPort() {
        cable.b().receive(received -> {
            cable.b().close();
            return received.count();
        });
        assertThat(cable.a().send(batch(1))).isEqualTo(1);
        assertThat(cable.a().send(batch(1))).isZero();
    }

    @Test
    @Timeout(120)
    void neverCallsTheSinkAfterTheClose() throws Exception {
        for (int round = 0; round < 300; round++) {
            var pair = new LinkPair("race", LinkFeatures.none());
            var gone = new AtomicBoolean();
            var late = new AtomicInteger();
            pair.b().receive(received -> {
                if (gone.get()) {
                    late.incrementAndGet();
                }
                return received.count();
            });
            var started = new CountDownLatch(1);
            Thread sender = Thread.ofPlatform().start(() -> {
                FrameBatch one = batch(1);
                started.countDown();
                while (pair.a().send(one) != 0) {
                    Thread.onSpinWait();
                }
            });
            started.await();
            pair.b().close();
            gone.set(true);
            sender.join();
            assertThat(late).hasValue(0);
        }
    }

    @Test
    void refusesFramesThatAreNot() {
        var batch = new FrameBatch();
        for (long[] bad : new long[][] {{0, 257}, {250, 12}, {-1, 20}, {0, 11}, {0, -1}, {Long.MAX_VALUE, 12},
            {0, Integer.MAX_VALUE}}) {
            assertThatThrownBy(() -> batch.add(frame, bad[0], (int) bad[1]))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
        assertThat(batch.add(frame, 0, VnetHeader.SIZE)).as("an empty frame after its header").isTrue();
        while (!batch.isFull()) {
            batch.add(frame, 0, 20);
        }
        assertThat(batch.count()).isEqualTo(FrameBatch.CAPACITY);
        assertThat(batch.add(frame, 0, 20)).isFalse();
        assertThatThrownBy(() -> batch.segment(64)).isInstanceOf(IndexOutOfBoundsException.class);
        batch.clear();
        assertThatThrownBy(() -> batch.length(0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(batch.add(batch(1), 0)).isTrue();
        assertThat(batch.frameOffset(0)).isEqualTo(12);
    }

    @Property
    void writesTheVirtioHeader(@ForAll @IntRange(min = 0, max = 255) int flags,
            @ForAll @IntRange(min = 0, max = 255) int gso, @ForAll @IntRange(min = 0, max = 0xFFFF) int a,
            @ForAll @IntRange(min = 0, max = 0xFFFF) int b, @ForAll @IntRange(min = 0, max = 7) int at) {
        MemorySegment bytes = MemorySegment.ofArray(new byte[32]);
        VnetHeader.set(bytes, at, flags, gso, a, b, a ^ 0x5555, b ^ 0x3333);
        VnetHeader.setBufferCount(bytes, at, b);
        assertThat(VnetHeader.flags(bytes, at)).isEqualTo(flags);
        assertThat(VnetHeader.gsoType(bytes, at)).isEqualTo(gso);
        assertThat(VnetHeader.headerLength(bytes, at)).isEqualTo(a);
        assertThat(VnetHeader.gsoSize(bytes, at)).isEqualTo(b);
        assertThat(VnetHeader.checksumStart(bytes, at)).isEqualTo(a ^ 0x5555);
        assertThat(VnetHeader.checksumOffset(bytes, at)).isEqualTo(b ^ 0x3333);
        assertThat(VnetHeader.bufferCount(bytes, at)).isEqualTo(b);
        VnetHeader.clear(bytes, at);
        assertThat(bytes.mismatch(MemorySegment.ofArray(new byte[32]))).isEqualTo(-1);
    }

    @Test
    void agreesOnWhatBothEndsTake() {
        LinkFeatures some = new LinkFeatures(true, false, true, false, true, 9000);
        assertThat(LinkFeatures.all().and(some)).isEqualTo(some.withMtu(1500));
        assertThat(LinkFeatures.none().and(some)).isEqualTo(LinkFeatures.none());
    }

    @Test
    @Tag("allocation")
    void allocatesNothingPerBatch() {
        var counted = new int[1];
        cable.b().receive(received -> {
            counted[0] += received.count();
            return received.count();
        });
        var batch = new FrameBatch();
        assertThat(Allocations.perCall(20_000, () -> {
            batch.clear();
            for (int i = 0; i < 8; i++) {
                batch.add(frame, 0, 72);
            }
            cable.a().send(batch);
        })).isZero();
        assertThat(counted[0]).isPositive();
    }
}
