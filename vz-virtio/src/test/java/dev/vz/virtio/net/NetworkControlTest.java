package dev.vz.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.LinkFeatures;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The control queue of the network card, and what its commands do to frames (virtio 1.3, 5.1.6.5). */
class NetworkControlTest {

    private static final byte[] OTHER = {0x52, 0x54, 0, 9, 9, 9};
    private static final byte[] GROUP = {0x01, 0, 0x5E, 0, 0, 1};
    private static final byte[] EVERYBODY = {-1, -1, -1, -1, -1, -1};
    private static final long FEATURES = NetFeatures.MAC | NetFeatures.STATUS | NetFeatures.CTRL_VQ
            | NetFeatures.CTRL_RX | NetFeatures.CTRL_RX_EXTRA | NetFeatures.CTRL_MAC_ADDR
            | NetFeatures.GUEST_ANNOUNCE | NetFeatures.GUEST_CSUM | NetFeatures.GUEST_TSO4
            | NetFeatures.CTRL_GUEST_OFFLOADS;

    private static QueueDriver start(CardDriver net, long features, int pairs, List<QueueDriver> receive) {
        net.driver.negotiate(features | net.driver.ringFeatures());
        for (int i = 0; i < pairs; i++) {
            receive.add(net.driver.enable(2 * i, 16));
        }
        QueueDriver control = net.driver.enable(2 * pairs, 16);
        net.driver.driverOk();
        return control;
    }

    private static boolean reaches(CardDriver net, QueueDriver receive, byte[] destination) {
        byte[] frame = CardDriver.withHeader(CardDriver.frame(destination, OTHER, 64));
        return reaches(net, receive, frame, true);
    }

    private static boolean reaches(CardDriver net, QueueDriver receive, byte[] bytes, boolean post) {
        if (post) {
            net.post(receive, 0, 0, CardDriver.RECEIVE_BYTES);
        }
        long before = net.card.counters().receivedFrames();
        net.arrive(bytes);
        boolean came = net.card.counters().receivedFrames() > before;
        assertThat(receive.complete().isPresent()).isEqualTo(came);
        return came;
    }

