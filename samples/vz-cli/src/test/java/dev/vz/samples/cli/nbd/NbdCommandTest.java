package dev.vz.samples.cli.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.ring.IoRing;
import dev.vz.testing.Listeners;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** {@code vz nbd} as an operator uses it, within this process. */
@Timeout(120)
class NbdCommandTest {

    @TempDir
    Path folder;

    private Path disk;
    private Path socket;

    private record Outcome(int status, String out, String err) {}

    @BeforeEach
    void makeDisk() throws IOException {
        disk = folder.resolve("disk.raw");
        socket = folder.resolve("s");
        try (var file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(1 << 20);
            file.seek(65536);
            file.write("here".repeat(2000).getBytes(StandardCharsets.US_ASCII));
        }
    }

    private static Outcome run(Object... arguments) {
        var out = new StringWriter();
        var err = new StringWriter();
        var words = new String[arguments.length];
        for (int i = 0; i < words.length; i++) {
            words[i] = arguments[i].toString();
        }
        int status = new CommandLine(new NbdCommand()).setOut(new PrintWriter(out)).setErr(new PrintWriter(err))
                .execute(words);
        return new Outcome(status, out.toString(), err.toString());
    }

    private CompletableFuture<Outcome> serve(Object... more) throws InterruptedException {
        return serveFile(disk, Stream.concat(Stream.of("-f", "raw"), Stream.of(more)).toArray());
    }

    private CompletableFuture<Outcome> serveFile(Path image, Object... more) throws InterruptedException {
        Object[] arguments = Stream.of(Stream.of("serve", "-k", socket), Stream.of(more), Stream.of(image))
                .flatMap(part -> part).toArray();
        // On a thread of its own: on two processors the common pool has one, and servers block it.
        CompletableFuture<Outcome> server = CompletableFuture.supplyAsync(() -> run(arguments),
                task -> Thread.ofPlatform().daemon().start(task));
        while (!Listeners.listens(socket) && !server.isDone()) {
            Thread.sleep(5);
        }
        return server;
    }

    private String uri(String export) {
        return "nbd+unix:///" + export + "?socket=" + socket;
    }

    @ParameterizedTest
    @ValueSource(strings = {"inline", "threads", "io_uring"})
    void everyWayToMoveDataServesTheSame(String aio) throws Exception {
        Peers.require(!aio.equals("io_uring") || IoRing.isAvailable(), "this kernel or sandbox allows no io_uring");
        CompletableFuture<Outcome> server = serve("--aio", aio, "-r");
        Path copy = folder.resolve("copy.raw");
        assertThat(run("copy", uri(""), copy).status()).isZero();
        assertThat(Files.mismatch(disk, copy)).isEqualTo(-1);
        assertThat(server.get(60, TimeUnit.SECONDS)).isEqualTo(new Outcome(0, "", ""));
    }

    @Test
    void aServerEndsWhenItsLastClientHasLeft() throws Exception {
        CompletableFuture<Outcome> server = serve("-x", "disk", "-D", "the disk", "-r");
        Outcome info = run("info", uri("disk"));
        assertThat(info.out()).contains("export: 'disk'", "description: the disk", "size:  1048576", "readonly",
                "base:allocation");
        Path copy = folder.resolve("copy.raw");
        assertThat(run("copy", uri("disk"), copy).status()).isZero();
        assertThat(Files.mismatch(disk, copy)).isEqualTo(-1);
        assertThat(server.get(60, TimeUnit.SECONDS).status()).isZero();
        assertThat(socket).doesNotExist();
    }

    @Test
    void theListIsQemuNbdsLetterByLetter() throws Exception {
        Path theirs = Peers.program("qemu-nbd", "qemu-utils");
        CompletableFuture<Outcome> server = serve("-e", "0", "-A");
        Process process = new ProcessBuilder(theirs.toString(), "-L", "-k", socket.toString())
                .redirectErrorStream(true).start();
        String expected = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(expected).isZero();
        assertThat(run("serve", "-L", "-k", socket).out()).isEqualTo(expected);
        Path part = folder.resolve("all.raw");
        assertThat(run("copy", uri(""), part).status()).isZero();
        assertThat(server.get(60, TimeUnit.SECONDS).status()).isZero();
    }

