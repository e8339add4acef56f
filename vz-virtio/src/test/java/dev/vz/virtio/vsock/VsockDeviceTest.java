package dev.vz.virtio.vsock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.testing.Background;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.queue.QueueKind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Sockets between guest and host (virtio 1.3, 5.10). */
@Timeout(120)
class VsockDeviceTest {

    private static final int ALLOC = 1 << 20;

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static VsockConnection accept(GuestSockets guest) throws Exception {
        var accepted = new CompletableFuture<VsockConnection>();
        guest.device.listen(80, accepted::complete);
        guest.packet(5000, 80, Packet.OP_REQUEST, 0, ALLOC, 0);
        assertThat(guest.next().op()).isEqualTo(Packet.OP_RESPONSE);
        return accepted.get(60, TimeUnit.SECONDS);
    }

    @ParameterizedTest
    @EnumSource
    void theGuestConnectsAndBytesGoBothWays(QueueKind kind) throws Exception {
        try (var guest = new GuestSockets(kind.features)) {
            VsockConnection connection = accept(guest);
            assertThat(connection.guestPort()).isEqualTo(5000);
            guest.packet(5000, 80, Packet.OP_RW, 0, ALLOC, 0, ascii("question"));
            var bytes = new byte[100];
            assertThat(connection.read(bytes, 0, 100)).isEqualTo(8);
            connection.write(ascii("answer"), 0, 6);
            GuestSockets.Seen seen = guest.next();
            assertThat(seen.op()).isEqualTo(Packet.OP_RW);
            assertThat(seen.data()).isEqualTo(ascii("answer"));
            assertThat(seen.fwdCnt()).isEqualTo(8);
            assertThat(seen.bufAlloc()).isEqualTo(VsockConnection.BUFFER);
        }
    }

    @ParameterizedTest
    @EnumSource
    void theHostConnects(QueueKind kind) throws Exception {
        try (var guest = new GuestSockets(kind.features)) {
            var connecting = Background.call(() -> {
                try {
                    return guest.device.connect(1234, 20, TimeUnit.SECONDS);
                } catch (IOException refused) {
                    throw new AssertionError(refused);
                }
            });
            GuestSockets.Seen request = guest.next();
            assertThat(request.op()).isEqualTo(Packet.OP_REQUEST);
            assertThat(request.guestPort()).isEqualTo(1234);
            guest.packet(1234, request.hostPort(), Packet.OP_RESPONSE, 0, ALLOC, 0);
            VsockConnection connection = connecting.get(60, TimeUnit.SECONDS);
            connection.write(ascii("hi"), 0, 2);
            assertThat(guest.next().data()).isEqualTo(ascii("hi"));
        }
    }

