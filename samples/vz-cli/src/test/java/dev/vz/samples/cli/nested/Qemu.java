package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.fail;

import dev.vz.testing.Peers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

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

    /** Runs it until it powers off; the test fails if that takes longer than {@code limit}. */
    Result run(Path folder, Duration limit) throws IOException, InterruptedException {
        Path program = Peers.program("qemu-system-x86_64", "qemu-system-x86");
        Path console = folder.resolve("console");
        Path data = folder.resolve("data");
        Path errors = folder.resolve("qemu-errors");
        var command = new ArrayList<>(List.of(program.toString(), "-accel", "tcg,thread=multi", "-cpu", "max", "-smp",
                Integer.toString(processors), "-m", Integer.toString(memory), "-display", "none", "-no-reboot", "-nic",
                "none", "-kernel", kernel.toString(), "-initrd", initrd.toString(), "-append", commandLine, "-serial",
                "file:" + console, "-serial", "file:" + data));
        long start = System.nanoTime();
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(errors.toFile())
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile())).start();
        try {
            if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                fail("The guest in QEMU did not power off within " + limit.toSeconds() + " s. Its console ends:\n"
                        + tail(text(console)) + "\nIts data port ends:\n" + tail(text(data)));
            }
        } finally {
            process.destroyForcibly();
        }
        if (process.exitValue() != 0) {
            fail("QEMU ended with status " + process.exitValue() + ": " + text(errors));
        }
        return new Result(text(console), Files.readAllBytes(data), Duration.ofNanos(System.nanoTime() - start));
    }

    private static String text(Path file) throws IOException {
        return Files.exists(file) ? new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1) : "";
    }

    private static String tail(String text) {
        return text.length() <= 4000 ? text : text.substring(text.length() - 4000);
    }
}
