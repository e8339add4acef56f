package dev.vz.samples.hello;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Peers;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class HelloVcpuTest {

    @Test
    void theMachineCodeSaysHello() {
        Peers.kvm();
        var out = new ByteArrayOutputStream();
        HelloVcpu.run(new PrintStream(out, true, StandardCharsets.US_ASCII));
        assertThat(out.toString(StandardCharsets.US_ASCII)).isEqualTo("Hello from a virtual CPU.\n");
    }

    @Test
    void theClassIsFortyLinesOfCode() throws Exception {
        Path source = Path.of("src/main/java/dev/vz/samples/hello/HelloVcpu.java");
        String text = Files.readString(source);
        long lines = text.substring(text.indexOf("public final class")).lines().filter(line -> !line.isBlank())
                .filter(line -> !line.strip().startsWith("/**")).count();
        assertThat(lines).isLessThanOrEqualTo(40);
    }
}
