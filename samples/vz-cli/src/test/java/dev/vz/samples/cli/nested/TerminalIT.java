package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Peers;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code vz boot} at a real pseudo-terminal: what a person types, sees, and finds afterwards. */
@Tag("guest")
class TerminalIT {

    private static final String PROMPT = "/root # ";
    private static final Duration LIMIT = Duration.ofSeconds(120);

    @TempDir
    Path folder;

    private Process session;
    private OutputStream keys;

    @BeforeAll
    static void fetch() {
        TestKit.fetched();
    }

    /** A terminal of 40 lines of 100 columns, in which {@code vz boot} runs on the software CPU. */
    @BeforeEach
    void open() throws Exception {
        Path script = Peers.program("script", "bsdutils");
        Path commands = folder.resolve("commands");
        Files.writeString(commands, """
                cd '%s'
                stty rows 40 cols 100
                stty -g >before
                tty >terminal
                '%s' boot --backend emulator --timeout %d
                echo "status $?"
                stty -g >after
                """.formatted(folder, VzCommand.launcher(), LIMIT.toSeconds()));
        var builder = new ProcessBuilder(script.toString(), "-q", "-f", "-c", "sh " + commands, screen().toString())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().putAll(new VzCommand(folder).settings());
        builder.environment().put("TERM", "vt220");
        session = builder.start();
        keys = session.getOutputStream();
    }

    @AfterEach
    void close() {
        session.descendants().forEach(ProcessHandle::destroyForcibly);
        session.destroyForcibly();
    }

    @Test
    void everyKeyReachesTheGuestButTheEscapeKeyWhichEndsItAndGivesTheTerminalBack() throws Exception {
        await(PROMPT);
        type("stty size; echo $TERM; cat\r");
        await("40 100\nvt220\n");
        type("\003");
        await("^C");
        type("echo $((6 * 7))-after-interrupt\r");
        await("42-after-interrupt\n");
        type("\001h");
        await("Ctrl-A X");
        type("\001x");
        ended();
        assertThat(Files.readString(screen())).contains("status ");
        assertThat(settings("after")).isEqualTo(settings("before"));
    }

    @Test
    void aTerminalInRawModeIsGivenBackWhenVzIsTerminated() throws Exception {
        await("Ctrl-A X");
        long end = System.nanoTime() + LIMIT.toNanos();
        while (current().equals(settings("before"))) {
            assertThat(System.nanoTime()).as("the terminal became raw within %s", LIMIT).isLessThan(end);
            Thread.sleep(50);
        }
        List<ProcessHandle> java = session.descendants()
                .filter(each -> each.info().command().orElse("").endsWith("/java")).toList();
        assertThat(java).hasSize(1);
        assertThat(java.getFirst().destroy()).as("asked to terminate").isTrue();
        ended();
        assertThat(Files.readString(screen())).contains("status 143");
        assertThat(settings("after")).isEqualTo(settings("before"));
    }

    private Path screen() {
        return folder.resolve("screen");
    }

    private String settings(String when) throws IOException {
        return Files.readString(folder.resolve(when));
    }

    /** What the terminal is set to now. */
    private String current() throws Exception {
        String name = Files.readString(folder.resolve("terminal")).strip();
        Process stty = new ProcessBuilder("stty", "-g", "-F", name).start();
        String text = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        assertThat(stty.waitFor()).isZero();
        return text;
    }

    private void type(String text) throws IOException {
        keys.write(text.getBytes(StandardCharsets.US_ASCII));
        keys.flush();
    }

    /** Waits until {@code text} is on the screen. */
    private void await(String text) throws Exception {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (!shown().contains(text)) {
            assertThat(session.isAlive()).as("the session goes on; the screen: %s", shown()).isTrue();
            assertThat(System.nanoTime()).as("\"%s\" within %s; the screen: %s", text, LIMIT, shown()).isLessThan(end);
            Thread.sleep(50);
        }
    }

    /** What is on the screen, without the carriage returns: guest and terminal each put one before a line feed. */
    private String shown() throws IOException {
        return Files.exists(screen())
                ? Files.readString(screen(), StandardCharsets.ISO_8859_1).replace("\r", "")
                : "(nothing yet)";
    }

    private void ended() throws Exception {
        assertThat(session.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS))
                .as("the session ended; the screen: %s", shown()).isTrue();
    }
}