    @Test
    void aConnectionThatTheGuestRefusesFails() throws Exception {
        try (var guest = new GuestSockets(QueueKind.SPLIT.features)) {
            var connecting = Background.call(() -> {
                try {
                    guest.device.connect(1234, 20, TimeUnit.SECONDS);
                    return "taken";
                } catch (IOException refused) {
                    return refused.getMessage();
                }
            });
            GuestSockets.Seen request = guest.next();
            guest.packet(1234, request.hostPort(), Packet.OP_RST, 0, 0, 0);
            assertThat(connecting.get(60, TimeUnit.SECONDS)).contains("does anybody listen there");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPortOnWhichNobodyListensIsRefused(QueueKind kind) throws Exception {
        try (var guest = new GuestSockets(kind.features)) {
            guest.packet(5000, 81, Packet.OP_REQUEST, 0, ALLOC, 0);
            GuestSockets.Seen seen = guest.next();
            assertThat(seen.op()).isEqualTo(Packet.OP_RST);
            assertThat(seen.hostPort()).isEqualTo(81);
            assertThat(seen.guestPort()).isEqualTo(5000);
        }
    }

    @Test
    void noMoreIsSentThanTheGuestHasRoomFor() throws Exception {
        try (var guest = new GuestSockets(QueueKind.PACKED.features)) {
            var accepted = new CompletableFuture<VsockConnection>();
            guest.device.listen(80, accepted::complete);
            guest.packet(5000, 80, Packet.OP_REQUEST, 0, 10, 0);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_RESPONSE);
            VsockConnection connection = accepted.get(60, TimeUnit.SECONDS);
            connection.write(new byte[25], 0, 25);
            assertThat(guest.next().data()).hasSize(10);
            assertThat(guest.isQuiet()).isTrue();
            guest.packet(5000, 80, Packet.OP_CREDIT_UPDATE, 0, 10, 7);
            assertThat(guest.next().data()).hasSize(7);
            guest.packet(5000, 80, Packet.OP_CREDIT_UPDATE, 0, 100, 17);
            assertThat(guest.next().data()).hasSize(8);
        }
    }

    @Test
    void aGuestThatSendsMoreThanItHasCreditForIsCutOff() throws Exception {
        try (var guest = new GuestSockets(QueueKind.SPLIT.features)) {
            VsockConnection connection = accept(guest);
            for (int i = 0; i < 16; i++) {
                guest.packet(5000, 80, Packet.OP_RW, 0, ALLOC, 0, new byte[4096]);
            }
            assertThat(guest.isQuiet()).isTrue();
            guest.packet(5000, 80, Packet.OP_RW, 0, ALLOC, 0, new byte[1]);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_RST);
            assertThatThrownBy(() -> connection.write(new byte[1], 0, 1)).isInstanceOf(IOException.class)
                    .hasMessageContaining("cut off");
        }
    }

