package dev.vz.machine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.machine.clock.ManualClock;
import dev.vz.testing.Allocations;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Register names are those of the MC146818 data sheet. */
class CmosRtcTest {

    private static final int SECONDS = 0;
    private static final int MINUTES = 2;
    private static final int HOURS = 4;
    private static final int WEEKDAY = 6;
    private static final int DAY = 7;
    private static final int MONTH = 8;
    private static final int YEAR = 9;
    private static final int A = 0xA;
    private static final int B = 0xB;
    private static final int C = 0xC;
    private static final int D = 0xD;
    private static final int CENTURY = 0x32;
    private static final long SECOND = 1_000_000_000L;

    private final ManualClock clock = new ManualClock(nanos("2026-11-23T14:05:59Z"));
    private boolean interrupt;
    private final CmosRtc rtc = new CmosRtc(high -> interrupt = high, clock);

    private static long nanos(String instant) {
        return Instant.parse(instant).getEpochSecond() * SECOND;
    }

    private int get(int register) {
        rtc.write(0, 1, register);
        return (int) rtc.read(1, 1);
    }

    private void set(int register, int value) {
        rtc.write(0, 1, register);
        rtc.write(1, 1, value);
    }

    @Test
    void shows_the_time_in_bcd_and_24_hours_after_power_on() {
        assertThat(get(SECONDS)).isEqualTo(0x59);
        assertThat(get(MINUTES)).isEqualTo(0x05);
        assertThat(get(HOURS)).isEqualTo(0x14);
        assertThat(get(WEEKDAY)).as("Monday").isEqualTo(2);
        assertThat(get(DAY)).isEqualTo(0x23);
        assertThat(get(MONTH)).isEqualTo(0x11);
        assertThat(get(YEAR)).isEqualTo(0x26);
        assertThat(get(CENTURY)).isEqualTo(0x20);
    }

    @Test
    void shows_the_time_in_binary_when_DM_is_set() {
        set(B, 0x06);
        assertThat(get(SECONDS)).isEqualTo(59);
        assertThat(get(HOURS)).isEqualTo(14);
        assertThat(get(YEAR)).isEqualTo(26);
    }

    @Test
    void shows_twelve_hours_with_PM_in_bit_7() {
        set(B, 0);
        assertThat(get(HOURS)).isEqualTo(0x82);
        clock.advance(10 * 3600 * SECOND);
        assertThat(get(HOURS)).as("midnight is 12 AM").isEqualTo(0x12);
        clock.advance(12 * 3600 * SECOND);
        assertThat(get(HOURS)).as("noon is 12 PM").isEqualTo(0x92);
    }

    @Test
    void goes_on_with_the_clock() {
        clock.advance(2 * SECOND);
        assertThat(get(SECONDS)).isEqualTo(0x01);
        assertThat(get(MINUTES)).isEqualTo(0x06);
    }

    @Test
    void can_be_set_while_SET_halts_it() {
        set(B, 0x82);
        set(HOURS, 0x23);
        set(MINUTES, 0x59);
        set(SECONDS, 0x58);
        set(DAY, 0x28);
        set(MONTH, 0x02);
        set(YEAR, 0x24);
        clock.advance(10 * SECOND);
        assertThat(get(SECONDS)).as("halted").isEqualTo(0x58);
        set(B, 0x02);
        clock.advance(2 * SECOND);
        assertThat(get(HOURS)).isZero();
        assertThat(get(DAY)).as("2024 is a leap year").isEqualTo(0x29);
        assertThat(get(MONTH)).isEqualTo(0x02);
    }

    @Test
    void the_register_of_a_field_that_cannot_be_is_brought_into_range() {
        set(MONTH, 0x99);
        set(MINUTES, 0xFF);
        set(CENTURY, 0);
        assertThat(get(MONTH)).isEqualTo(0x12);
        assertThat(get(MINUTES)).isEqualTo(0x59);
        assertThat(get(CENTURY)).isEqualTo(0x19);
    }

