package dev.vz.machine.serial;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.machine.clock.ManualClock;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class SerialConsoleTest {

    private final Uart16550 uart = new Uart16550("COM1", high -> {}, new ManualClock(0));
    private final SerialConsole console = SerialConsole.connect(uart);

    private void guestWrites(String text) {
        text.chars().forEach(c -> uart.write(0, 1, c));
    }

    @Test
    void keeps_what_the_guest_writes() {
        guestWrites("login: \u00fc");
        assertThat(console.output()).isEqualTo("login: \u00fc");
        assertThat(console.written()).isEqualTo(8);
    }

    @Test
    void waits_for_a_text_that_arrives_in_pieces() throws Exception {
        Thread guest = Thread.ofPlatform().start(() -> {
            guestWrites("boot");
            guestWrites("ing\nlog");
            guestWrites("in:");
        });
        assertThat(console.awaitOutput("login:", Duration.ofSeconds(60))).isTrue();
        guest.join();
        assertThat(console.awaitOutput("never", Duration.ofMillis(20))).isFalse();
    }

    @Test
    void types_more_than_the_receiver_holds() throws Exception {
        String text = "echo a line that is longer than sixteen bytes\n".repeat(100);
        console.type(text);
        var read = new StringBuilder();
        while (read.length() < text.length()) {
            if ((uart.read(5, 1) & 1) != 0) {
                read.append((char) uart.read(0, 1));
            } else {
                Thread.onSpinWait();
            }
        }
        assertThat(read).hasToString(text);
    }

    @Test
    void keeps_the_end_of_a_flood_and_counts_all_of_it() {
        for (int i = 0; i < 5 << 20; i++) {
            uart.write(0, 1, 'x');
        }
        guestWrites("end");
        assertThat(console.written()).isEqualTo((5 << 20) + 3);
        assertThat(console.output()).endsWith("xend").hasSizeLessThanOrEqualTo(4 << 20);
    }
}
