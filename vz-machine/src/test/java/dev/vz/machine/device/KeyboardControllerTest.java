package dev.vz.machine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.bus.BusDevice;
import dev.vz.error.FormatException;
import dev.vz.testing.Allocations;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class KeyboardControllerTest {

    private final RecordingPower power = new RecordingPower();
    private boolean interrupt;
    private final KeyboardController controller = new KeyboardController(high -> interrupt = high, power);
    private final BusDevice data = controller.dataPort();
    private final BusDevice command = controller.commandPort();

    private int status() {
        return (int) command.read(0, 1);
    }

    private int read() {
        assertThat(status() & 1).as("output buffer full").isEqualTo(1);
        return (int) data.read(0, 1);
    }

    private void command(int value) {
        command.write(0, 1, value);
    }

    private void data(int value) {
        data.write(0, 1, value);
    }

    /** Raw set 2, and the interrupt off so that only the buffer counts. */
    private void untranslated() {
        command(0x60);
        data(0x24);
    }

    @Test
    void passes_its_self_test() {
        command(0xAA);
        assertThat(read()).isEqualTo(0x55);
        command(0xAB);
        assertThat(read()).isZero();
        assertThat(status() & 1).isZero();
    }

    @Test
    void holds_its_configuration() {
        command(0x20);
        assertThat(read()).isEqualTo(0x65);
        command(0x60);
        data(0x44);
        command(0x20);
        assertThat(read()).isEqualTo(0x44);
    }

    @Test
    void finds_no_mouse_and_answers_at_once() {
        command(0xD3);
        data(0x5A);
        read();
        command(0xA9);
        assertThat(read()).as("not 0: the line is bad").isNotZero();
    }

    @Test
    void command_FE_pulses_the_reset_line() {
        command(0xFE);
        assertThat(power.asked).containsExactly("reset: keyboard controller command 0xfe");
    }

    @Test
    void the_output_ports_bit_0_is_the_reset_line() {
        command(0xD1);
        data(0xDF);
        assertThat(power.asked).isEmpty();
        command(0xD1);
        data(0xDE);
        assertThat(power.asked).containsExactly("reset: keyboard controller output port");
    }

    @Test
    void the_keyboard_answers_a_reset_with_its_self_test() {
        data(0xFF);
        assertThat(read()).isEqualTo(0xFA);
        assertThat(read()).isEqualTo(0xAA);
    }

    @Test
    void the_keyboard_identifies_itself() {
        untranslated();
        data(0xF2);
        assertThat(List.of(read(), read(), read())).containsExactly(0xFA, 0xAB, 0x83);
    }

    @Test
    void the_identity_is_translated_as_everything_is() {
        data(0xF2);
        assertThat(List.of(read(), read(), read())).containsExactly(0xFA, 0xAB, 0x41);
    }

    @Test
    void the_lamps_follow_command_ED() {
        data(0xED);
        assertThat(read()).isEqualTo(0xFA);
        data(0x04);
        assertThat(read()).isEqualTo(0xFA);
        assertThat(controller.keyboard().indicators()).isEqualTo(4);
    }

    @Test
    void an_unknown_command_is_asked_to_be_resent() {
        data(0xE1);
        assertThat(read()).isEqualTo(0xFE);
    }

    @Test
    void a_key_comes_as_set_1_and_interrupts() {
        controller.keyboard().key(30, true); // KEY_A
        assertThat(interrupt).isTrue();
        assertThat(read()).isEqualTo(0x1E);
        assertThat(interrupt).isFalse();
        controller.keyboard().key(30, false);
        assertThat(read()).isEqualTo(0x9E);
    }

    @Test
    void a_key_comes_as_set_2_without_translation() {
        untranslated();
        controller.keyboard().key(30, true);
        controller.keyboard().key(30, false);
        assertThat(List.of(read(), read(), read())).containsExactly(0x1C, 0xF0, 0x1C);
        assertThat(interrupt).isFalse();
    }

    @Test
    void keys_of_later_keyboards_have_a_prefix() {
        controller.keyboard().key(103, true); // KEY_UP
        controller.keyboard().key(103, false);
        assertThat(List.of(read(), read(), read(), read())).containsExactly(0xE0, 0x48, 0xE0, 0xC8);
    }

    @Test
    void every_main_key_arrives_with_its_linux_code_as_set_1() {
        for (int key = 1; key <= 83; key++) {
            controller.keyboard().key(key, true);
            assertThat(read()).isEqualTo(key);
            controller.keyboard().key(key, false);
            assertThat(read()).isEqualTo(key | 0x80);
        }
        for (int key : new int[] {87, 88}) {
            controller.keyboard().key(key, true);
            assertThat(read()).isEqualTo(key);
        }
    }

    @Test
    void keys_that_it_does_not_have_or_has_no_room_for_are_lost_whole() {
        controller.keyboard().key(500, true);
        controller.keyboard().key(-1, true);
        controller.keyboard().key(0, true);
        assertThat(status() & 1).isZero();
        for (int i = 0; i < 40; i++) {
            controller.keyboard().key(103, i % 2 == 0);
        }
        int bytes = 0;
        while ((status() & 1) != 0) {
            int value = (int) data.read(0, 1);
            assertThat(value).isEqualTo(bytes++ % 2 == 0 ? 0xE0 : bytes % 4 == 2 ? 0x48 : 0xC8);
        }
        assertThat(bytes).isGreaterThan(8);
    }

    @Test
    void a_disabled_keyboard_keeps_its_bytes_until_it_is_enabled() {
        command(0xAD);
        controller.keyboard().key(30, true);
        assertThat(status() & 1).isZero();
        command(0xAE);
        assertThat(read()).isEqualTo(0x1E);
    }

    @Test
    void a_keyboard_that_is_told_to_be_silent_is() {
        data(0xF5);
        read();
        controller.keyboard().key(30, true);
        assertThat(status() & 1).isZero();
        data(0xF4);
        assertThat(read()).isEqualTo(0xFA);
        controller.keyboard().key(30, true);
        assertThat(read()).isEqualTo(0x1E);
    }

    @Test
    void the_state_survives_saving_and_restoring() {
        controller.keyboard().key(30, true);
        controller.keyboard().key(31, true);
        data(0xED);
        KeyboardController.State state = controller.save();
        var other = new KeyboardController(high -> {}, power);
        other.restore(state);
        assertThat(other.save()).isEqualTo(state).hasSameHashCodeAs(state);
        assertThat(other.dataPort().read(0, 1)).isEqualTo(0x1E);
        assertThat(other.dataPort().read(0, 1)).isEqualTo(0x1F);
        assertThat(other.dataPort().read(0, 1)).isEqualTo(0xFA);
    }

    @Test
    void a_state_that_cannot_be_is_refused_and_changes_nothing() {
        KeyboardController.State good = controller.save();
        var badKeyboard = new Keyboard.State(List.of(0x100), 0, 0, true, 0);
        assertThatThrownBy(() -> controller.restore(new KeyboardController.State(new byte[32], 0, -1, false, false,
                badKeyboard))).isInstanceOf(FormatException.class);
        assertThatThrownBy(() -> controller.restore(new KeyboardController.State(new byte[3], 0, -1, false, false,
                good.keyboard()))).isInstanceOf(FormatException.class)
                .hasMessageContaining("32 bytes of memory, got 3");
        assertThat(controller.save()).isEqualTo(good);
    }

    @Test
    @Tag("allocation")
    void no_access_allocates() {
        assertThat(Allocations.perCall(20_000, () -> {
            controller.keyboard().key(30, true);
            command.read(0, 1);
            data.read(0, 1);
        })).isZero();
    }

    @Property(tries = 1_000)
    void whatever_a_guest_writes_it_answers_bytes_and_goes_on(@ForAll byte[] writes) {
        for (byte value : writes) {
            if ((value & 1) == 0) {
                command.write(0, 1, value & 0xFF);
            } else {
                data.write(0, 1, value & 0xFF);
            }
            controller.keyboard().key(value & 0x7F, value < 0);
            assertThat(data.read(0, 1)).isBetween(0L, 255L);
        }
        controller.reset();
        command(0xAA);
        assertThat(read()).isEqualTo(0x55);
    }
}