    @Test
    void UIP_is_set_for_the_last_two_milliseconds_of_a_second() {
        assertThat(get(A) & 0x80).isZero();
        clock.advance(SECOND - 2_000_000);
        assertThat(get(A) & 0x80).isEqualTo(0x80);
        clock.advance(2_000_000);
        assertThat(get(A) & 0x80).isZero();
    }

    @Test
    void the_battery_is_fine() {
        assertThat(get(D)).isEqualTo(0x80);
    }

    @Test
    void the_update_interrupt_comes_each_second_until_C_is_read() {
        set(B, 0x12);
        clock.advance(SECOND);
        assertThat(interrupt).isTrue();
        assertThat(get(C) & 0x90).isEqualTo(0x90);
        assertThat(interrupt).isFalse();
        assertThat(get(C)).isZero();
        clock.advance(SECOND);
        assertThat(interrupt).isTrue();
    }

    @Test
    void update_and_alarm_flags_are_set_without_interrupts_too() {
        get(C);
        clock.advance(SECOND);
        assertThat(get(C) & 0x10).isEqualTo(0x10);
        assertThat(interrupt).isFalse();
    }

    @Test
    void the_alarm_comes_at_its_time_and_only_then() {
        set(1, 0x30);
        set(3, 0x10);
        set(5, 0x14);
        get(C);
        set(B, 0x22);
        clock.advance((4 * 60 + 30) * SECOND);
        assertThat(interrupt).isFalse();
        clock.advance(SECOND);
        assertThat(interrupt).isTrue();
        assertThat(get(C) & 0xA0).isEqualTo(0xA0);
        clock.advance(3600 * SECOND);
        assertThat(interrupt).as("once a day").isFalse();
        clock.advance(23 * 3600 * SECOND);
        assertThat(interrupt).isTrue();
    }

    @Test
    void an_alarm_field_of_C0_or_more_matches_every_value() {
        set(1, 0x00);
        set(3, 0xFF);
        set(5, 0xC0);
        get(C);
        set(B, 0x22);
        for (int i = 0; i < 3; i++) {
            clock.advance(60 * SECOND);
            assertThat(interrupt).isTrue();
            get(C);
        }
    }

    @Test
    void the_periodic_interrupt_comes_at_the_rate_of_register_A() {
        set(A, 0x26); // 1024 Hz
        get(C);
        set(B, 0x42);
        int count = 0;
        for (int i = 0; i < 10_000; i++) {
            clock.advance(100_000);
            if (interrupt) {
                count++;
                assertThat(get(C) & 0xC0).isEqualTo(0xC0);
            }
        }
        assertThat(count).isBetween(1023, 1024);
    }

    @Test
    void a_16_bit_write_to_the_index_port_writes_the_register_as_well() {
        rtc.write(0, 2, 0x5A40);
        assertThat(get(0x40)).isEqualTo(0x5A);
    }

    @Test
    void reset_switches_interrupts_off_and_keeps_time_and_memory() {
        set(0x40, 0x77);
        set(B, 0x72);
        clock.advance(SECOND);
        rtc.reset();
        assertThat(interrupt).isFalse();
        assertThat(get(B)).isEqualTo(0x02);
        assertThat(get(0x40)).isEqualTo(0x77);
        assertThat(get(MINUTES)).isEqualTo(0x06);
    }

    @Test
    void the_clock_of_the_host_may_be_set_back() {
        set(B, 0x12);
        set(B, 0x92);
        set(YEAR, 0x20);
        set(B, 0x12);
        clock.advance(SECOND);
        assertThat(get(YEAR)).isEqualTo(0x20);
    }

    @Test
    void the_state_survives_saving_and_restoring() {
        set(0x40, 0x77);
        set(YEAR, 0x30);
        set(B, 0x12);
        CmosRtc.State state = rtc.save();
        var other = new CmosRtc(high -> {}, clock);
        other.restore(state);
        assertThat(other.save()).isEqualTo(state);
        other.write(0, 1, YEAR);
        assertThat(other.read(1, 1)).isEqualTo(0x30);
    }

