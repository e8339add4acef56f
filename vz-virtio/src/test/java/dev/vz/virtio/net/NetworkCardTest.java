package dev.vz.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.link.VnetHeader;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueKind;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Frames through the network card (virtio 1.3, 5.1.6.2 to 5.1.6.4). */
class NetworkCardTest {

    private static final byte[] OTHER = {0x52, 0x54, 0, 9, 9, 9};
    private static final long PLAIN = NetFeatures.MAC | NetFeatures.STATUS;
    private static final long LARGE = PLAIN | NetFeatures.CSUM | NetFeatures.GUEST_CSUM | NetFeatures.HOST_TSO4
            | NetFeatures.GUEST_TSO4 | NetFeatures.MRG_RXBUF;

    private record Started(QueueDriver receive, QueueDriver send) {}

    private static Started start(CardDriver net, long features) {
        net.driver.negotiate(features | net.driver.ringFeatures());
        QueueDriver receive = net.driver.enable(0, 16);
        QueueDriver send = net.driver.enable(1, 64);
        net.driver.driverOk();
        return new Started(receive, send);
    }

    private static byte[] frame(int length) {
        return CardDriver.frame(CardDriver.MAC, OTHER, length);
    }

    @ParameterizedTest
    @EnumSource
    void aFrameInOneBufferReachesTheLink(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            Started queues = start(net, PLAIN);
            byte[] sent = CardDriver.withHeader(frame(60));
            net.driver.memory.write(CardDriver.SEND, sent);
            net.driver.submit(1, queues.send, Buffer.readable(CardDriver.SEND, sent.length));
            assertThat(queues.send.complete()).isPresent();
            assertThat(net.network).containsExactly(sent);
            assertThat(net.card.counters().sentFrames()).isEqualTo(1);
            assertThat(net.card.counters().sentBytes()).isEqualTo(60);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFrameInSeveralBuffersIsPutTogether(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            Started queues = start(net, PLAIN);
            byte[] sent = CardDriver.withHeader(frame(1000));
            net.driver.memory.write(CardDriver.SEND, sent);
            net.driver.submit(1, queues.send, Buffer.readable(CardDriver.SEND, 7),
                    Buffer.readable(CardDriver.SEND + 7, 5), Buffer.readable(CardDriver.SEND + 12, 1000));
            assertThat(net.network).containsExactly(sent);
        }
    }

