package dev.vz.storage.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.BlockDevice;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.error.VzException;
import java.io.DataInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterTry;
import net.jqwik.api.lifecycle.BeforeTry;
import org.junit.jupiter.api.Assertions;

/** Servers that do not follow the protocol: the client fails with a type, in bounded time, and no byte goes astray. */
class HostileServerTest {

    private static final NbdClientOptions PATIENT = NbdClientOptions.DEFAULT.withTimeout(Duration.ofSeconds(60));
    private static final int SIZE = 1 << 20;

    private Path folder;
    private Path socket;
    private ServerSocketChannel listener;

    @BeforeTry
    void listen() throws IOException {
        folder = Files.createTempDirectory("nbd");
        socket = folder.resolve("s");
        listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(socket));
    }

    @AfterTry
    void stop() throws IOException {
        listener.close();
        Files.deleteIfExists(socket);
        Files.delete(folder);
    }

    private interface Script {
        void run(SocketChannel channel, DataInputStream in) throws IOException;
    }

    /** Accepts one client and follows a script; then hangs up. */
    private Thread serve(Script script) {
        return Thread.ofPlatform().start(() -> {
            try (SocketChannel channel = listener.accept()) {
                script.run(channel, new DataInputStream(Channels.newInputStream(channel)));
            } catch (IOException clientIsGone) {
                assertThat(clientIsGone).isNotNull(); // the client may hang up first
            }
        });
    }

    private static void send(SocketChannel channel, ByteBuffer message) throws IOException {
        ByteBuffer bytes = message.duplicate().clear();
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static void greet(SocketChannel channel) throws IOException {
        send(channel, ByteBuffer.allocate(18).putLong(Nbd.NBDMAGIC).putLong(Nbd.IHAVEOPT).putShort((short) 3));
    }

    private static void optionReply(SocketChannel channel, int option, int type, byte[] data) throws IOException {
        send(channel, ByteBuffer.allocate(20 + data.length).putLong(Nbd.REPLYMAGIC).putInt(option).putInt(type)
                .putInt(data.length).put(data));
    }

    private static int nextOption(DataInputStream in) throws IOException {
        in.readLong();
        int option = in.readInt();
        in.readNBytes(in.readInt());
        return option;
    }

    /** Shakes hands as a good server does, offering structured replies and allocation. */
    private static void shakeHands(SocketChannel channel, DataInputStream in) throws IOException {
        greet(channel);
        in.readInt();
        while (true) {
            int option = nextOption(in);
            if (option == Nbd.NBD_OPT_SET_META_CONTEXT) {
                optionReply(channel, option, Nbd.NBD_REP_META_CONTEXT,
                        ByteBuffer.allocate(19).putInt(1).put("base:allocation".getBytes()).array());
            }
            if (option == Nbd.NBD_OPT_GO) {
                optionReply(channel, option, Nbd.NBD_REP_INFO,
                        ByteBuffer.allocate(12).putShort((short) 0).putLong(SIZE).putShort((short) 0x0ffd)
                                .array());
            }
            optionReply(channel, option, Nbd.NBD_REP_ACK, new byte[0]);
            if (option == Nbd.NBD_OPT_GO) {
                return;
            }
        }
    }

    @Example
    void aServerThatSaysNothingIsGivenUp() throws Exception {
        Thread server = serve((channel, in) -> in.read());
        assertThatThrownBy(() -> NbdClient.open(NbdUri.unix(socket, ""),
                NbdClientOptions.DEFAULT.withTimeout(Duration.ofMillis(200)))).isInstanceOf(HostException.class)
                .hasMessageContaining("ETIMEDOUT");
        server.join();
    }

    @Example
    void somethingElseThanNbdIsNamed() throws Exception {
        Thread server = serve((channel, in) -> send(channel, ByteBuffer.wrap(
                "SSH-2.0-OpenSSH_9.2p1 Debian".getBytes())));
        assertThatThrownBy(() -> NbdClient.open(NbdUri.unix(socket, ""), PATIENT)).isInstanceOf(FormatException.class)
                .hasMessageContaining("does not speak NBD");
        server.join();
    }

    @Example
    void aRequestWithoutAnAnswerIsCutOffAtTheEnd() throws Exception {
        Thread server = serve((channel, in) -> {
            shakeHands(channel, in);
            in.readAllBytes(); // takes everything and answers nothing
        });
        // The handshake has all the time that it needs, the end has little.
        NbdUri uri = NbdUri.unix(socket, "");
        Handshake handshake = Handshake.begin(uri, PATIENT);
        ExportInfo export = handshake.go();
        NbdClient client = new NbdClient(uri, PATIENT.withTimeout(Duration.ofMillis(300)), export,
                handshake.release());
        long start = System.nanoTime();
        assertThatThrownBy(client::close).isInstanceOf(HostException.class).hasMessageContaining("flush");
        assertThat(System.nanoTime() - start).isLessThan(30_000_000_000L);
        server.join();
    }

    @Property(tries = 100)
    void anyAnswerToAHandshakeEndsInTime(@ForAll("answers") byte[] answer) throws Exception {
        Thread server = serve((channel, in) -> {
            greet(channel);
            send(channel, ByteBuffer.wrap(answer));
        });
        // Sooner than the client would give up by itself: the server hangs up.
        Assertions.assertTimeout(Duration.ofSeconds(50), () -> {
            try (NbdClient client = NbdClient.open(NbdUri.unix(socket, ""), PATIENT)) {
                // One in a thousand: NBD_OPT_GO is refused as unknown, and noise answers NBD_OPT_EXPORT_NAME.
                assertThat(client.info().size()).isNotNegative();
            } catch (VzException typed) {
                assertThat(typed.getMessage()).isNotBlank();
            }
        });
        server.join();
    }

    @Example
    void anExportWithoutASizeIsRefused() throws Exception {
        for (byte[] size : new byte[][] {ByteBuffer.allocate(10).putLong(SIZE).array(),
            ByteBuffer.allocate(10).putLong(-SIZE).array()}) {
            Thread server = serve((channel, in) -> {
                greet(channel);
                in.readInt();
                for (int option = nextOption(in); option != Nbd.NBD_OPT_EXPORT_NAME; option = nextOption(in)) {
                    optionReply(channel, option, Nbd.NBD_REP_ERR_UNSUP, new byte[0]);
                }
                send(channel, ByteBuffer.wrap(size));
                in.readAllBytes();
            });
            if (size[0] == 0) {
                try (NbdClient client = NbdClient.open(NbdUri.unix(socket, ""), PATIENT)) {
                    assertThat(client.info().size()).isEqualTo(SIZE);
                }
            } else {
                assertThatThrownBy(() -> NbdClient.open(NbdUri.unix(socket, ""), PATIENT))
                        .isInstanceOf(FormatException.class).hasMessageContaining("-1048576 bytes");
            }
            server.join();
        }
    }

    @Provide
    Arbitrary<byte[]> answers() {
        Arbitrary<byte[]> noise = Arbitraries.bytes().array(byte[].class).ofMaxSize(100);
        Arbitrary<Integer> types = Arbitraries.oneOf(Arbitraries.integers().between(1, 5),
                Arbitraries.of(Nbd.NBD_REP_ERR_UNSUP, Nbd.NBD_REP_ERR_TOO_BIG, -1));
        Arbitrary<byte[]> reply = Arbitraries.of(8, 10, 7, 1, 6).flatMap(option -> types.flatMap(type -> noise.flatMap(
                data -> Arbitraries.of(data.length, 0, 4, -1, 1 << 30).map(length -> ByteBuffer
                        .allocate(20 + data.length).putLong(Nbd.REPLYMAGIC).putInt(option).putInt(type).putInt(length)
                        .put(data).array()))));
        return Arbitraries.oneOf(reply, noise).list().ofMaxSize(6).map(RawClient::joined);
    }

    @Property(tries = 150)
    void anyReplyToAReadStaysWithinItsBuffer(@ForAll("replies") byte[] reply) throws Exception {
        Thread server = serve((channel, in) -> {
            shakeHands(channel, in);
            in.readNBytes(28);
            send(channel, ByteBuffer.wrap(reply));
        });
        try (Arena arena = Arena.ofShared()) {
            MemorySegment guarded = arena.allocate(3 * 4096).fill((byte) 0x77);
            NbdClient client = NbdClient.open(NbdUri.unix(socket, ""), PATIENT);
            try {
                client.read(8192, guarded.asSlice(4096, 4096));
            } catch (BlockDevice.BlockException refused) {
                assertThat(refused.result()).isNotNull();
            }
            try {
                client.close();
            } catch (VzException hungUp) {
                assertThat(hungUp).isInstanceOf(HostException.class);
            }
            for (int i = 0; i < 4096; i++) {
                assertThat(guarded.get(ValueLayout.JAVA_BYTE, i)).isEqualTo((byte) 0x77);
                assertThat(guarded.get(ValueLayout.JAVA_BYTE, 8192 + i)).isEqualTo((byte) 0x77);
            }
        }
        server.join();
    }

    /** Chunks for the first request, whose cookie is known: right, nearly right and wrong. */
    @Provide
    Arbitrary<byte[]> replies() {
        Arbitrary<Integer> types = Arbitraries.of(0, 1, 2, 5, 32769, 32770, 3, 40000);
        Arbitrary<Long> cookies = Arbitraries.of(1L << 32, 1L << 32, 1L << 32, 0L, -1L, 2L << 32, 1L << 32 | 127);
        Arbitrary<Long> offsets = Arbitraries.of(8192L, 8192L, 8193L, 0L, 12287L, 12288L, -1L, Long.MAX_VALUE);
        Arbitrary<Integer> lengths = Arbitraries.of(0, 4, 8, 9, 12, 20, 1000, 4096, 4097, 4104, 5000, -1, 100_000);
        Arbitrary<byte[]> chunk = types.flatMap(type -> cookies.flatMap(cookie -> offsets.flatMap(
                offset -> lengths.flatMap(length -> Arbitraries.integers().between(0, 1).map(done -> {
                    int present = Math.clamp(length, 8, 8192);
                    return ByteBuffer.allocate(20 + present).putInt(Nbd.NBD_STRUCTURED_REPLY_MAGIC)
                            .putShort(done.shortValue()).putShort(type.shortValue()).putLong(cookie).putInt(length)
                            .putLong(offset).array();
                })))));
        Arbitrary<byte[]> simple = cookies.flatMap(cookie -> Arbitraries.of(0, 5, 22, -1).map(error -> ByteBuffer
                .allocate(16).putInt(Nbd.NBD_SIMPLE_REPLY_MAGIC).putInt(error).putLong(cookie).array()));
        return Arbitraries.oneOf(chunk, chunk, simple).list().ofMinSize(1).ofMaxSize(5).map(RawClient::joined);
    }
}