    @ParameterizedTest
    @EnumSource
    void outOfPromiscuousModeOnlyTheOwnAddressAndBroadcastsPass(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            var queues = new ArrayList<QueueDriver>();
            QueueDriver control = start(net, FEATURES, 1, queues);
            QueueDriver receive = queues.getFirst();
            assertThat(reaches(net, receive, OTHER)).as("before the driver says anything").isTrue();
            assertThat(net.command(control, 2, 0, 0, (byte) 0)).isEqualTo(ControlQueue.OK);
            assertThat(reaches(net, receive, OTHER)).isFalse();
            assertThat(reaches(net, receive, GROUP)).isFalse();
            assertThat(reaches(net, receive, CardDriver.MAC)).isTrue();
            assertThat(reaches(net, receive, EVERYBODY)).isTrue();
            assertThat(net.card.counters().filtered()).isEqualTo(2);
        }
    }

    @Test
    void theModesOfReceivingAreSwitchedOneByOne() {
        try (var net = new CardDriver(QueueKind.SPLIT.features)) {
            var queues = new ArrayList<QueueDriver>();
            QueueDriver control = start(net, FEATURES, 1, queues);
            QueueDriver receive = queues.getFirst();
            net.command(control, 2, 0, 0, (byte) 0);
            net.command(control, 2, 0, 1, (byte) 1);
            assertThat(reaches(net, receive, GROUP)).as("ALLMULTI").isTrue();
            net.command(control, 2, 0, 3, (byte) 1);
            assertThat(reaches(net, receive, GROUP)).as("NOMULTI").isFalse();
            net.command(control, 2, 0, 2, (byte) 1);
            assertThat(reaches(net, receive, OTHER)).as("ALLUNI").isTrue();
            net.command(control, 2, 0, 4, (byte) 1);
            assertThat(reaches(net, receive, CardDriver.MAC)).as("NOUNI").isFalse();
            net.command(control, 2, 0, 5, (byte) 1);
            assertThat(reaches(net, receive, EVERYBODY)).as("NOBCAST").isFalse();
            assertThat(net.command(control, 2, 0, 6, (byte) 1)).isEqualTo(ControlQueue.ERR);
        }
    }

    @ParameterizedTest
    @EnumSource
    void theTablesOfAddressesAreReceived(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            var queues = new ArrayList<QueueDriver>();
            QueueDriver control = start(net, FEATURES, 1, queues);
            QueueDriver receive = queues.getFirst();
            net.command(control, 2, 0, 0, (byte) 0);
            assertThat(net.command(control, 2, 1, 0, tables(List.of(OTHER), List.of(GROUP)))).isEqualTo(0);
            assertThat(reaches(net, receive, OTHER)).isTrue();
            assertThat(reaches(net, receive, GROUP)).isTrue();
            assertThat(reaches(net, receive, new byte[] {2, 0, 0, 0, 0, 1})).isFalse();
        }
    }

    @Test
    void aTableOfMoreAddressesThanAreKeptMeansAll() {
        try (var net = new CardDriver(QueueKind.PACKED.features)) {
            var queues = new ArrayList<QueueDriver>();
            QueueDriver control = start(net, FEATURES, 1, queues);
            net.command(control, 2, 0, 0, (byte) 0);
            var many = new ArrayList<byte[]>();
            for (int i = 0; i <= ReceiveFilter.MOST; i++) {
                many.add(new byte[] {1, 2, 3, 4, 5, (byte) i});
            }
            assertThat(net.command(control, 2, 1, 0, tables(List.of(), many))).isEqualTo(ControlQueue.OK);
            assertThat(reaches(net, queues.getFirst(), GROUP)).isTrue();
            assertThat(reaches(net, queues.getFirst(), OTHER)).isFalse();
        }
    }

    @Test
    void aTableThatClaimsMoreEntriesThanItHasIsRefused() {
        try (var net = new CardDriver(QueueKind.SPLIT.features)) {
            var queues = new ArrayList<QueueDriver>();
            QueueDriver control = start(net, FEATURES, 1, queues);
            byte[] data = tables(List.of(OTHER), List.of());
            data[0] = -1;
            data[3] = -1;
            assertThat(net.command(control, 2, 1, 0, data)).isEqualTo(ControlQueue.ERR);
            assertThat(net.driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
        }
    }

    private static byte[] tables(List<byte[]> unicast, List<byte[]> multicast) {
        ByteBuffer b = ByteBuffer.allocate(8 + 6 * (unicast.size() + multicast.size())).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(unicast.size());
        unicast.forEach(b::put);
        b.putInt(multicast.size());
        multicast.forEach(b::put);
        return b.array();
    }

    @Test
    void theDriverChoosesAnotherAddress() {
        try (var net = new CardDriver(QueueKind.SPLIT.features)) {
            var queues = new ArrayList<QueueDriver>();
            QueueDriver control = start(net, FEATURES, 1, queues);
            net.command(control, 2, 0, 0, (byte) 0);
            assertThat(net.command(control, 2, 1, 1, OTHER)).isEqualTo(ControlQueue.OK);
            assertThat(reaches(net, queues.getFirst(), OTHER)).isTrue();
            assertThat(reaches(net, queues.getFirst(), CardDriver.MAC)).isFalse();
            assertThat(net.card.config().read(0, 1)).isEqualTo(0x52);
            net.driver.host.writeStatus(0);
            assertThat(net.card.config().read(5, 1)).as("its own again after a reset").isEqualTo(3);
        }
    }

    @Test
    void onlyTheVlansThatTheDriverNamesPass() {
        try (var net = new CardDriver(QueueKind.SPLIT_EVENT_IDX.features)) {
            var queues = new ArrayList<QueueDriver>();
            QueueDriver control = start(net, FEATURES | NetFeatures.CTRL_VLAN, 1, queues);
            QueueDriver receive = queues.getFirst();
            net.command(control, 2, 0, 0, (byte) 0);
            byte[] tagged = CardDriver.withHeader(CardDriver.frame(CardDriver.MAC, OTHER, 64));
            tagged[24] = (byte) 0x81;
            tagged[25] = 0;
            tagged[26] = 0x21;
            tagged[27] = 0x23; // priority 1, VLAN 0x123
            assertThat(reaches(net, receive, tagged, true)).isFalse();
            assertThat(net.command(control, 2, 2, 0, (byte) 0x23, (byte) 1)).isEqualTo(ControlQueue.OK);
            assertThat(reaches(net, receive, tagged, true)).isTrue();
            assertThat(net.command(control, 2, 2, 1, (byte) 0x23, (byte) 1)).isEqualTo(ControlQueue.OK);
            assertThat(reaches(net, receive, tagged, true)).isFalse();
            assertThat(net.command(control, 2, 2, 0, (byte) 0, (byte) 0x10)).as("VLAN 4096")
                    .isEqualTo(ControlQueue.ERR);
        }
    }

    @Test
    void anAnnouncementIsAskedForAndAnswered() {
        try (var net = new CardDriver(QueueKind.SPLIT.features)) {
            QueueDriver control = start(net, FEATURES, 1, new ArrayList<>());
            assertThat(net.command(control, 2, 3, 0)).as("nobody asked").isEqualTo(ControlQueue.ERR);
            net.card.announce();
            assertThat(net.driver.configInterrupts).isEqualTo(1);
            assertThat(net.card.config().read(6, 2)).isEqualTo(NetConfig.LINK_UP | NetConfig.ANNOUNCE);
            assertThat(net.command(control, 2, 3, 0)).isEqualTo(ControlQueue.OK);
            assertThat(net.card.config().read(6, 2)).isEqualTo(NetConfig.LINK_UP);
        }
    }

    @Test
    void aLinkThatGoesDownIsTold() {
        try (var net = new CardDriver(QueueKind.SPLIT.features)) {
            start(net, FEATURES, 1, new ArrayList<>());
            net.cable.b().close();
            assertThat(net.card.config().read(6, 2)).isZero();
            assertThat(net.driver.configInterrupts).isPositive();
        }
    }

    @Test
    void offloadsAreSwitchedWithinWhatWasAgreedOn() {
        try (var net = new CardDriver(QueueKind.SPLIT.features)) {
            QueueDriver control = start(net, FEATURES, 1, new ArrayList<>());
            assertThat(net.cable.b().features().tso4()).isTrue();
            var none = new byte[8];
            assertThat(net.command(control, 2, 5, 0, none)).isEqualTo(ControlQueue.OK);
            assertThat(net.cable.b().features().checksum()).isFalse();
            var tso6 = new byte[8];
            tso6[1] = 1;
            assertThat(net.command(control, 2, 5, 0, tso6)).isEqualTo(ControlQueue.ERR);
        }
    }

    @ParameterizedTest
    @EnumSource
    void pairsOutsideTheRangeAreRefused(QueueKind kind) {
        try (var net = new CardDriver(kind.features, LinkFeatures.all(), 4)) {
            QueueDriver control = start(net, FEATURES | NetFeatures.MQ, 4, new ArrayList<>());
            for (int pairs : new int[] {0, 5, 0x8000, 0xFFFF}) {
                assertThat(net.command(control, 8, 4, 0, (byte) pairs, (byte) (pairs >> 8))).as("%d pairs", pairs)
                        .isEqualTo(ControlQueue.ERR);
            }
            assertThat(net.command(control, 8, 4, 0, (byte) 4, (byte) 0)).isEqualTo(ControlQueue.OK);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFlowIsReceivedWhereTheDriverSendsIt(QueueKind kind) {
        try (var net = new CardDriver(kind.features, LinkFeatures.all(), 4)) {
            var queues = new ArrayList<QueueDriver>();
            QueueDriver control = start(net, FEATURES | NetFeatures.MQ, 4, queues);
            QueueDriver send = net.driver.enable(5, 16);
            net.command(control, 8, 4, 0, (byte) 4, (byte) 0);
            byte[] out = CardDriver.withHeader(CardDriver.frame(OTHER, CardDriver.MAC, 64));
            net.driver.memory.write(CardDriver.SEND, out);
            net.driver.submit(5, send, Buffer.readable(CardDriver.SEND, out.length));
            for (int i = 0; i < 4; i++) {
                net.driver.submit(2 * i, queues.get(i), Buffer.writable(CardDriver.RECEIVE + i * 0x10000L, 1526));
            }
            net.arrive(CardDriver.withHeader(CardDriver.frame(CardDriver.MAC, OTHER, 64)));
            for (int i = 0; i < 4; i++) {
                assertThat(queues.get(i).complete().isPresent()).as("pair %d", i).isEqualTo(i == 2);
            }
        }
    }

    @Test
    void withoutMultiQueueTheControlQueueIsTheThird() {
        try (var net = new CardDriver(QueueKind.SPLIT.features, LinkFeatures.all(), 4)) {
            QueueDriver control = start(net, FEATURES, 1, new ArrayList<>());
            assertThat(net.command(control, 2, 0, 0, (byte) 0)).isEqualTo(ControlQueue.OK);
            assertThat(net.command(control, 2, 4, 0, (byte) 1, (byte) 0)).as("MQ was not agreed on")
                    .isEqualTo(ControlQueue.ERR);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCommandWithoutRoomForTheAnswerNeedsAReset(QueueKind kind) {
        try (var net = new CardDriver(kind.features)) {
            QueueDriver control = start(net, FEATURES, 1, new ArrayList<>());
            net.driver.submit(2, control, Buffer.readable(CardDriver.COMMAND, 3));
            assertThat(net.driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
        }
    }

    @Test
    void unknownCommandsAreRefused() {
        try (var net = new CardDriver(QueueKind.SPLIT.features)) {
            QueueDriver control = start(net, FEATURES, 1, new ArrayList<>());
            for (int type = 0; type < 256; type += 5) {
                assertThat(net.command(control, 2, type, 77, (byte) 1)).isEqualTo(ControlQueue.ERR);
            }
        }
    }
}
