package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.samples.cli.kit.KernelModules;
import dev.vz.samples.cli.kit.KitInitramfs;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** The same guest as {@link KitGuest}'s, in QEMU's emulation: what ours have to get on with. */
final class QemuGuest implements AutoCloseable {

    private final Process process;
    private final Path console;
    private final Path output;

    private QemuGuest(Process process, Path console, Path output) {
        this.process = process;
        this.console = console;
        this.output = output;
    }

    /** Starts one with QEMU's own {@code options}, {@code modules} loaded and {@code script} running. */
    static QemuGuest start(Path folder, Set<String> modules, String script, String... options) throws IOException {
        Path program = Peers.program("qemu-system-x86_64", "qemu-system-x86");
        DebianGuestKit kit = KitGuest.kit();
        Path initrd = Files.write(folder.resolve("initrd"), new KitInitramfs(kit.busybox(),
                KitInitramfs.Terminal.UNKNOWN, new KitInitramfs.Exec(script, "marker"),
                new KernelModules(kit.modules()).inOrder(modules)).archive());
        Path console = folder.resolve("console");
        Path output = folder.resolve("output");
        var command = new ArrayList<>(List.of(program.toString(), "-accel", "tcg", "-m", "256", "-nodefaults",
                "-display",
                "none", "-no-reboot", "-serial", "file:" + console, "-serial", "file:" + output, "-kernel",
                kit.kernel().toString(), "-initrd", initrd.toString(), "-append",
                "console=ttyS0 panic=-1 " + KitInitramfs.COMMAND_LINE));
        command.addAll(List.of(options));
        Process process = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectInput(Path.of("/dev/null").toFile()).redirectOutput(folder.resolve("qemu").toFile()).start();
        return new QemuGuest(process, console, output);
    }

    /** Waits until the script has ended with {@code status} and the guest is off. */
    void awaitEnd(int status) throws IOException, InterruptedException {
        boolean off = process.waitFor(KitGuest.LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        assertThat(output()).as("what the guest said; its console: %s; QEMU: %s", read(console),
                read(console.resolveSibling("qemu"))).contains("\0marker " + status + "\n");
        assertThat(off).as("the guest is off").isTrue();
    }

    /** What the script has printed so far. */
    String output() throws IOException {
        return read(output);
    }

    private static String read(Path file) throws IOException {
        return Files.exists(file) ? Files.readString(file, StandardCharsets.ISO_8859_1) : "";
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
