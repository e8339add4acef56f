package dev.vz.net.bridge;

import static dev.vz.net.bridge.Stations.ALL;
import static dev.vz.net.bridge.Stations.frame;
import static dev.vz.net.bridge.Stations.mac;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import dev.vz.net.Frames;
import java.time.Duration;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Rates, queues and who gets which share of them, in virtual time. */
class RatesTest {

    @Property(tries = 200)
    void aBucketLetsItsRateThrough(@ForAll @LongRange(min = 1000, max = 100_000_000_000L) long rate,
            @ForAll @LongRange(min = 1, max = 50_000_000) long step) {
        var bucket = new TokenBucket();
        long burst = Math.max(rate / 100, 12_000);
        bucket.setLimit(new RateLimit(rate, burst));
        long passed = 0;
        long now = 0;
        for (int i = 0; i < 2000; i++) {
            while (bucket.take(8000, now)) {
                passed += 8000;
            }
            now += step;
        }
        double most = burst + (double) rate * now / 1e9 + 16_000;
        assertThat((double) passed).isLessThanOrEqualTo(most);
        // What comes in a step finds room beside what a frame has left; otherwise it runs over, and is lost.
        if (step * (double) rate / 1e9 + 8000 <= burst) {
            assertThat((double) passed).isGreaterThan(most * 0.9 - 40_000);
        }
    }

    @Test
    void aReceiveLimitDrops() {
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(PortSettings.standard().withRates(new RateLimit(8_000_000, 600_000), RateLimit.NONE));
            net.add(PortSettings.standard());
            byte[] frame = Frames.ethernet(mac(1), mac(0), Frames.LOCAL_TYPE, new byte[986]);
            for (int i = 0; i < 3000; i++) {
                net.send(0, frame);
                net.clock.advance(Duration.ofMillis(1));
                net.send(0, frame);
            }
            assertThat((double) net.counts().get(1)).isCloseTo(3000 + 75, within(10.0));
            assertThat(net.statistics(0).dropped(DropReason.RATE)).isGreaterThan(2900);
        }
    }

    @Test
    void aSendLimitDelaysAndSharesFairly() {
        try (var net = new Stations(SwitchSettings.standard())) {
            for (int i = 0; i < 3; i++) {
                net.add(PortSettings.standard());
            }
            net.add(PortSettings.standard().withRates(RateLimit.NONE, new RateLimit(8_000_000, 80_000)));
            net.send(3, frame(3, ALL));
            net.counts();
            // One station sends ten times what the other two do; all want more than there is.
            byte[][] frames = new byte[3][];
            for (int i = 0; i < 3; i++) {
                frames[i] = Frames.ethernet(mac(3), mac(i), Frames.LOCAL_TYPE, new byte[986]);
            }
            int[] shares = new int[3];
            for (int i = 0; i < 4000; i++) {
                for (int j = 0; j < 10; j++) {
                    net.send(0, frames[0]);
                }
                net.send(1, frames[1]);
                net.send(2, frames[2]);
                net.clock.advance(Duration.ofMillis(1));
                assertThat(net.network.run()).isLessThanOrEqualTo(1_000_000_000);
                for (byte[] got : net.got(3)) {
                    shares[got[11] - 1]++;
                }
            }
            int all = shares[0] + shares[1] + shares[2];
            assertThat(all).isCloseTo(4000, within(60));
            for (int share : shares) {
                assertThat((double) share).isCloseTo(all / 3.0, within(all * 0.05));
            }
            assertThat(net.statistics(3).dropped(DropReason.QUEUE_FULL)).isPositive();
        }
    }

    @Test
    void whatWaitsComesOutAsItWentIn() {
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(PortSettings.standard().withVlans(PortVlans.access(9)));
            net.add(PortSettings.standard().withVlans(PortVlans.trunk(0, 9))
                    .withRates(RateLimit.NONE, new RateLimit(1_000_000, 10_000)));
            for (int i = 0; i < 100; i++) {
                net.send(0, frame(0, ALL, i));
            }
            net.clock.advance(Duration.ofSeconds(1));
            net.network.run();
            for (int i = 0; i < 20; i++) {
                net.clock.advance(Duration.ofMillis(20));
                net.network.run();
            }
            var got = net.got(1);
            assertThat(got).hasSize(100);
            for (int i = 0; i < 100; i++) {
                assertThat(got.get(i)).isEqualTo(Frames.tagged(9, frame(0, ALL, i)));
            }
        }
    }

    /** Takes a few frames and then none until it is told to. */
    private static final class Narrow implements LinkPort {
        private int room;
        private int got;
        private @Nullable Runnable listener;

        @Override
        public String name() {
            return "narrow";
        }

        @Override
        public LinkFeatures features() {
            return LinkFeatures.all();
        }

        @Override
        public int send(FrameBatch batch) {
            int taken = Math.min(room, batch.count());
            room -= taken;
            got += taken;
            return taken;
        }

        @Override
        public void receive(@Nullable FrameSink sink) {}

        @Override
        public boolean isUp() {
            return true;
        }

        @Override
        public void onChange(@Nullable Runnable changed) {
            listener = changed;
        }

        @Override
        public void close() {}
    }

    @Test
    void whatAPortHasNoRoomForWaitsUntilItSaysSo() {
        var narrow = new Narrow();
        narrow.room = 3;
        try (var net = Stations.standard(1)) {
            SwitchPort port = net.network.add(narrow, PortSettings.standard());
            for (int i = 0; i < 10; i++) {
                net.send(0, frame(0, ALL), frame(0, ALL));
            }
            assertThat(narrow.got).isEqualTo(3);
            assertThat(port.statistics().queued()).isEqualTo(17);
            narrow.room = 1000;
            Runnable told = narrow.listener;
            assertThat(told).isNotNull();
            told.run();
            assertThat(narrow.got).isEqualTo(20);
            assertThat(port.statistics().queued()).isZero();
        }
    }

    @Test
    void aQueueThatIsFullDropsAndCounts() {
        var narrow = new Narrow();
        try (var net = Stations.standard(1)) {
            SwitchPort port = net.network.add(narrow, PortSettings.standard().withQueueBytes(1 << 18));
            byte[] frame = Frames.ethernet(ALL, mac(0), Frames.LOCAL_TYPE, new byte[1486]);
            for (int i = 0; i < 1000; i++) {
                net.send(0, frame);
            }
            int waiting = port.statistics().queued();
            assertThat(waiting).isCloseTo((1 << 18) / 1500, within(2));
            assertThat(port.statistics().dropped(DropReason.QUEUE_FULL)).isEqualTo(1000 - waiting);
        }
    }
}
