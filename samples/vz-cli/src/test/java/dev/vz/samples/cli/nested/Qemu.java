package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.fail;

import dev.vz.testing.Peers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * A guest in QEMU's own emulation, with two serial ports that go to files. TCG gives its guest working SVM with nested
 * paging, so that KVM inside it behaves as on hardware.
 *
 * @param kernel      a bzImage
 * @param initrd      its initial root file system
 * @param commandLine the kernel's
 * @param memory      MiB
 * @param processors  number of virtual processors
 */
record Qemu(Path kernel, Path initrd, String commandLine, int memory, int processors) {

    /**
     * What the guest said.
     *
     * @param console first serial port
     * @param data    second serial port
     * @param took    from start to power-off
     */
    record Result(String console, byte[] data, Duration took) {}

    /**
     * Runs it until it powers off; the test fails if that takes longer than {@code limit}.
     *
     * @param options more of QEMU's own
     */
    Result run(Path folder, Duration limit, String... options) throws IOException, InterruptedException {
        Path program = Peers.program("qemu-system-x86_64", "qemu-system-x86");
        Path console = folder.resolve("console");
        Path data = folder.resolve("data");
        Path errors = folder.resolve("qemu-errors");
        Path monitor = folder.resolve("monitor");
        var command = new ArrayList<>(List.of(program.toString(), "-accel", "tcg,thread=multi", "-cpu", "max", "-smp",
                Integer.toString(processors), "-m", Integer.toString(memory), "-display", "none", "-no-reboot", "-nic",
                "none", "-kernel", kernel.toString(), "-initrd", initrd.toString(), "-append", commandLine, "-serial",
                "file:" + console, "-serial", "file:" + data, "-monitor",
                "unix:" + monitor + ",server=on,wait=off"));
        command.addAll(List.of(options));
        long start = System.nanoTime();
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(errors.toFile())
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile())).start();
        try {
            if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                fail("The guest in QEMU did not power off within " + limit.toSeconds() + " s. Its console ends:\n"
                        + tail(text(console)) + "\nIts data port ends:\n" + tail(text(data))
                        + "\nIts processors, twice:\n" + registers(monitor) + registers(monitor)
                        + "\nQEMU itself:\n" + tail(text(errors)));
            }
        } finally {
            process.destroyForcibly();
        }
        if (process.exitValue() != 0) {
            fail("QEMU ended with status " + process.exitValue() + ": " + text(errors));
        }
        return new Result(text(console), Files.readAllBytes(data), Duration.ofNanos(System.nanoTime() - start));
    }

    /** Where every processor is, by QEMU's monitor: tells a guest that waits from one that spins. */
    private static String registers(Path monitor) {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(monitor))) {
            channel.write(ByteBuffer.wrap("info registers -a\n".getBytes(StandardCharsets.US_ASCII)));
            channel.configureBlocking(false);
            var answer = new ByteArrayOutputStream();
            var buffer = ByteBuffer.allocate(1 << 16);
            // The monitor does not say when it has done.
            for (int i = 0; i < 20; i++) {
                TimeUnit.MILLISECONDS.sleep(100);
                while (channel.read(buffer.clear()) > 0) {
                    answer.write(buffer.array(), 0, buffer.position());
                }
            }
            return answer.toString(StandardCharsets.ISO_8859_1).lines()
                    .filter(line -> line.matches("(CPU#|RIP=|RSP=|RAX=).*"))
                    .collect(Collectors.joining("\n", "", "\n"));
        } catch (IOException failure) {
            return "not known: " + failure + "\n";
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            return "not known: interrupted\n";
        }
    }

    private static String text(Path file) throws IOException {
        return Files.exists(file) ? new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1) : "";
    }

    private static String tail(String text) {
        return text.length() <= 4000 ? text : text.substring(text.length() - 4000);
    }
}