    @Test
    void a_state_that_cannot_be_is_refused() {
        assertThatThrownBy(() -> rtc.restore(new CmosRtc.State(new byte[64], 0, 0, 0, 0)))
                .isInstanceOf(FormatException.class).hasMessageContaining("it has 128 bytes, got 64");
        assertThatThrownBy(() -> rtc.restore(new CmosRtc.State(new byte[128], 128, 0, 0, 0)))
                .isInstanceOf(FormatException.class);
        assertThatThrownBy(() -> rtc.restore(new CmosRtc.State(new byte[128], 0, 0, Long.MIN_VALUE, 0)))
                .isInstanceOf(FormatException.class);
    }

    @Test
    @Tag("allocation")
    void no_access_allocates() {
        assertThat(Allocations.perCall(20_000, () -> {
            get(SECONDS);
            get(YEAR);
            get(C);
            set(B, 0x32);
        })).isZero();
    }

    @Property(tries = 2_000)
    void the_calendar_agrees_with_java_time(
            @ForAll @LongRange(min = -2_208_988_800L, max = 7_258_118_399L) long second) {
        var calendar = new RtcCalendar();
        calendar.set(second * SECOND);
        LocalDateTime expected = LocalDateTime.ofEpochSecond(second, 0, ZoneOffset.UTC);
        int binary = 0x06;
        assertThat(calendar.get(SECONDS, binary)).isEqualTo(expected.getSecond());
        assertThat(calendar.get(MINUTES, binary)).isEqualTo(expected.getMinute());
        assertThat(calendar.get(HOURS, binary)).isEqualTo(expected.getHour());
        assertThat(calendar.get(WEEKDAY, binary)).isEqualTo(expected.getDayOfWeek().getValue() % 7 + 1);
        assertThat(calendar.get(DAY, binary)).isEqualTo(expected.getDayOfMonth());
        assertThat(calendar.get(MONTH, binary)).isEqualTo(expected.getMonthValue());
        assertThat(calendar.get(CENTURY, binary) * 100 + calendar.get(YEAR, binary)).isEqualTo(expected.getYear());
        assertThat(calendar.epochNanos()).isEqualTo(second * SECOND);
    }

    @Property(tries = 300)
    void the_next_alarm_is_the_first_second_that_matches(@ForAll @LongRange(min = 0, max = 4_000_000_000L) long second,
            @ForAll @IntRange(max = 24) int h, @ForAll @IntRange(max = 60) int m, @ForAll @IntRange(max = 60) int s) {
        int hour = h == 24 ? 0xFF : h;
        int minute = m == 60 ? 0xFF : m;
        int sec = s == 60 ? 0xC0 : s;
        long found = new RtcCalendar().nextAlarm(second * SECOND, hour, minute, sec, 0x06) / SECOND;
        long expected = second + 1;
        while (!matches(expected, hour, minute, sec)) {
            expected++;
        }
        assertThat(found).isEqualTo(expected);
    }

    private static boolean matches(long second, int h, int m, int s) {
        long inDay = second % 86_400;
        return (h >= 0xC0 || inDay / 3600 == h) && (m >= 0xC0 || inDay / 60 % 60 == m)
                && (s >= 0xC0 || inDay % 60 == s);
    }

    @Property(tries = 500)
    void a_guest_that_writes_anything_anywhere_gets_some_time(@ForAll byte[] writes, @ForAll boolean binary) {
        for (int i = 0; i + 1 < writes.length; i += 2) {
            set(writes[i] & 0x7F, writes[i + 1] & 0xFF);
            clock.advance((writes[i] & 0xFF) * 7_000_000L);
            for (int register = 0; register < 128; register++) {
                assertThat(get(register)).isBetween(0, 255);
            }
        }
        set(B, binary ? 0x06 : 0x02);
        assertThat(get(MONTH)).isBetween(1, 0x12);
        assertThat(get(MINUTES)).isBetween(0, 0x59);
    }
}