    @Test
    void anOffsetShowsTheRest() throws Exception {
        CompletableFuture<Outcome> server = serve("-o", "65536");
        Path copy = folder.resolve("copy.raw");
        assertThat(run("copy", uri(""), copy).status()).isZero();
        assertThat(Files.size(copy)).isEqualTo((1 << 20) - 65536);
        assertThat(Files.readString(copy, StandardCharsets.US_ASCII)).startsWith("here");
        assertThat(server.get(60, TimeUnit.SECONDS).status()).isZero();
    }

    private static String tool(String debian, String name, Object... arguments) throws Exception {
        var command = new ArrayList<String>(List.of(Peers.program(name, debian).toString()));
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(out).isZero();
        return out;
    }

    @ParameterizedTest
    @ValueSource(strings = {"qcow2", "vmdk", "vdi", "vhdx", "vpc", "qed", "parallels"})
    void everyFormatIsServedStatedOrNot(String format) throws Exception {
        Path image = folder.resolve("disk." + format);
        tool("qemu-utils", "qemu-img", "convert", "-f", "raw", "-O", format, disk, image);
        for (Object[] options : new Object[][] {{"-r"}, {"-r", "-f", format}}) {
            CompletableFuture<Outcome> server = serveFile(image, options);
            Path copy = folder.resolve("copy.raw");
            assertThat(run("copy", uri(""), copy).status()).isZero();
            // Where a format rounds the size up, zeros follow.
            assertThat(Arrays.copyOf(Files.readAllBytes(copy), 1 << 20)).isEqualTo(Files.readAllBytes(disk));
            assertThat(server.get(60, TimeUnit.SECONDS).status()).isZero();
        }
    }

    @Test
    void aPersistentBitmapIsAContext() throws Exception {
        Path image = folder.resolve("disk.qcow2");
        tool("qemu-utils", "qemu-img", "create", "-f", "qcow2", image, "1M");
        tool("qemu-utils", "qemu-img", "bitmap", "--add", "-f", "qcow2", image, "b0");
        tool("qemu-utils", "qemu-io", "-f", "qcow2", "-c", "write 128k 64k", image);
        CompletableFuture<Outcome> server = serveFile(image, "-f", "qcow2", "-B", "b0", "-e", "0");
        assertThat(tool("libnbd-bin", "nbdinfo", "--map=qemu:dirty-bitmap:b0", uri("")).lines()
                .map(line -> line.strip().replaceAll(" +", " "))).containsExactly("0 131072 0 clean",
                        "131072 65536 1 dirty", "196608 851968 0 clean");
        assertThat(server.get(60, TimeUnit.SECONDS).status()).isZero();
        Outcome missing = run("serve", "-k", socket, "-f", "qcow2", "-B", "b1", image);
        assertThat(missing.status()).isEqualTo(1);
        assertThat(missing.err()).contains("Bitmap 'b1' is not found");
    }

    @Test
    void whatClientsWriteIsForgottenIfThatIsWanted() throws Exception {
        byte[] before = Files.readAllBytes(disk);
        CompletableFuture<Outcome> server = serve("-s");
        tool("qemu-utils", "qemu-io", "-f", "raw", "-c", "write -P 9 0 64k", "-c", "read -P 9 0 64k", uri(""));
        assertThat(server.get(60, TimeUnit.SECONDS).status()).isZero();
        assertThat(Files.readAllBytes(disk)).isEqualTo(before);
    }

    @Test
    void wrongUsageIsSaid() {
        assertThat(run("serve").status()).isEqualTo(2);
        assertThat(run("serve", "-k", socket, "-p", "1", disk).err()).contains("A Unix socket");
        assertThat(run("serve", "-e", "-1", disk).err()).contains("Invalid shared device number '-1'");
        assertThat(run("nonsense").status()).isEqualTo(2);
    }
}
