package dev.vz.storage.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.linux.socket.UnixAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Random clients: whatever one of them says, the server goes on serving others. */
class ServerFuzzTest {

    private static final int SIZE = 1 << 20;
    private static Path folder;
    private static Path socket;
    private static MemoryBlockDevice device;
    private static NbdServer server;

    @BeforeContainer
    static void serve() throws IOException {
        folder = Files.createTempDirectory("nbd");
        socket = folder.resolve("s");
        device = MemoryBlockDevice.ofSize(SIZE);
        server = new NbdServer(NbdServerOptions.DEFAULT);
        server.add(NbdExport.of("", device));
        server.listen(UnixAddress.of(socket));
    }

    @AfterContainer
    static void stop() throws IOException {
        server.close();
        device.close();
        Files.delete(folder);
    }

    private static void othersAreServed() {
        try (NbdClient client = NbdClient.open(NbdUri.unix(socket, ""), NbdClientOptions.DEFAULT)) {
            assertThat(client.info().size()).isEqualTo(SIZE);
            client.flush();
        }
    }

    @Property(tries = 150)
    void nonsenseInTheHandshakeHarmsNobody(@ForAll("messages") byte[] nonsense) throws Exception {
        try (var client = new RawClient(socket)) {
            client.greet();
            client.send(nonsense);
        }
        othersAreServed();
    }

    @Property(tries = 150)
    void nonsenseAsRequestsHarmsNobody(@ForAll("requests") byte[] nonsense, @ForAll boolean structured)
            throws Exception {
        try (var client = new RawClient(socket)) {
            client.greet();
            if (structured) {
                client.send(RawClient.option(Nbd.NBD_OPT_STRUCTURED_REPLY, new byte[0]));
            }
            client.send(RawClient.option(Nbd.NBD_OPT_GO, new byte[6]), nonsense);
        }
        othersAreServed();
    }

    /** Options whose header is right, wrong, or lies about the length; with data that is random. */
    @Provide
    Arbitrary<byte[]> messages() {
        Arbitrary<byte[]> noise = Arbitraries.bytes().array(byte[].class).ofMaxSize(300);
        Arbitrary<byte[]> lying = Arbitraries.integers().between(0, 12).flatMap(option -> Arbitraries
                .oneOf(Arbitraries.integers().between(-2, 70_000), Arbitraries.of(0, 4, 6, 8, -1, 1 << 20, 1 << 21))
                .flatMap(length -> noise.map(data -> RawClient.raw(option, length, data))));
        Arbitrary<byte[]> honest = Arbitraries.integers().between(0, 12)
                .flatMap(option -> noise.map(data -> RawClient.option(option, data)));
        return Arbitraries.oneOf(noise, lying, honest).list().ofMaxSize(6).map(RawClient::joined);
    }

    @Provide
    Arbitrary<byte[]> requests() {
        Arbitrary<Long> offsets = Arbitraries.oneOf(Arbitraries.longs(), Arbitraries.longs().between(0, SIZE),
                Arbitraries.of(Long.MAX_VALUE, Long.MIN_VALUE, -1L, (long) SIZE - 1));
        Arbitrary<Integer> lengths = Arbitraries.oneOf(Arbitraries.integers(), Arbitraries.integers().between(0, SIZE),
                Arbitraries.of(0, -1, Nbd.MAX_PAYLOAD, Nbd.MAX_PAYLOAD + 1));
        Arbitrary<byte[]> request = Arbitraries.integers().between(0, 10)
                .flatMap(command -> Arbitraries.integers().between(0, 63).flatMap(flags -> offsets.flatMap(
                        offset -> lengths.map(length -> RawClient.request(flags, command, 7, offset, length)))));
        Arbitrary<byte[]> noise = Arbitraries.bytes().array(byte[].class).ofMaxSize(2000);
        return Arbitraries.oneOf(request, request, request, noise).list().ofMaxSize(20).map(RawClient::joined);
    }
}