    @ParameterizedTest
    @EnumSource
    void manyFramesAreSentInOrderAndAllBuffersComeBack(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            Started queues = start(net, LARGE);
            for (int round = 0; round < 5; round++) {
                for (int i = 0; i < 60; i++) {
                    net.driver.memory.write(CardDriver.SEND + 128L * i, CardDriver.withHeader(frame(60 + i)));
                    queues.send.submit(List.of(Buffer.readable(CardDriver.SEND + 128L * i, 72 + i)));
                }
                net.driver.host.notifyQueue(1);
                net.driver.run();
                for (int i = 0; i < 60; i++) {
                    assertThat(queues.send.complete()).isPresent();
                }
            }
            assertThat(net.network).hasSize(300);
            for (int i = 0; i < 300; i++) {
                assertThat(net.network.get(i)).hasSize(72 + i % 60);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFrameFromTheLinkFillsABufferAndInterrupts(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            Started queues = start(net, PLAIN);
            net.post(queues.receive, 0, 0, CardDriver.RECEIVE_BYTES);
            assertThat(net.arrive(CardDriver.withHeader(frame(60)))).isEqualTo(1);
            assertThat(net.driver.queueInterrupts).isEqualTo(1);
            assertThat(net.received(queues.receive, 0)).hasValueSatisfying(bytes -> {
                assertThat(CardDriver.tail(bytes)).isEqualTo(frame(60));
                assertThat(VnetHeader.bufferCount(MemorySegment.ofArray(bytes), 0)).as("num_buffers (5.1.6.4)")
                        .isEqualTo(1);
            });
        }
    }

    @ParameterizedTest
    @EnumSource
    void framesForWhichThereIsNoBufferStayWithTheLink(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            Started queues = start(net, PLAIN);
            net.post(queues.receive, 0, 0, CardDriver.RECEIVE_BYTES);
            byte[] one = CardDriver.withHeader(frame(60));
            assertThat(net.arrive(one, one, one)).isEqualTo(1);
            net.post(queues.receive, 0, 1, CardDriver.RECEIVE_BYTES);
            assertThat(net.arrive(one)).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aLargeFrameIsSpreadOverMergeableBuffers(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            Started queues = start(net, LARGE);
            byte[] sent = CardDriver.withHeader(frame(5000));
            VnetHeader.set(MemorySegment.ofArray(sent), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, 1448, 34,
                    16);
            net.post(queues.receive, 0, 0, 2048);
            net.post(queues.receive, 0, 1, 2048);
            assertThat(net.arrive(sent)).as("two buffers are not enough").isZero();
            net.post(queues.receive, 0, 2, 2048);
            assertThat(net.arrive(sent)).isEqualTo(1);
            byte[] first = net.received(queues.receive, 0).orElseThrow();
            byte[] second = net.received(queues.receive, 1).orElseThrow();
            byte[] third = net.received(queues.receive, 2).orElseThrow();
            assertThat(VnetHeader.bufferCount(MemorySegment.ofArray(first), 0)).isEqualTo(3);
            assertThat(VnetHeader.gsoSize(MemorySegment.ofArray(first), 0)).isEqualTo(1448);
            assertThat(first).hasSize(2048);
            assertThat(second).hasSize(2048);
            assertThat(third).hasSize(5012 - 4096);
            var together = new byte[5012];
            System.arraycopy(first, 0, together, 0, 2048);
            System.arraycopy(second, 0, together, 2048, 2048);
            System.arraycopy(third, 0, together, 4096, third.length);
            assertThat(CardDriver.tail(together)).isEqualTo(CardDriver.tail(sent));
        }
    }

    @ParameterizedTest
    @EnumSource
    void withoutMergeableBuffersAFrameThatDoesNotFitIsLostAndTheBufferStays(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            Started queues = start(net, PLAIN);
            net.post(queues.receive, 0, 0, 100);
            assertThat(net.arrive(CardDriver.withHeader(frame(400)))).isEqualTo(1);
            assertThat(net.card.counters().receivedDropped()).isEqualTo(1);
            assertThat(net.arrive(CardDriver.withHeader(frame(60)))).isEqualTo(1);
            assertThat(net.received(queues.receive, 0)).isPresent();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aChecksumIsFilledInForADriverThatWouldNot(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            Started queues = start(net, PLAIN);
            net.post(queues.receive, 0, 0, CardDriver.RECEIVE_BYTES);
            byte[] sent = CardDriver.withHeader(frame(61));
            VnetHeader.set(MemorySegment.ofArray(sent), 0, VnetHeader.NEEDS_CSUM, 0, 0, 0, 34, 6);
            net.arrive(sent);
            byte[] bytes = net.received(queues.receive, 0).orElseThrow();
            assertThat(VnetHeader.flags(MemorySegment.ofArray(bytes), 0)).isZero();
            byte[] frame = CardDriver.tail(bytes);
            // Summed with its checksum in place, everything from csum_start gives all ones, the field's old value apart.
            long sum = 0;
            for (int i = 34; i < 61; i += 2) {
                sum += (frame[i] & 0xFF) << 8 | (i + 1 < 61 ? frame[i + 1] & 0xFF : 0);
            }
            int before = (frame(61)[40] & 0xFF) << 8 | frame(61)[41] & 0xFF;
            sum += before;
            while (sum >>> 16 != 0) {
                sum = (sum & 0xFFFF) + (sum >>> 16);
            }
            assertThat(sum).isEqualTo(0xFFFF);
        }
    }

    @Test
    void theOtherEndLearnsWhatTheDriverTakes() {
        try (var net = new CardDriver(QueueKind.SPLIT.features)) {
            assertThat(net.cable.b().features().tso4()).isTrue();
            start(net, PLAIN);
            assertThat(net.cable.b().features().checksum()).isFalse();
            assertThat(net.cable.b().features().tso4()).isFalse();
            net.driver.host.writeStatus(0);
            start(net, LARGE);
            assertThat(net.cable.b().features().tso4()).isTrue();
            assertThat(net.cable.b().features().tso6()).isFalse();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatWasNotAgreedOnIsNotSent(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            Started queues = start(net, PLAIN);
            for (int trial = 0; trial < 4; trial++) {
                byte[] sent = CardDriver.withHeader(frame(trial == 3 ? 1600 : 100));
                MemorySegment header = MemorySegment.ofArray(sent);
                if (trial == 0) {
                    VnetHeader.set(header, 0, VnetHeader.NEEDS_CSUM, 0, 0, 0, 34, 16);
                } else if (trial == 1) {
                    VnetHeader.set(header, 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, 50, 34, 16);
                } else if (trial == 2) {
                    VnetHeader.set(header, 0, 0, 77, 54, 50, 34, 16);
                }
                net.driver.memory.write(CardDriver.SEND, sent);
                net.driver.submit(1, queues.send, Buffer.readable(CardDriver.SEND, sent.length));
                assertThat(queues.send.complete()).as("the buffer comes back all the same").isPresent();
            }
            assertThat(net.network).isEmpty();
            assertThat(net.card.counters().sentDropped()).isEqualTo(4);
        }
    }

    @Test
    void aChecksumThatWouldLieOutsideTheFrameIsNotSent() {
        try (var net = new CardDriver(QueueKind.PACKED.features)) {
            Started queues = start(net, LARGE);
            byte[] sent = CardDriver.withHeader(frame(60));
            VnetHeader.set(MemorySegment.ofArray(sent), 0, VnetHeader.NEEDS_CSUM, 0, 0, 0, 0xFFFF, 0xFFFF);
            net.driver.memory.write(CardDriver.SEND, sent);
            net.driver.submit(1, queues.send, Buffer.readable(CardDriver.SEND, sent.length));
            assertThat(net.network).isEmpty();
            assertThat(queues.send.complete()).isPresent();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFrameToSendWithABufferToWriteNeedsAReset(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            Started queues = start(net, PLAIN);
            net.driver.submit(1, queues.send, Buffer.readable(CardDriver.SEND, 72), Buffer.writable(0x8000, 4));
            assertThat(net.driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
            assertThat(net.driver.configInterrupts).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aReceiveBufferToReadNeedsAReset(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            Started queues = start(net, PLAIN);
            net.driver.submit(0, queues.receive, Buffer.readable(CardDriver.RECEIVE, 2000));
            net.arrive(CardDriver.withHeader(frame(60)));
            assertThat(net.driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
        }
    }

    @Test
    void afterAResetNothingIsDelivered() {
        try (var net = new CardDriver(QueueKind.SPLIT.features)) {
            Started queues = start(net, PLAIN);
            net.post(queues.receive, 0, 0, CardDriver.RECEIVE_BYTES);
            net.driver.host.writeStatus(0);
            assertThat(net.arrive(CardDriver.withHeader(frame(60)))).as("dropped, as by a loose cable").isEqualTo(1);
            assertThat(queues.receive.complete()).isEmpty();
            assertThat(net.driver.queueInterrupts).isZero();
        }
    }

    @Test
    void featuresThatLackWhatTheyRequireAreRefused() {
        long[] bad = {NetFeatures.GUEST_TSO4, NetFeatures.HOST_TSO6, NetFeatures.CTRL_RX, NetFeatures.MQ,
            NetFeatures.GUEST_ANNOUNCE, NetFeatures.CTRL_VQ | NetFeatures.CTRL_RX_EXTRA,
            NetFeatures.GUEST_CSUM | NetFeatures.GUEST_ECN};
        for (long features : bad) {
            try (var net = new CardDriver(QueueKind.SPLIT.features, LinkFeatures.all(), 2)) {
                int status = net.driver.negotiate(features | net.driver.ringFeatures());
                assertThat(status & DeviceHost.FEATURES_OK).as("features %x", features).isZero();
            }
        }
    }

    @Test
    void offersWhatTheLinkTakes() {
        try (var cable = new LinkPair("x", LinkFeatures.none().withMtu(9000))) {
            var card = new NetworkCard(cable.a(), CardDriver.MAC);
            assertThat(card.features() & (NetFeatures.CSUM | NetFeatures.HOST_TSO4 | NetFeatures.MQ)).isZero();
            assertThat(card.config().read(10, 2)).as("mtu").isEqualTo(9000);
            assertThat(card.config().read(0, 6)).isEqualTo(0x0302_0100_5452L);
            assertThatThrownBy(() -> new NetworkCard(cable.a(), new byte[] {1, 0, 0, 0, 0, 0}))
                    .isInstanceOf(ConfigurationException.class).hasMessageContaining("single station");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSavedCardGoesOnWhereItWas(QueueKind kind) {
        try (var net = new CardDriver(kind.features); var twin = new CardDriver(kind.features)) {
            Started queues = start(net, LARGE);
            net.post(queues.receive, 0, 0, CardDriver.RECEIVE_BYTES);
            net.driver.host.pause();
            NetState state = net.card.save();
            var host = net.driver.host.save();
            twin.driver.memory.write(0, net.driver.memory.read(0, 4 << 20));
            twin.driver.host.pause();
            twin.driver.host.restore(host);
            twin.card.restore(state);
            assertThat(twin.card.save()).isEqualTo(state);
            twin.driver.host.resume();
            twin.driver.run();
            assertThat(twin.arrive(CardDriver.withHeader(frame(99)))).isEqualTo(1);
            byte[] bytes = twin.driver.memory.read(CardDriver.RECEIVE, 111);
            assertThat(Arrays.copyOfRange(bytes, 12, 111)).isEqualTo(frame(99));
        }
    }
}
