package dev.vz.samples.cli.kit;

import dev.vz.error.HostException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The initial root file system of a guest that {@code vz} runs: busybox, a first process, and what this run wants of
 * the guest. Everything lies in {@code /vz}, so that it can also be laid over a root file system of the user's.
 *
 * @param busybox  a statically linked busybox
 * @param terminal what the guest's shell is told of the terminal
 * @param exec     what to run instead of an interactive shell; {@code null} for the shell
 * @param modules  kernel modules to load, in this order
 * @param setup    what to do with devices before anything else runs
 */
public record KitInitramfs(Path busybox, Terminal terminal, @Nullable Exec exec, List<Path> modules,
        Setup setup) {

    /** Keeps a copy. */
    public KitInitramfs {
        modules = List.copyOf(modules);
    }

    /** One whose first process leaves devices alone. */
    public KitInitramfs(Path busybox, Terminal terminal, @Nullable Exec exec, List<Path> modules) {
        this(busybox, terminal, exec, modules, Setup.NONE);
    }

    /** What makes the kernel start the first process in here: goes onto its command line. */
    public static final String COMMAND_LINE = "rdinit=/vz/init";

    /**
     * A terminal as the guest should see it.
     *
     * @param rows    lines
     * @param columns characters per line
     * @param type    the value of TERM
     */
    public record Terminal(int rows, int columns, String type) {
        /** What a terminal is when nothing is known of it. */
        public static final Terminal UNKNOWN = new Terminal(24, 80, "vt100");
    }

    /**
     * A shell script to run.
     *
     * @param script what {@code sh} reads
     * @param marker one word of printable ASCII that surrounds its output; see {@code init}
     */
    public record Exec(String script, String marker) {}

    /**
     * What the first process does with devices.
     *
     * @param dhcp   whether it asks for an address on every network card
     * @param shares tags of shared folders, each of which it mounts at {@code /mnt/TAG}; words of a shell
     */
    public record Setup(boolean dhcp, List<String> shares) {

        /** Nothing. */
        public static final Setup NONE = new Setup(false, List.of());

        /** Keeps a copy. */
        public Setup {
            shares = List.copyOf(shares);
        }
    }

    /** The archive as the kernel unpacks it. */
    public byte[] archive() {
        var bytes = new ByteArrayOutputStream(4 << 20);
        var archive = new CpioArchive(bytes);
        archive.directory("dev", 0755).characterDevice("dev/console", 0600, 5, 1).characterDevice("dev/null", 0666, 1,
                3);
        archive.directory("root", 0700).directory("vz", 0755);
        archive.file("vz/busybox", 0755, busybox).file("vz/init", 0755, resource("init"));
        if (setup.dhcp()) {
            archive.file("vz/lease", 0755, resource("lease"));
        }
        if (!setup.shares().isEmpty()) {
            archive.file("vz/shares", 0644, text(String.join("\n", setup.shares())));
        }
        archive.file("vz/terminal", 0644, text(terminal.rows() + " " + terminal.columns() + " " + terminal.type()));
        if (exec != null) {
            archive.file("vz/exec", 0755, text(exec.script())).file("vz/marker", 0600, text(exec.marker()));
        }
        if (!modules.isEmpty()) {
            archive.directory("vz/modules", 0755);
            for (int i = 0; i < modules.size(); i++) {
                // The names' order is that of loading.
                archive.file(String.format("vz/modules/%03d-%s", i, modules.get(i).getFileName()), 0644,
                        modules.get(i));
            }
        }
        archive.finish();
        return bytes.toByteArray();
    }

    private static byte[] text(String line) {
        return (line + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] resource(String name) {
        try (InputStream script = Objects.requireNonNull(KitInitramfs.class.getResourceAsStream(name))) {
            return script.readAllBytes();
        } catch (IOException failure) {
            throw new HostException("reading a script for the guest", "resource " + name, failure);
        }
    }
}
