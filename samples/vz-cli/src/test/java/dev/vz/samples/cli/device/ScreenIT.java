package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.display.Screen.Rectangle;
import dev.vz.machine.display.FramebufferDisplay;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.virtio.input.InputDevice;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A person's side of a guest: the display without a device, which is Linux's efifb and fbcon on the framebuffer that the
 * boot loader told of, and keyboard and tablet as virtio_input drives them.
 */
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

    private static final int KEY_ENTER = 28;
    private static final int KEY_A = 30;

    private static void type(InputDevice keyboard, int key) {
        keyboard.key(key, true);
        keyboard.key(key, false);
    }

    @Test
    void the_console_can_be_written_to_a_picture_and_typed_at() throws Exception {
        var picture = new PngPicture();
        var keyboard = InputDevice.keyboard();
        var tablet = InputDevice.tablet();
        try (KitGuest guest = KitGuest.startWithDisplay(WIDTH, HEIGHT, Set.of("virtio_pci", "virtio_input", "evdev"),
                machine -> {
                    VirtioSlots.overPci(machine, keyboard);
                    VirtioSlots.overPci(machine, tablet);
                }, """
                grep -q EFI /proc/fb || exit 1
                [ "$(cat /sys/class/graphics/fb0/virtual_size)" = 1024,768 ] || exit 2
                # No cursor, an empty screen, ten red cells, and below them five letters.
                printf '\\033[?25l\\033[2J\\033[H\\033[41m          \\033[0m\\r\\nHELLO' >/dev/tty1
                for e in /sys/class/input/event*; do
                    case "$(cat $e/device/name)" in
                        'Vz Virtio Keyboard') keyboard=/dev/input/${e##*/} ;;
                        'Vz Virtio Tablet') tablet=/dev/input/${e##*/} ;;
                    esac
                done
                exec 5<$keyboard 6<$tablet 7</dev/tty1; echo drawn
                # Eight halves of a time, type, code, value.
                events() { head -c $((24 * $1)) | hexdump -v -e '12/2 "%u " "\\n"' | cut -d' ' -f9-11 | tr '\\n' ,; }
                echo "keys $(events 8 <&5)"; echo "pointer $(events 4 <&6)"
                read -r typed <&7; echo "typed $typed"
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

            type(keyboard, KEY_A);
            type(keyboard, KEY_ENTER);
            tablet.pointer(512, 384, WIDTH, HEIGHT, 1);
            guest.awaitEnd(0);
            assertThat(guest.output()).contains("keys 1 30 1,0 0 0,1 30 0,0 0 0,1 28 1,0 0 0,1 28 0,0 0 0,\n")
                    .contains("pointer 3 0 16399,3 1 16404,1 272 1,0 0 0,\n").contains("typed a\n");
        }
    }
}
