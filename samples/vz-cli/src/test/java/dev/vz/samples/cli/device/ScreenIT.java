package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.display.Screen.Rectangle;
import dev.vz.machine.display.FramebufferDisplay;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The display without a device: Linux's efifb and fbcon on the framebuffer that the boot loader told of. */
@Tag("guest")
@Timeout(400)
class ScreenIT {

    private static final int WIDTH = 1024;
    private static final int HEIGHT = 768;
    /** Of the kernel's own font, in pixels. */
    private static final int CELL_WIDTH = 8;
    private static final int CELL_HEIGHT = 16;
    /** Linux's console colours. */
    private static final int RED = 0xAA0000;
    private static final int GREY = 0xAAAAAA;

    @Test
    void the_console_that_the_guest_shows_can_be_written_to_a_picture() throws Exception {
        var picture = new PngPicture();
        try (KitGuest guest = KitGuest.startWithDisplay(WIDTH, HEIGHT, """
                grep -q EFI /proc/fb || exit 1
                [ "$(cat /sys/class/graphics/fb0/virtual_size)" = 1024,768 ] || exit 2
                # No cursor, an empty screen, ten red cells, and below them five letters.
                printf '\\033[?25l\\033[2J\\033[H\\033[41m          \\033[0m\\r\\nHELLO' >/dev/tty1
                echo drawn; sleep 300
                """);
                var display = new FramebufferDisplay(guest.machine().memory(),
                        guest.machine().framebuffer().orElseThrow(), picture)) {
            guest.await("drawn");
            // The console is drawn a moment after it was written to.
            var cells = new Rectangle(0, 0, 10 * CELL_WIDTH, CELL_HEIGHT);
            var word = new Rectangle(0, CELL_HEIGHT, 5 * CELL_WIDTH, CELL_HEIGHT);
            long deadline = System.nanoTime() + KitGuest.LIMIT.toNanos();
            do {
                assertThat(System.nanoTime()).as("the guest has drawn it").isLessThan(deadline);
                Thread.sleep(50);
                display.refresh();
            } while (picture.count(cells, RED) < 10 * CELL_WIDTH * CELL_HEIGHT || picture.count(word, GREY) < 50);
            assertThat(picture.count(new Rectangle(0, 0, WIDTH, HEIGHT), RED))
                    .isEqualTo(10 * CELL_WIDTH * CELL_HEIGHT);
            // Letters are strokes: less than half of their cells, and nothing to the right of them.
            assertThat(picture.count(word, GREY)).isBetween(50, 5 * CELL_WIDTH * CELL_HEIGHT / 2);
            assertThat(picture.count(new Rectangle(5 * CELL_WIDTH, CELL_HEIGHT, 60 * CELL_WIDTH, CELL_HEIGHT), GREY))
                    .isZero();
            Path file = Files.createDirectories(Path.of(System.getProperty("vz.cli.target", "target")))
                    .resolve("guest-console.png");
            picture.write(file);
            assertThat(file).isNotEmptyFile();
        }
    }
}
