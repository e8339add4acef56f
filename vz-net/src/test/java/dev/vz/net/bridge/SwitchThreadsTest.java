package dev.vz.net.bridge;

import static dev.vz.net.bridge.Stations.frame;
import static dev.vz.net.bridge.Stations.mac;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.net.Frames;
import dev.vz.net.MacAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Ports that deliver on threads of their own, and stations that answer on the thread that delivers. */
@Timeout(120)
class SwitchThreadsTest {

    @Test
    void noFrameIsLostOrDoubledAmongThreads() throws Exception {
        int stations = 4;
        int rounds = 3000;
        try (var network = new VirtualSwitch("threads", SwitchSettings.standard())) {
            List<LinkPair> cables = new ArrayList<>();
            AtomicLong[] got = new AtomicLong[stations];
            AtomicLong foreign = new AtomicLong();
            for (int i = 0; i < stations; i++) {
                var cable = new LinkPair("s" + i, LinkFeatures.all());
                cables.add(cable);
                network.add(cable.a(), PortSettings.standard().withQueueBytes(64 << 20));
                AtomicLong count = new AtomicLong();
                got[i] = count;
                long own = mac(i);
                cable.b().receive(batch -> {
                    for (int k = 0; k < batch.count(); k++) {
                        byte[] bytes = Frames.copy(batch, k);
                        long to = MacAddress.of(bytes, 0).value();
                        (to == own ? count : foreign).incrementAndGet();
                    }
                    return batch.count();
                });
            }
            for (int i = 0; i < stations; i++) {
                Frames.send(cables.get(i).b(), frame(i, mac(i)));
            }
            foreign.set(0);
            var begin = new CountDownLatch(1);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < stations; i++) {
                int from = i;
                threads.add(Thread.ofPlatform().start(() -> {
                    FrameBatch batch = Frames.batch(frame(from, mac((from + 1) % 4)), frame(from, mac((from + 2) % 4)),
                            frame(from, mac((from + 3) % 4)));
                    try {
                        begin.await();
                    } catch (InterruptedException interruption) {
                        return;
                    }
                    for (int k = 0; k < rounds; k++) {
                        cables.get(from).b().send(batch);
                    }
                }));
            }
            begin.countDown();
            for (Thread thread : threads) {
                thread.join();
            }
            // What one thread left to another that was just leaving is sent when time passes.
            for (int i = 0; i < 1000
                    && network.ports().stream().anyMatch(port -> port.statistics().queued() > 0); i++) {
                network.run();
            }
            long lost = network.ports().stream()
                    .mapToLong(port -> port.statistics().dropped(DropReason.QUEUE_FULL)).sum();
            long all = 0;
            for (AtomicLong count : got) {
                all += count.get();
            }
            assertThat(foreign.get()).isZero();
            assertThat(all + lost).isEqualTo(3L * stations * rounds);
            assertThat(lost).isZero();
        }
    }

    @Test
    void aStationThatAnswersAtOnceDoesNotBlockItself() {
        try (var net = Stations.standard(2)) {
            net.send(0, frame(0, mac(0)));
            net.send(1, frame(1, mac(1)));
            net.counts();
            AtomicLong answered = new AtomicLong();
            for (int i = 0; i < 2; i++) {
                int self = i;
                net.cable(i).b().receive(batch -> {
                    if (answered.incrementAndGet() < 1000) {
                        net.send(self, frame(self, mac(1 - self)));
                    }
                    return batch.count();
                });
            }
            net.send(0, frame(0, mac(1)));
            for (int i = 0; i < 200; i++) {
                net.network.run();
            }
            assertThat(answered.get()).isGreaterThanOrEqualTo(100);
            assertThat(net.network.ports()).allSatisfy(
                    port -> assertThat(port.statistics().drops()).doesNotContainKey(DropReason.LOOP));
        }
    }
}
