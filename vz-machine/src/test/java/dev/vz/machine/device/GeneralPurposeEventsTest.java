package dev.vz.machine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The GPE0 block (ACPI 6.5, 4.8.4.1). */
class GeneralPurposeEventsTest {

    private final List<Boolean> sci = new ArrayList<>();
    private final GeneralPurposeEvents events = new GeneralPurposeEvents(sci::add);

    @Test
    void an_event_interrupts_once_it_is_enabled_and_until_it_is_cleared() {
        events.raise(1);
        assertThat(sci).isEmpty();
        assertThat(events.read(0, 1)).isEqualTo(2);
        events.write(1, 1, 2);
        assertThat(sci).containsExactly(true);
        events.raise(1);
        assertThat(sci).as("it is up already").containsExactly(true);
        events.write(0, 1, 2);
        assertThat(sci).containsExactly(true, false);
        assertThat(events.read(0, 2)).isEqualTo(0x200);
    }

    @Test
    void clearing_one_event_leaves_the_others() {
        events.write(1, 1, 0xFF);
        events.raise(0);
        events.raise(7);
        events.write(0, 1, 1);
        assertThat(events.read(0, 1)).isEqualTo(0x80);
        assertThat(sci).containsExactly(true);
        events.reset();
        assertThat(sci).containsExactly(true, false);
        assertThat(events.read(0, 2)).isZero();
    }

    @Test
    void its_state_comes_back_and_what_cannot_be_a_state_is_refused() {
        events.write(0, 2, 0x0200);
        events.raise(1);
        var other = new GeneralPurposeEvents(sci::add);
        other.restore(events.save());
        assertThat(sci).containsExactly(true, true);
        assertThat(other.read(0, 2)).isEqualTo(0x202);
        assertThatThrownBy(() -> other.restore(new GeneralPurposeEvents.State(0x100, 0)))
                .isInstanceOf(FormatException.class);
    }
}
