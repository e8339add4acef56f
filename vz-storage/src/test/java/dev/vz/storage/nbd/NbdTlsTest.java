package dev.vz.storage.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.error.CapabilityException;
import dev.vz.error.HostException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** TLS between our own two sides, and with libnbd's client and nbdkit's server (GnuTLS). */
@Timeout(120)
class NbdTlsTest {

    private static final int SIZE = 4 << 20;

    @TempDir
    static Path certificates;

    @TempDir
    Path folder;

    private final MemoryBlockDevice device = MemoryBlockDevice.ofSize(SIZE);
    private NbdServer server;

    /** A certificate authority, and certificates for a server and a client, as QEMU's documentation lays them out. */
    @BeforeAll
    static void certify() throws IOException {
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority", "-keyout",
                "ca-key.pem", "-out", "ca-cert.pem");
        Files.writeString(certificates.resolve("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
        certify("server");
        certify("client");
    }

    private static void certify(String role) {
        openssl("req", "-newkey", role.equals("server") ? "rsa:2048" : "rsa:3072", "-nodes", "-subj",
                "/CN=" + (role.equals("server") ? "localhost" : "client"), "-keyout", role + "-key.pem", "-out",
                role + ".csr");
        openssl("x509", "-req", "-in", role + ".csr", "-CA", "ca-cert.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
                "-days", "2", "-extfile", "names", "-out", role + "-cert.pem");
    }

    private static void openssl(String... arguments) {
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].endsWith(".pem") || arguments[i].endsWith(".csr") || arguments[i].equals("names")) {
                arguments[i] = certificates.resolve(arguments[i]).toString();
            }
        }
        Tool.ok("openssl", "openssl", (Object[]) arguments);
    }

    private NbdUri serve(boolean verifyPeer) {
        server = new NbdServer(NbdServerOptions.DEFAULT.withTls(NbdTls.serverFrom(certificates, verifyPeer), true));
        server.add(NbdExport.of("", device));
        InetSocketAddress at = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        return new NbdUri("localhost", at.getPort(), null, "", true, certificates);
    }

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
        device.close();
    }

    @Test
    void whatIsWrittenThroughTlsIsRead() {
        NbdUri uri = serve(true);
        try (NbdClient client = NbdClient.open(uri, NbdClientOptions.DEFAULT.withConnections(2));
                Arena arena = Arena.ofShared()) {
            MemorySegment data = arena.allocate(3 << 20);
            var random = new Random(1);
            for (long i = 0; i < data.byteSize(); i += 8) {
                data.set(ValueLayout.JAVA_LONG, i, random.nextLong());
            }
            client.write(4096, data);
            MemorySegment back = arena.allocate(data.byteSize());
            client.read(4096, back);
            assertThat(data.mismatch(back)).isEqualTo(-1);
        }
    }

    /** Nothing but the TLS layer knows of records that it holds decrypted: the socket is empty by then. */
    @Test
    void recordsBeyondAConnectionsTurnsAreNotForgotten() {
        NbdUri uri = serve(true);
        try (NbdClient client = NbdClient.open(uri, NbdClientOptions.DEFAULT); Arena arena = Arena.ofShared()) {
            MemorySegment data = arena.allocate(3 << 20);
            MemorySegment back = arena.allocate(3 << 20);
            for (int round = 0; round < 64; round++) {
                data.fill((byte) (round + 1));
                client.write(0, data);
                client.read(0, back);
                assertThat(data.mismatch(back)).isEqualTo(-1);
            }
        }
    }

    @Test
    void aClientWithoutTlsIsRefusedByName() {
        NbdUri uri = serve(false);
        var plain = NbdUri.tcp("localhost", uri.port(), "");
        assertThatThrownBy(() -> NbdClient.open(plain, NbdClientOptions.DEFAULT))
                .isInstanceOf(CapabilityException.class).hasMessageContaining("not permitted before TLS");
    }

    @Test
    void aClientWithoutACertificateIsRefusedWhereOneIsWanted() throws IOException {
        NbdUri uri = serve(true);
        Files.copy(certificates.resolve("ca-cert.pem"), folder.resolve("ca-cert.pem"));
        assertThatThrownBy(() -> NbdClient
                .open(uri, NbdClientOptions.DEFAULT.withTls(NbdTls.clientFrom(folder, true))).close())
                .isInstanceOf(HostException.class);
    }

    @Test
    void aServerWithAnotherNameOrAuthorityIsRefused() throws IOException {
        NbdUri uri = serve(false);
        var elsewhere = new NbdUri("127.0.0.2", uri.port(), null, "", true, certificates);
        server.listen(new InetSocketAddress("127.0.0.2", uri.port()));
        assertThatThrownBy(() -> NbdClient.open(elsewhere, NbdClientOptions.DEFAULT))
                .isInstanceOf(HostException.class).hasMessageContaining("TLS handshake");
        Tool.ok("openssl", "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                "/CN=other", "-keyout", folder.resolve("k.pem"), "-out", folder.resolve("ca-cert.pem"));
        assertThatThrownBy(() -> NbdClient.open(uri,
                NbdClientOptions.DEFAULT.withTls(NbdTls.clientFrom(folder, true)))).isInstanceOf(HostException.class);
    }

    @Test
    void libnbdReadsThroughTls() {
        NbdUri uri = serve(true);
        String text = "nbds://localhost:" + uri.port() + "/?tls-certificates=" + certificates;
        assertThat(Tool.ok("libnbd-bin", "nbdinfo", "--json", text)).contains("\"TLS\": true",
                "\"export-size\": " + SIZE);
        Path copy = folder.resolve("copy");
        Tool.ok("libnbd-bin", "nbdcopy", text, copy);
        assertThat(copy).hasSize(SIZE);
    }

    @Test
    void nbdkitIsReadThroughTls() throws InterruptedException {
        Path socket = folder.resolve("s");
        Process process = Tool.serve(socket, "nbdkit", "nbdkit", "-f", "-U", socket, "--tls=require",
                "--tls-certificates=" + certificates, "pattern", "1M");
        try (NbdClient client = NbdClient.open(NbdUri.unix(socket, ""),
                NbdClientOptions.DEFAULT.withTls(NbdTls.clientFrom(certificates, true)));
                Arena arena = Arena.ofShared()) {
            MemorySegment data = arena.allocate(512);
            client.read(4096, data);
            assertThat(data.get(ValueLayout.JAVA_LONG.withOrder(java.nio.ByteOrder.BIG_ENDIAN), 8)).isEqualTo(4104);
        } finally {
            process.destroy();
            process.waitFor();
        }
    }
}
