package dev.vz.machine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.machine.serial.SerialLine;
import org.junit.jupiter.api.Test;

class SmallPortsTest {

    private final RecordingPower power = new RecordingPower();

    @Test
    void the_reset_control_register_resets_when_RESET_CPU_rises() {
        var reset = new ResetControl(power);
        reset.write(0, 1, 2);
        assertThat(power.asked).isEmpty();
        reset.write(0, 1, 6);
        assertThat(power.asked).containsExactly("reset: port 0xcf9");
        reset.write(0, 1, 6);
        assertThat(power.asked).as("it has to fall first").hasSize(1);
        reset.write(0, 1, 0);
        reset.write(0, 1, 4);
        assertThat(power.asked).hasSize(2);
    }

    @Test
    void the_reset_control_register_reads_back_and_is_saved() {
        var reset = new ResetControl(power);
        reset.write(0, 1, 0xFA);
        assertThat(reset.read(0, 1)).isEqualTo(2);
        ResetControl.State state = reset.save();
        reset.reset();
        assertThat(reset.read(0, 1)).isZero();
        reset.restore(state);
        assertThat(reset.read(0, 1)).isEqualTo(2);
        assertThatThrownBy(() -> reset.restore(new ResetControl.State(8))).isInstanceOf(FormatException.class);
    }

    @Test
    void the_debug_exit_ends_the_run_with_what_is_written() {
        var exit = new DebugExit(power);
        exit.write(0, 4, 0x10);
        assertThat(power.asked).containsExactly("debug exit 16");
        assertThat(exit.read(0, 1)).isZero();
    }

    @Test
    void the_debug_console_says_that_it_is_there_and_passes_bytes_on() {
        var console = new DebugConsole();
        var seen = new StringBuilder();
        console.write(0, 1, 'x');
        SerialLine line = value -> {
            seen.append((char) value);
            return true;
        };
        console.connect(line);
        assertThat(console.read(0, 1)).isEqualTo(0xE9);
        console.write(0, 1, 'h');
        console.write(0, 1, 'i');
        assertThat(seen).hasToString("hi");
    }

    @Test
    void the_POST_port_keeps_the_last_code() {
        var post = new PostPort();
        post.write(0, 1, 0x55);
        assertThat(post.read(0, 1)).isEqualTo(0x55);
        assertThat(post.code()).isEqualTo(0x55);
        PostPort.State state = post.save();
        post.reset();
        assertThat(post.code()).isZero();
        post.restore(state);
        assertThat(post.code()).isEqualTo(0x55);
        assertThatThrownBy(() -> post.restore(new PostPort.State(256))).isInstanceOf(FormatException.class);
    }
}
