package dev.vz.samples.cli.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ConsoleLogTest {

    private final ConsoleLog log = new ConsoleLog();

    @Test
    void aPanicIsFoundByItsLine() {
        feed("[    0.4] VFS: no root\r\n[    0.5] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n"
                + "[    0.5] CPU: 0 PID: 1\r\n");
        assertThat(log.panic()).hasValue("Kernel panic - not syncing: VFS: Unable to mount root fs");
        assertThat(log.lastLine()).hasValue("[    0.5] CPU: 0 PID: 1");
    }

    @Test
    void aQuietConsoleHasNoLastLine() {
        feed("\r\n  \r\n");
        assertThat(log.lastLine()).isEmpty();
        assertThat(log.panic()).isEmpty();
    }

    @Test
    void onlyTheEndOfALongLogIsKept() {
        feed("first\n" + "x".repeat(100_000) + "\nlast\n");
        assertThat(log.lastLine()).hasValue("last");
    }

    @Test
    void whatTheGuestSaysCannotSteerTheUsersTerminal() {
        feed("\u001b[2J\u001b[31mred\u0007\u001b]0;title\n");
        assertThat(log.lastLine().orElseThrow()).isEqualTo("red]0;title");
        feed("y".repeat(5000));
        assertThat(log.lastLine().orElseThrow()).hasSizeLessThanOrEqualTo(201);
    }

    private void feed(String text) {
        for (byte value : text.getBytes(StandardCharsets.UTF_8)) {
            log.write(value);
        }
    }
}
