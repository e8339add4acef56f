package dev.vz.net.bridge;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.network.NetworkNamespace;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** What tests do with the bridges of a network namespace. */
final class LinuxBridges {

    private static final Pattern PORT = Pattern.compile("bridge_slave state (\\w+)");

    private LinuxBridges() {}

    /**
     * Polls {@code loop} until the namespace's bridges forward at {@code ports} ports, which are all that they have. An
     * interface that was switched on becomes a bridge's working port only when the kernel's worker gets to it.
     */
    static void awaitForwarding(NetworkNamespace namespace, EpollLoop loop, int ports) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        String said = show(namespace);
        while (PORT.matcher(said).results().filter(port -> port.group(1).equals("forwarding")).count() < ports) {
            assertThat(System.nanoTime()).as("%d ports that forward in: %s", ports, said).isLessThan(end);
            loop.poll(20);
            said = show(namespace);
        }
        assertThat(PORT.matcher(said).results()).as(said).hasSize(ports);
    }

    private static String show(NetworkNamespace namespace) {
        return namespace.call(() -> {
            Process ip = new ProcessBuilder("ip", "-details", "link", "show").redirectErrorStream(true).start();
            String output = new String(ip.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(ip.waitFor()).as(output).isZero();
            return output;
        });
    }
}
