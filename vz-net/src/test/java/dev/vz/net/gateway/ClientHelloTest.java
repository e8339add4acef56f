package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.net.gateway.ClientHello.Progress;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** The JDK's own TLS client says whom it wants to talk to, in as many pieces as there may be. */
class ClientHelloTest {

    static byte[] hello(String serverName) throws Exception {
        var engine = SSLContext.getDefault().createSSLEngine();
        engine.setUseClientMode(true);
        var parameters = engine.getSSLParameters();
        parameters.setServerNames(serverName.isEmpty() ? List.of() : List.of(new SNIHostName(serverName)));
        engine.setSSLParameters(parameters);
        var record = ByteBuffer.allocate(1 << 15);
        engine.wrap(ByteBuffer.allocate(0), record);
        return Arrays.copyOf(record.array(), record.position());
    }

    private static Progress read(ClientHello hello, byte[] bytes) {
        return hello.read(MemorySegment.ofArray(bytes), bytes.length);
    }

    /** The same message in records of {@code size} bytes. */
    private static byte[] inRecords(byte[] record, int size) {
        var out = new ByteArrayOutputStream();
        for (int at = 5; at < record.length; at += size) {
            int part = Math.min(size, record.length - at);
            out.writeBytes(new byte[] {22, 3, 1, (byte) (part >>> 8), (byte) part});
            out.write(record, at, part);
        }
        return out.toByteArray();
    }

    @Test
    void theNameIsFoundHoweverTheMessageIsCut() throws Exception {
        byte[] record = hello("WWW.Example.com");
        for (int size : new int[] {1, 3, 4, 5, 50, record.length}) {
            byte[] bytes = inRecords(record, size);
            var hello = new ClientHello();
            for (int length = 0; length < bytes.length; length++) {
                assertThat(read(hello, Arrays.copyOf(bytes, length))).as("%d of %d bytes", length, bytes.length)
                        .isEqualTo(Progress.INCOMPLETE);
            }
            assertThat(read(hello, bytes)).isEqualTo(Progress.WHOLE);
            assertThat(hello.serverName()).isEqualTo("www.example.com");
        }
    }

    @Test
    void aClientWithoutANameHasNone() throws Exception {
        var hello = new ClientHello();
        assertThat(read(hello, hello(""))).isEqualTo(Progress.WHOLE);
        assertThat(hello.serverName()).isNull();
    }

    @Test
    void whatIsNoClientHelloIsNamedSoAtOnce() {
        assertThat(read(new ClientHello(), "SSH-2.0-x\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII)))
                .isEqualTo(Progress.OTHER);
        assertThat(read(new ClientHello(), new byte[] {22, 3, 1, 0, 9, 2, 0, 0, 5, 1, 1, 1, 1, 1}))
                .isEqualTo(Progress.OTHER);
        assertThat(read(new ClientHello(), new byte[] {22, 3, 1, 0, 9, 1, (byte) 0xFF, 0, 5, 1, 1, 1, 1, 1}))
                .isEqualTo(Progress.OTHER);
        assertThat(read(new ClientHello(), new byte[] {22, 3, 1, 0, 0, 1, 0, 0, 0})).isEqualTo(Progress.OTHER);
    }

    @Test
    void twoNamesAreNone() throws Exception {
        byte[] record = hello("one.example");
        byte[] name = "one.example".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        int at = new String(record, java.nio.charset.StandardCharsets.ISO_8859_1).indexOf("one.example");
        // The extension, its list and its entry have 9 bytes before the name; said twice, all lengths grow.
        byte[] extension = Arrays.copyOfRange(record, at - 9, at + name.length);
        byte[] twice = new byte[record.length + extension.length];
        System.arraycopy(record, 0, twice, 0, at - 9);
        System.arraycopy(extension, 0, twice, at - 9, extension.length);
        System.arraycopy(record, at - 9, twice, at - 9 + extension.length, record.length - at + 9);
        ByteBuffer lengths = ByteBuffer.wrap(twice);
        lengths.putShort(3, (short) (twice.length - 5));
        lengths.putShort(7, (short) (twice.length - 9));
        int sessionId = twice[43];
        int suites = lengths.getShort(44 + sessionId);
        int extensions = 44 + sessionId + 2 + suites + 2;
        lengths.putShort(extensions, (short) (lengths.getShort(extensions) + extension.length));
        var hello = new ClientHello();
        assertThat(read(hello, twice)).isEqualTo(Progress.WHOLE);
        assertThat(hello.serverName()).isNull();
    }

    @Property(tries = 2000)
    void anyBytesAreAClientHelloOrNone(@ForAll @Size(max = 400) byte[] bytes) {
        byte[] started = bytes.clone();
        if (started.length > 5) {
            started[0] = 22;
            started[5] = 1;
        }
        assertThat(read(new ClientHello(), started)).isNotNull();
    }

    @Property(tries = 2000)
    void aDamagedClientHelloHarmsNobody(@ForAll long seed, @ForAll @IntRange(min = 1, max = 20) int damages)
            throws Exception {
        byte[] record = hello("www.example.com");
        var random = new Random(seed);
        for (int i = 0; i < damages; i++) {
            record[random.nextInt(record.length)] = (byte) random.nextInt();
        }
        var hello = new ClientHello();
        Progress progress = read(hello, record);
        assertThat(progress == Progress.WHOLE || hello.serverName() == null).isTrue();
    }
}
