package dev.vz.net.port;

import static dev.vz.net.Frames.LOCAL_TYPE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vz.link.LinkFeatures;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.net.time.ManualClock;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A bad cable in virtual time. */
class ImpairedLinkTest {

    private final ManualClock clock = new ManualClock();

    private ImpairedLink link(Impairment forward) {
        return new ImpairedLink("bad", LinkFeatures.none(), forward, Impairment.none(), clock, 42);
    }

    private static byte[] frame(int number, int size) {
        byte[] payload = new byte[size - 14];
        payload[0] = (byte) (number >>> 8);
        payload[1] = (byte) number;
        return Frames.ethernet(2, 1, LOCAL_TYPE, payload);
    }

    private static int number(byte[] frame) {
        return (frame[14] & 0xFF) << 8 | frame[15] & 0xFF;
    }

    @Test
    void aFrameTakesItsDelay() {
        try (var link = link(Impairment.none().withDelay(Duration.ofMillis(10), Duration.ZERO))) {
            var arrived = Collector.on(link.b());
            Frames.send(link.a(), frame(1, 60));
            assertThat(link.run()).isEqualTo(10_000_000);
            clock.advance(9_999_999);
            assertThat(link.run()).isEqualTo(1);
            assertThat(arrived.frames()).isEmpty();
            clock.advance(1);
            assertThat(link.run()).isEqualTo(ImpairedLink.IDLE);
            assertThat(arrived.frames()).hasSize(1);
            assertThat(arrived.frames().getFirst()).isEqualTo(frame(1, 60));
        }
    }

    @Test
    void jitterDoesNotReorder() {
        try (var link = link(Impairment.none().withDelay(Duration.ofMillis(1), Duration.ofMillis(50)))) {
            var arrived = Collector.on(link.b());
            for (int i = 0; i < 500; i++) {
                Frames.send(link.a(), frame(i, 60));
                clock.advance(100_000);
                link.run();
            }
            clock.advance(100_000_000);
            link.run();
            assertThat(arrived.frames()).hasSize(500).extracting(ImpairedLinkTest::number).isSorted();
        }
    }

    @Test
    void shareOfLossAndOfDuplicatesAreAsAsked() {
        try (var link = link(Impairment.none().withLoss(0.1).withDuplicate(0.2))) {
            var arrived = Collector.on(link.b());
            for (int i = 0; i < 10_000; i++) {
                Frames.send(link.a(), frame(i, 60));
                link.run();
            }
            assertThat((double) link.lost()).isCloseTo(1000, within(150.0));
            assertThat((double) arrived.frames().size()).isCloseTo(9000 * 1.2, within(300.0));
            assertThat(link.dropped()).isZero();
        }
    }

    @Test
    void reorderedFramesOvertakeAndNoneIsLost() {
        try (var link = link(Impairment.none().withDelay(Duration.ofMillis(5), Duration.ZERO).withReorder(0.2))) {
            var arrived = Collector.on(link.b());
            for (int i = 0; i < 200; i++) {
                Frames.send(link.a(), frame(i, 60));
                clock.advance(100_000);
                link.run();
            }
            clock.advance(10_000_000);
            link.run();
            var numbers = arrived.frames().stream().map(ImpairedLinkTest::number).toList();
            assertThat(new HashSet<>(numbers)).hasSize(200);
            assertThat(numbers).hasSize(200).isNotEqualTo(numbers.stream().sorted().toList());
        }
    }

    @Test
    void aRateSpacesFramesAndAQueueIsBounded() {
        // 1250 bytes at 10 Mbit/s take one millisecond.
        try (var link = link(Impairment.none().withRate(10_000_000, 12_500))) {
            var arrived = Collector.on(link.b());
            for (int i = 0; i < 20; i++) {
                Frames.send(link.a(), frame(i, 1250));
            }
            assertThat(link.dropped()).isEqualTo(10);
            assertThat(link.run()).isEqualTo(1_000_000);
            for (int i = 1; i <= 10; i++) {
                clock.advance(1_000_000);
                link.run();
                assertThat(arrived.frames()).hasSize(i);
            }
        }
    }

    @Test
    void theSameSeedGivesTheSameAccidents() {
        var first = accidents();
        assertThat(accidents()).isEqualTo(first).isNotEmpty();
    }

    private List<Integer> accidents() {
        var time = new ManualClock();
        try (var link = new ImpairedLink("bad", LinkFeatures.none(), Impairment.none().withLoss(0.5),
                Impairment.none(), time, 7)) {
            var arrived = Collector.on(link.b());
            for (int i = 0; i < 100; i++) {
                Frames.send(link.a(), frame(i, 60));
                link.run();
            }
            return arrived.frames().stream().map(ImpairedLinkTest::number).toList();
        }
    }
}
