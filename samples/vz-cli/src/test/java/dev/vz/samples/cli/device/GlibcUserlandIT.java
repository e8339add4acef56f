package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.error.VzException;
import dev.vz.samples.cli.kit.CacheFolder;
import dev.vz.samples.cli.kit.DebianTree;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Programs of Debian's say to the last byte what they say natively, where the software CPU executes them: one root file
 * system, once entered with {@code chroot}, once as the disk of a guest.
 */
@Tag("guest")
@Timeout(600)
class GlibcUserlandIT {

    /** The mathematics library takes other ways with these, and rounds differently; the guest does not have them. */
    private static final String SAME_MATHEMATICS = "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F";
    private static final List<String> ENVIRONMENT = List.of("/usr/bin/env", "-i", "PATH=/usr/bin:/bin", "LC_ALL=C",
            "HOME=/tmp", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", SAME_MATHEMATICS);
    private static final List<String> TOOLS = List.of("dash", "coreutils", "diffutils", "grep", "sed", "gzip", "tar",
            "python3", "openssl");
    private static final List<String> COMPILER = List.of("dash", "coreutils", "gcc", "libc6-dev");

    @TempDir
    Path folder;

    @Test
    void tools_python_and_openssl_compute_what_they_compute_natively() throws Exception {
        compare(tree("tree-of-tools", TOOLS), "tools.sh", List.of("program.py"), 1);
    }

    /** Takes minutes where other work keeps the processors busy. */
    @Test
    @EnabledIfSystemProperty(named = "vz.guest.compiler", matches = "true")
    void a_compiler_makes_the_same_programs_which_compute_the_same() throws Exception {
        compare(tree("tree-of-compiler", COMPILER), "compiler.sh", List.of("program.c"), 2);
    }

    private static Path tree(String name, List<String> packages) {
        try {
            var cache = new CacheFolder(Path.of(System.getProperty("vz.cli.target", "target"), "test-cache"));
            return DebianTree.in(cache.path().isAbsolute() ? cache : new CacheFolder(cache.path().toAbsolutePath()),
                    name, packages);
        } catch (VzException failure) {
            Peers.require(false, "Debian's packages cannot be fetched: " + failure.getMessage());
            throw failure;
        }
    }

    private void compare(Path tree, String script, List<String> files, int cpus) throws Exception {
        String natively = natively(tree, script, files);
        assertThat(natively).endsWith("done\n");
        assertThat(guest(tree, script, files, cpus)).isEqualTo(natively);
    }

    /** What the script says in the tree; the tree is as before afterwards. */
    private String natively(Path tree, String script, List<String> files) throws Exception {
        Path work = Files.createTempDirectory(tree.resolve("tmp"), "work");
        try {
            for (String file : files) {
                Files.writeString(work.resolve(file), text(file));
            }
            var command = new ArrayList<>(entering());
            command.add(tree.toString());
            command.addAll(ENVIRONMENT);
            command.addAll(List.of("/bin/sh", "-ec", "cd /tmp/" + work.getFileName() + "\n" + text(script)
                    + "\necho done\n"));
            Path out = folder.resolve("native");
            Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile())
                    .redirectInput(Path.of("/dev/null").toFile()).start();
            try {
                assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
            } finally {
                process.destroyForcibly();
            }
            return Files.readString(out);
        } finally {
            try (var left = Files.list(work)) {
                for (Path file : left.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(work);
        }
    }

    /** How a program is started in another root: root may do so; others are root in a namespace of their own first. */
    private static List<String> entering() {
        String chroot = Peers.program("chroot", "coreutils").toString();
        return System.getProperty("user.name").equals("root") ? List.of(chroot)
                : List.of(Peers.program("unshare", "util-linux").toString(), "--map-root-user", chroot);
    }

    /** What the script says in a guest that has a copy of the tree as its disk. */
    private String guest(Path tree, String script, List<String> files, int cpus) throws Exception {
        Path disk = folder.resolve("disk");
        Process making = new ProcessBuilder(Peers.program("mke2fs", "e2fsprogs").toString(), "-q", "-F", "-t", "ext4",
                "-O", "^has_journal", "-d", tree.toString(), disk.toString(), "512M").redirectErrorStream(true)
                .redirectOutput(folder.resolve("mke2fs").toFile()).start();
        assertThat(making.waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(making.exitValue()).as(Files.readString(folder.resolve("mke2fs"))).isZero();
        var commands = new StringBuilder(
                "mkdir -p /m; mount -t ext4 /dev/vda /m && mkdir -p /m/tmp/copy && cd /m/tmp/copy "
                        + "|| exit 9\n");
        for (String file : files) {
            here(commands, file, text(file));
        }
        here(commands, "script", "cd /tmp/copy\n" + text(script) + "\necho done\n");
        // To a file, as natively: some programs write in another order to a terminal.
        commands.append("chroot /m ").append(String.join(" ", ENVIRONMENT))
                .append(" /bin/sh -e /tmp/copy/script >said 2>&1; status=$?; cat said; exit $status\n");
        GuestDevices devices = GuestDevices.NONE.withDisks(List.of(DiskOption.parse(disk + ",cache=unsafe")));
        long begun = System.nanoTime();
        try (KitGuest guest = KitGuest.start(cpus, devices, commands.toString())) {
            guest.awaitEnd(0);
            System.out.printf("%s in a guest: %.1f s%n", script, (System.nanoTime() - begun) / 1e9);
            String output = guest.output();
            return output.substring(0, output.indexOf("\0marker 0\n"));
        }
    }

    private static void here(StringBuilder commands, String file, String text) {
        commands.append("cat >").append(file).append(" <<'END-OF-FILE'\n").append(text).append("END-OF-FILE\n");
    }

    private static String text(String name) throws IOException {
        try (InputStream in = GlibcUserlandIT.class.getResourceAsStream("workload/" + name)) {
            return new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
