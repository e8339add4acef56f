package dev.vz.samples.cli.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Peers;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** {@code vz nbd} as an operator uses it, within this process. */
@Timeout(60)
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
        var arguments = new Object[more.length + 6];
        System.arraycopy(new Object[] {"serve", "-f", "raw", "-k", socket}, 0, arguments, 0, 5);
        System.arraycopy(more, 0, arguments, 5, more.length);
        arguments[arguments.length - 1] = disk;
        CompletableFuture<Outcome> server = CompletableFuture.supplyAsync(() -> run(arguments));
        while (!Files.exists(socket) && !server.isDone()) {
            Thread.sleep(5);
        }
        return server;
    }

    private String uri(String export) {
        return "nbd+unix:///" + export + "?socket=" + socket;
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
        assertThat(server.get(10, TimeUnit.SECONDS).status()).isZero();
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
        assertThat(server.get(10, TimeUnit.SECONDS).status()).isZero();
    }

    @Test
    void anOffsetShowsTheRest() throws Exception {
        CompletableFuture<Outcome> server = serve("-o", "65536");
        Path copy = folder.resolve("copy.raw");
        assertThat(run("copy", uri(""), copy).status()).isZero();
        assertThat(Files.size(copy)).isEqualTo((1 << 20) - 65536);
        assertThat(Files.readString(copy, StandardCharsets.US_ASCII)).startsWith("here");
        assertThat(server.get(10, TimeUnit.SECONDS).status()).isZero();
    }

    @Test
    void wrongUsageIsSaid() {
        assertThat(run("serve").status()).isEqualTo(2);
        assertThat(run("serve", "-k", socket, "-p", "1", disk).err()).contains("A Unix socket");
        assertThat(run("serve", "-e", "-1", disk).err()).contains("Invalid shared device number '-1'");
        assertThat(run("nonsense").status()).isEqualTo(2);
    }
}
