package dev.vz.machine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.machine.clock.ManualClock;
import dev.vz.testing.Allocations;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Sections are those of ACPI 6.5. */
class AcpiPowerManagementTest {

    private static final int PM1_STS = 0;
    private static final int PM1_EN = 2;
    private static final int PM1_CNT = 4;
    private static final int PM_TMR = 8;
    private static final int PWRBTN = 0x100;
    private static final long SECOND = 1_000_000_000L;

    private final ManualClock clock = new ManualClock(0);
    private final RecordingPower power = new RecordingPower();
    private boolean sci;
    private final AcpiPowerManagement acpi = new AcpiPowerManagement(high -> sci = high, power, clock);

    @Test
    void is_in_ACPI_mode_from_the_start() {
        assertThat(acpi.read(PM1_CNT, 2)).isEqualTo(1);
    }

    @Test
    void switches_off_when_SLP_EN_is_written_with_the_type_of_S5() {
        acpi.write(PM1_CNT, 2, 5 << 10);
        assertThat(power.asked).isEmpty();
        acpi.write(PM1_CNT, 2, 5 << 10 | 1 << 13);
        assertThat(power.asked).containsExactly("power off");
        assertThat(acpi.read(PM1_CNT, 2)).as("SLP_EN reads as zero (4.8.3.2.1)").isEqualTo(5 << 10 | 1);
    }

    @Test
    void other_sleep_types_do_nothing() {
        for (int type = 0; type < 8; type++) {
            if (type != 5) {
                acpi.write(PM1_CNT, 2, type << 10 | 1 << 13);
            }
        }
        assertThat(power.asked).isEmpty();
    }

    @Test
    void the_power_button_sets_its_status_and_interrupts_once_enabled() {
        acpi.pressPowerButton();
        assertThat(acpi.read(PM1_STS, 2)).isEqualTo(PWRBTN);
        assertThat(sci).isFalse();
        assertThat(acpi.listensToPowerButton()).isFalse();
        acpi.write(PM1_EN, 2, PWRBTN);
        assertThat(acpi.listensToPowerButton()).isTrue();
        assertThat(sci).isTrue();
        acpi.write(PM1_STS, 2, PWRBTN);
        assertThat(sci).as("writing one clears it (4.8.1.1.1)").isFalse();
        assertThat(acpi.read(PM1_STS, 2)).isZero();
    }

    @Test
    void writing_zero_to_a_status_bit_leaves_it() {
        acpi.pressPowerButton();
        acpi.write(PM1_STS, 2, 0xFFFF & ~PWRBTN);
        assertThat(acpi.read(PM1_STS, 2)).isEqualTo(PWRBTN);
    }

    @Test
    void registers_can_be_reached_as_bytes_and_as_32_bits() {
        acpi.write(PM1_EN + 1, 1, 1);
        assertThat(acpi.read(PM1_EN, 2)).isEqualTo(PWRBTN);
        acpi.pressPowerButton();
        assertThat(acpi.read(PM1_STS, 4)).isEqualTo((long) PWRBTN << 16 | PWRBTN);
        acpi.write(PM1_STS, 4, PWRBTN);
        assertThat(acpi.read(PM1_STS, 4)).isZero();
    }

    @Test
    void the_timer_ticks_3579545_times_a_second() {
        assertThat(acpi.read(PM_TMR, 4)).isZero();
        clock.advance(SECOND);
        assertThat(acpi.read(PM_TMR, 4)).isEqualTo(3_579_545);
        clock.advance(3 * 3600 * SECOND);
        assertThat(acpi.read(PM_TMR, 4)).isEqualTo(3_579_545L * (3 * 3600 + 1) & 0xFFFF_FFFFL);
        acpi.write(PM_TMR, 4, 0);
        assertThat(acpi.read(PM_TMR, 4)).as("it cannot be written").isNotZero();
    }

    @Test
    void a_change_of_the_timers_highest_bit_sets_TMR_STS_and_interrupts_if_enabled() {
        acpi.write(PM1_EN, 2, 1);
        clock.advance(599 * SECOND);
        assertThat(sci).isFalse();
        clock.advance(2 * SECOND); // 2^31 ticks are 599.93 seconds
        assertThat(sci).isTrue();
        assertThat(acpi.read(PM1_STS, 2) & 1).isEqualTo(1);
        acpi.write(PM1_STS, 2, 1);
        assertThat(sci).isFalse();
        clock.advance(600 * SECOND);
        assertThat(sci).isTrue();
    }

    @Test
    void the_state_survives_saving_and_restoring_with_the_timer() {
        acpi.write(PM1_EN, 2, PWRBTN);
        acpi.pressPowerButton();
        clock.advance(1_234_567_890L);
        AcpiPowerManagement.State state = acpi.save();
        var later = new ManualClock(0);
        later.advance(77 * SECOND);
        boolean[] raised = new boolean[1];
        var other = new AcpiPowerManagement(high -> raised[0] = high, power, later);
        other.restore(state);
        assertThat(raised[0]).isTrue();
        assertThat(other.read(PM_TMR, 4)).isBetween(acpi.read(PM_TMR, 4) - 1, acpi.read(PM_TMR, 4) + 1);
    }

    @Test
    void a_state_that_cannot_be_is_refused() {
        assertThatThrownBy(() -> acpi.restore(new AcpiPowerManagement.State(2, 0, 0, 0)))
                .isInstanceOf(FormatException.class).hasMessageContaining("a value is out of range");
        assertThatThrownBy(() -> acpi.restore(new AcpiPowerManagement.State(0, 0, 0, Long.MAX_VALUE)))
                .isInstanceOf(FormatException.class);
    }

    @Test
    @Tag("allocation")
    void no_access_allocates() {
        assertThat(Allocations.perCall(20_000, () -> {
            acpi.read(PM_TMR, 4);
            acpi.write(PM1_EN, 2, PWRBTN | 1);
            acpi.read(PM1_STS, 2);
        })).isZero();
    }

    @Property(tries = 1_000)
    void any_access_inside_its_range_is_answered(@ForAll @IntRange(max = 11) int offset,
            @ForAll @IntRange(min = 1, max = 8) int size,
            @ForAll long value) {
        int fits = Math.min(size, AcpiPowerManagement.PORTS - offset);
        acpi.write(offset, fits, value & -1L >>> 64 - 8 * fits);
        assertThat(acpi.read(offset, fits) >>> 1 >>> 8 * fits - 1).isZero();
        assertThat(acpi.save().control() & ~0x1C06).isZero();
    }
}
