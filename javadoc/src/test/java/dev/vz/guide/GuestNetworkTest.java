package dev.vz.guide;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.network.NetworkNamespace;
import dev.vz.net.capture.CaptureReader;
import dev.vz.testing.Peers;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The guide's network for guests, as a program of its own: two guests are network namespaces of this host. */
@Timeout(120)
class GuestNetworkTest {

    @TempDir
    private Path folder;

    private static String run(NetworkNamespace where, String... command) {
        return where.call(() -> {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectInput(Redirect.PIPE)
                    .start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            process.waitFor();
            return said;
        });
    }

    private Process start(NetworkNamespace where) {
        String path = Stream.of("jdk.module.path", "java.class.path").map(System::getProperty).filter(Objects::nonNull)
                .collect(Collectors.joining(":"));
        return where.call(() -> new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-cp", path, "dev.vz.guide.GuestNetwork",
                "guest1", "guest2").directory(folder.toFile())
                .redirectErrorStream(true).redirectOutput(folder.resolve("said").toFile()).start());
    }

    /** Takes the TAP to the guest, and lets it ask for an address there. */
    private String configured(NetworkNamespace host, NetworkNamespace guest, String tap) throws Exception {
        String there = "/proc/" + ProcessHandle.current().pid() + "/fd/" + guest.descriptor().value();
        assertThat(run(host, "ip", "link", "set", tap, "netns", there)).isEmpty();
        assertThat(run(guest, "ip", "link", "set", tap, "up")).isEmpty();
        Path script = Files.writeString(folder.resolve("script"),
                "#!/bin/sh\n[ \"$1\" = bound ] && ip address add $ip/24 dev $interface && echo \"address $ip\"\nexit 0\n");
        assertThat(script.toFile().setExecutable(true)).isTrue();
        String said = run(guest, "udhcpc", "-i", tap, "-f", "-n", "-q", "-t", "8", "-T", "1", "-s", script.toString());
        Matcher address = Pattern.compile("address (10\\.0\\.2\\.\\d+)").matcher(said);
        assertThat(address.find()).as(said).isTrue();
        return address.group(1);
    }

    @Test
    void twoGuestsGetAddressesSeeTheGatewayAndNotEachOtherAndAreRecorded() throws Exception {
        Peers.root();
        Peers.program("ip", "iproute2");
        Peers.program("udhcpc", "udhcpc");
        Peers.program("ping", "iputils-ping");
        try (var host = NetworkNamespace.create(); var first = NetworkNamespace.create();
                var second = NetworkNamespace.create()) {
            Process program = start(host);
            try {
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                while (!run(host, "ip", "link").contains("guest2")) {
                    assertThat(program.isAlive()).as(Files.readString(folder.resolve("said"))).isTrue();
                    assertThat(System.nanoTime() - end).as("nanoseconds past the wait").isNegative();
                    Thread.sleep(50);
                }
                String one = configured(host, first, "guest1");
                String two = configured(host, second, "guest2");
                assertThat(one).isNotEqualTo(two);
                assertThat(run(first, "ping", "-c", "1", "-w", "60", "10.0.2.2")).contains("1 received");
                assertThat(run(second, "ping", "-c", "1", "-w", "60", "10.0.2.2")).contains("1 received");
                assertThat(run(first, "ping", "-c", "1", "-W", "1", two)).contains("0 received");
            } finally {
                program.destroy();
                assertThat(program.waitFor(30, TimeUnit.SECONDS)).isTrue();
            }
        }
        int frames = 0;
        try (var reader = CaptureReader.open(folder.resolve("guests.pcapng"))) {
            while (reader.next()) {
                frames++;
            }
        }
        assertThat(frames).as("frames in the capture").isGreaterThan(12);
    }
}
