package dev.vz.storage.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.linux.socket.UnixAddress;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Clients that mean harm: each costs the server little and the other clients nothing. */
@Timeout(120)
class HostileClientTest {

    private static final int SIZE = 1 << 20;
    private static final Duration LONG = Duration.ofSeconds(120);
    private static final Duration PATIENCE = Duration.ofSeconds(50);

    @TempDir
    Path folder;

    private Path socket;
    private MemoryBlockDevice device;
    private NbdServer server;

    @BeforeEach
    void serve() {
        socket = folder.resolve("s");
        device = MemoryBlockDevice.ofSize(SIZE);
        listen(LONG);
    }

    /** With a time for handshakes that no test reaches, unless that is what it is about. */
    private void listen(Duration handshakeTimeout) {
        server = new NbdServer(NbdServerOptions.DEFAULT.withHandshakeTimeout(handshakeTimeout)
                .withMaxRequestMemory(Nbd.MAX_PAYLOAD));
        server.add(NbdExport.of("", device));
        server.listen(UnixAddress.of(socket));
    }

    @AfterEach
    void stop() {
        server.close();
        device.close();
    }

    private void othersAreServed() {
        try (NbdClient client = NbdClient.open(NbdUri.unix(socket, ""), NbdClientOptions.DEFAULT)) {
            client.flush();
        }
    }

    @Test
    void aClientThatNeverNegotiatesIsCutOff() throws Exception {
        server.close();
        listen(Duration.ofSeconds(1));
        try (var silent = new RawClient(socket)) {
            assertThat(silent.endsBy(PATIENCE)).isTrue();
        }
        try (var half = new RawClient(socket)) {
            half.greet();
            half.send(RawClient.option(Nbd.NBD_OPT_LIST, new byte[0]));
            assertThat(half.endsBy(PATIENCE)).isTrue();
        }
        for (int i = 0; i < 3000 && server.connections() > 0; i++) {
            Thread.sleep(10);
        }
        assertThat(server.connections()).isZero();
    }

    @Test
    void unknownHandshakeFlagsEndTheConnection() throws Exception {
        try (var client = new RawClient(socket)) {
            client.send(new byte[] {0, 0, 1, 3});
            assertThat(client.endsBy(PATIENCE)).isTrue();
        }
    }

    @Test
    void anOptionOfManyMegabytesEndsTheConnection() throws Exception {
        try (var client = new RawClient(socket)) {
            client.greet();
            client.send(RawClient.raw(Nbd.NBD_OPT_LIST, 1 << 30, new byte[0]));
            assertThat(client.endsBy(PATIENCE)).isTrue();
        }
    }

    @Test
    void aWriteTooLongIsRefusedAndItsDataSkipped() throws Exception {
        try (var client = new RawClient(socket)) {
            client.go();
            DataInputStream in = client.in();
            int length = Nbd.MAX_PAYLOAD + 4096;
            client.send(RawClient.request(0, Nbd.NBD_CMD_WRITE, 1, 0, length));
            Thread sender = Thread.ofPlatform().start(() -> {
                var zeros = new byte[4096];
                for (int i = 0; i < length; i += zeros.length) {
                    client.send(zeros);
                }
                client.send(RawClient.request(0, Nbd.NBD_CMD_READ, 2, 0, 512));
            });
            expect(in, Nbd.NBD_EINVAL, 1);
            expect(in, 0, 2);
            assertThat(in.readNBytes(512)).hasSize(512);
            sender.join();
        }
    }

    private static void expect(DataInputStream in, int error, long cookie) throws IOException {
        assertThat(in.readInt()).isEqualTo(Nbd.NBD_SIMPLE_REPLY_MAGIC);
        assertThat(in.readInt()).isEqualTo(error);
        assertThat(in.readLong()).isEqualTo(cookie);
    }

    @Test
    void aClientThatReadsNoRepliesIsNotServedOnAndOn() throws Exception {
        try (var client = new RawClient(socket)) {
            client.go();
            SocketChannel channel = client.channel();
            channel.configureBlocking(false);
            ByteBuffer requests = ByteBuffer.wrap(RawClient.request(0, Nbd.NBD_CMD_READ, 3, 0, 65536));
            int sent = 0;
            long quiet = System.nanoTime();
            while (sent < 100_000 && System.nanoTime() - quiet < 300_000_000L) {
                if (channel.write(requests) > 0) {
                    quiet = System.nanoTime();
                }
                if (!requests.hasRemaining()) {
                    requests.rewind();
                    sent++;
                }
            }
            assertThat(sent).as("requests taken without a reply read").isLessThan(100_000);
            othersAreServed();
        }
    }

    @Test
    void memoryForRequestsIsLimitedOverAllClients() throws Exception {
        try (var greedy = new RawClient(socket); var other = new RawClient(socket)) {
            greedy.go();
            other.go();
            DataInputStream in = other.in();
            // Replies that are not read hold their memory.
            for (int i = 0; i < 40; i++) {
                greedy.send(RawClient.request(0, Nbd.NBD_CMD_READ, i, 0, SIZE));
            }
            int error = 0;
            for (int i = 0; i < 3000 && error == 0; i++) {
                other.send(RawClient.request(0, Nbd.NBD_CMD_READ, i, 0, 512));
                assertThat(in.readInt()).isEqualTo(Nbd.NBD_SIMPLE_REPLY_MAGIC);
                error = in.readInt();
                in.readLong();
                if (error == 0) {
                    in.readNBytes(512);
                    Thread.sleep(10);
                }
            }
            assertThat(error).isEqualTo(Nbd.NBD_ENOMEM);
            greedy.close();
            for (int i = 0; i < 3000 && error != 0; i++) {
                other.send(RawClient.request(0, Nbd.NBD_CMD_READ, i, 0, 512));
                in.readInt();
                error = in.readInt();
                in.readLong();
                Thread.sleep(10);
            }
            assertThat(error).as("after the greedy client is gone").isZero();
        }
    }

    @Test
    void withoutACertificateStartTlsIsRefusedAndNothingIsLost() throws Exception {
        try (var client = new RawClient(socket)) {
            client.greet();
            client.send(RawClient.joined(List.of(RawClient.option(Nbd.NBD_OPT_STARTTLS, new byte[0]),
                    RawClient.option(Nbd.NBD_OPT_ABORT, new byte[0]))));
            DataInputStream in = client.in();
            in.readNBytes(18);
            assertThat(in.readLong()).isEqualTo(Nbd.REPLYMAGIC);
            assertThat(in.readInt()).isEqualTo(Nbd.NBD_OPT_STARTTLS);
            assertThat(in.readInt()).isEqualTo(Nbd.NBD_REP_ERR_POLICY);
            in.readNBytes(in.readInt());
            assertThat(in.readLong()).isEqualTo(Nbd.REPLYMAGIC);
            assertThat(in.readInt()).isEqualTo(Nbd.NBD_OPT_ABORT);
            assertThat(in.readInt()).isEqualTo(Nbd.NBD_REP_ACK);
        }
    }
}