    @Test
    void aPacketThatClaimsMorePayloadThanItHasIsCutOff() throws Exception {
        try (var guest = new GuestSockets(QueueKind.SPLIT.features)) {
            accept(guest);
            guest.header(GuestSockets.CID, 2, 5000, 80, 1000, 1, Packet.OP_RW, 0, ALLOC, 0);
            guest.submit(50);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_RST);
            guest.header(GuestSockets.CID, 2, 5000, 80, -1, 1, Packet.OP_RW, 0, ALLOC, 0);
            guest.submit(50);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_RST);
        }
    }

    @Test
    void creditIsReturnedWhenHalfOfTheRoomIsFree() throws Exception {
        try (var guest = new GuestSockets(QueueKind.SPLIT.features)) {
            VsockConnection connection = accept(guest);
            for (int i = 0; i < 8; i++) {
                guest.packet(5000, 80, Packet.OP_RW, 0, ALLOC, 0, new byte[4096]);
            }
            var bytes = new byte[VsockConnection.BUFFER / 2];
            assertThat(connection.read(bytes, 0, 100)).isEqualTo(100);
            assertThat(guest.isQuiet()).isTrue();
            assertThat(connection.read(bytes, 0, bytes.length)).isEqualTo(bytes.length - 100);
            GuestSockets.Seen seen = guest.next();
            assertThat(seen.op()).isEqualTo(Packet.OP_CREDIT_UPDATE);
            assertThat(seen.fwdCnt()).isEqualTo(bytes.length);
        }
    }

    @Test
    void creditIsToldWhenItIsAskedFor() throws Exception {
        try (var guest = new GuestSockets(QueueKind.SPLIT.features)) {
            accept(guest);
            guest.packet(5000, 80, Packet.OP_CREDIT_REQUEST, 0, ALLOC, 0);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_CREDIT_UPDATE);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aGuestThatEndsBothDirectionsIsAnsweredAndTheReaderGetsTheRest(QueueKind kind) throws Exception {
        try (var guest = new GuestSockets(kind.features)) {
            VsockConnection connection = accept(guest);
            guest.packet(5000, 80, Packet.OP_RW, 0, ALLOC, 0, ascii("last"));
            guest.packet(5000, 80, Packet.OP_SHUTDOWN, 3, ALLOC, 0);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_RST);
            try (InputStream input = connection.input()) {
                assertThat(input.readAllBytes()).isEqualTo(ascii("last"));
            }
        }
    }

    @Test
    void aStreamThatTheHostClosesIsShutDownAfterItsLastByte() throws Exception {
        try (var guest = new GuestSockets(QueueKind.SPLIT.features)) {
            VsockConnection connection = accept(guest);
            connection.write(new byte[5000], 0, 5000);
            connection.close();
            assertThat(guest.next().data()).hasSize(4096 - 44);
            assertThat(guest.next().data()).hasSize(5000 - 4096 + 44);
            GuestSockets.Seen seen = guest.next();
            assertThat(seen.op()).isEqualTo(Packet.OP_SHUTDOWN);
            assertThat(seen.flags()).isEqualTo(3);
            guest.packet(5000, 80, Packet.OP_RST, 0, ALLOC, 0);
            assertThat(guest.isQuiet()).isTrue();
            guest.packet(5000, 80, Packet.OP_RW, 0, ALLOC, 0, new byte[1]);
            assertThat(guest.next().op()).as("it is gone").isEqualTo(Packet.OP_RST);
        }
    }

    @Test
    void halfAStreamCanEnd() throws Exception {
        try (var guest = new GuestSockets(QueueKind.SPLIT.features)) {
            VsockConnection connection = accept(guest);
            connection.shutdownOutput();
            assertThat(guest.next().flags()).isEqualTo(Packet.SHUTDOWN_SEND);
            guest.packet(5000, 80, Packet.OP_RW, 0, ALLOC, 0, ascii("still here"));
            assertThat(connection.read(new byte[10], 0, 10)).isEqualTo(10);
            assertThatThrownBy(() -> connection.write(new byte[1], 0, 1)).isInstanceOf(IOException.class);
            connection.close();
            assertThat(guest.next().flags()).isEqualTo(3);
        }
    }

    @Test
    void packetsInTheNameOfOthersAreDropped() {
        try (var guest = new GuestSockets(QueueKind.SPLIT.features)) {
            for (long[] addresses : new long[][] {{8, 2}, {GuestSockets.CID, 3}, {-1, 2}, {2, 2}}) {
                guest.header(addresses[0], addresses[1], 1, 2, 0, 1, Packet.OP_REQUEST, 0, 0, 0);
                guest.submit(44);
            }
            assertThat(guest.isQuiet()).isTrue();
        }
    }

    @Test
    void anUnknownTypeOrOperationIsRefused() throws Exception {
        try (var guest = new GuestSockets(QueueKind.SPLIT.features)) {
            guest.header(GuestSockets.CID, 2, 1, 2, 0, 9, Packet.OP_REQUEST, 0, 0, 0);
            guest.submit(44);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_RST);
            accept(guest);
            guest.packet(5000, 80, 77, 0, ALLOC, 0);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_RST);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPacketShorterThanItsHeaderNeedsAReset(QueueKind kind) {
        try (var guest = new GuestSockets(kind.features)) {
            guest.submit(43);
            assertThat(guest.driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
        }
    }

    @Test
    void aReceiveBufferWithoutRoomForDataNeedsAReset() throws Exception {
        var device = new VsockDevice(3);
        try (var driver = new dev.vz.virtio.device.TestDriver(device, QueueKind.SPLIT.features)) {
            driver.negotiate(driver.ringFeatures());
            var receive = driver.enable(0, 16);
            var send = driver.enable(1, 16);
            driver.driverOk();
            driver.submit(0, receive, Buffer.writable(0x8000, 44));
            driver.memory.writeLong(0x2000, 3);
            driver.memory.writeLong(0x2008, 2);
            driver.submit(1, send, Buffer.readable(0x2000, 44));
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
        }
    }

    @Test
    void aGuestThatAsksForEverythingAndTakesNothingIsHeldUp() {
        var device = new VsockDevice(3);
        try (var driver = new dev.vz.virtio.device.TestDriver(device, QueueKind.SPLIT.features)) {
            driver.negotiate(driver.ringFeatures());
            var send = driver.enable(1, 128);
            driver.driverOk();
            driver.memory.writeLong(0x2000, 3);
            driver.memory.writeLong(0x2008, 2);
            driver.memory.writeShort(0x201C, (short) 1);
            driver.memory.writeShort(0x201E, (short) Packet.OP_REQUEST);
            int answered = 0;
            for (int i = 0; i < 2000; i++) {
                send.submit(java.util.List.of(Buffer.readable(0x2000, 44)));
                driver.host.notifyQueue(1);
                driver.run();
                while (send.complete().isPresent()) {
                    answered++;
                }
            }
            assertThat(answered).as("refusals that fit, and no more").isEqualTo(256);
        }
    }

    @Test
    void afterARestoreTheGuestIsToldThatItsStreamsAreGone() throws Exception {
        try (var guest = new GuestSockets(QueueKind.SPLIT.features)) {
            VsockConnection connection = accept(guest);
            VsockState state = guest.device.save();
            guest.driver.submit(2, guest.event, Buffer.writable(0x3000, 4));
            assertThat(guest.event.complete()).isEmpty();
            guest.driver.memory.writeInt(0x3000, -1);
            guest.device.restore(state);
            guest.driver.run();
            assertThat(guest.event.complete()).hasValueSatisfying(done -> assertThat(done.written()).isEqualTo(4));
            assertThat(guest.driver.memory.readInt(0x3000)).isZero();
            assertThatThrownBy(() -> connection.write(new byte[1], 0, 1)).isInstanceOf(IOException.class);
        }
    }

    @Test
    void addressesAndPortsAreChecked() {
        assertThatThrownBy(() -> new VsockDevice(2)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new VsockDevice(0xFFFF_FFFFL)).isInstanceOf(ConfigurationException.class);
        var device = new VsockDevice(3);
        device.listen(1, VsockConnection::close);
        assertThatThrownBy(() -> device.listen(1, VsockConnection::close))
                .isInstanceOf(ConfigurationException.class);
    }

    @Test
    void streamsThatAreOpenedAndResetWithoutEndLeaveNoMoreThreadsThanStreamsCanBe() throws Exception {
        var finish = new CountDownLatch(1);
        var accepting = new AtomicInteger();
        try (var guest = new GuestSockets(QueueKind.SPLIT.features)) {
            guest.device.listen(1, connection -> {
                accepting.incrementAndGet();
                await(finish);
                accepting.decrementAndGet();
            });
            for (int port = 0; port < VsockDevice.MOST_CONNECTIONS; port++) {
                guest.packet(port, 1, Packet.OP_REQUEST, 0, ALLOC, 0);
                assertThat(guest.next().op()).isEqualTo(Packet.OP_RESPONSE);
                guest.packet(port, 1, Packet.OP_RST, 0, ALLOC, 0);
            }
            guest.packet(9999, 1, Packet.OP_REQUEST, 0, ALLOC, 0);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_RST);
            finish.countDown();
            while (accepting.get() > 0) {
                Thread.sleep(1);
            }
        } finally {
            finish.countDown();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void randomPacketsNeitherThrowNorHang() {
        long seed = new Random().nextLong();
        var random = new Random(seed);
        try (var guest = new GuestSockets(QueueKind.PACKED.features)) {
            guest.device.listen(1, connection -> { /* kept open */ });
            for (int i = 0; i < 5000; i++) {
                guest.header(random.nextInt(20) == 0 ? random.nextLong() : GuestSockets.CID, 2, random.nextInt(3),
                        random.nextInt(3), random.nextBoolean() ? random.nextInt(100) : random.nextInt(), 1,
                        random.nextInt(9), random.nextInt(5), random.nextInt(), random.nextInt());
                guest.submit(44 + random.nextInt(200));
                while (guest.receive.complete().isPresent()) {
                    guest.driver.run();
                }
                if (random.nextInt(50) == 0) {
                    guest.driver.host.writeStatus(0);
                    break;
                }
            }
            assertThat(guest.driver.host.status() & DeviceHost.NEEDS_RESET).as("seed %d", seed).isZero();
        }
    }
}
