package dev.vz.machine.watchdog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.bus.BusDevice;
import dev.vz.error.FormatException;
import dev.vz.machine.clock.ManualClock;
import dev.vz.machine.device.PowerControl;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The 6300ESB's watchdog, driven as Linux's driver does, on a clock that is advanced by hand. */
@Timeout(120)
class IntelWatchdogTest {

    private static final long SECOND = 1_000_000_000;

    private final ManualClock clock = new ManualClock(0);
    private final List<String> events = new ArrayList<>();

    private final class Power implements PowerControl {
        @Override
        public void powerOff() {
            events.add("off");
        }

        @Override
        public void reset(String source) {
            events.add("reset by " + source);
        }

        @Override
        public void debugExit(int value) {
            events.add("exit");
        }
    }

    private IntelWatchdog watchdog(WatchdogAction action) {
        return new IntelWatchdog(clock, new Power(), action, () -> events.add("rang"));
    }

    private final IntelWatchdog watchdog = watchdog(WatchdogAction.RESET);

    private static void write(IntelWatchdog to, int offset, int size, int value) {
        BusDevice registers = to.bars().getFirst().device();
        registers.write(0xC, 2, 0x80);
        registers.write(0xC, 2, 0x86);
        registers.write(offset, size, value);
    }

    private static void touch(IntelWatchdog to) {
        write(to, 0xC, 2, 0x100);
    }

    /** As Linux does: half of the time for each stage, no interrupt. */
    private static void start(IntelWatchdog to, int seconds) {
        to.writeConfig(0x60, 2, 3);
        write(to, 0, 4, seconds << 9);
        write(to, 4, 4, seconds << 9);
        touch(to);
        to.writeConfig(0x68, 1, 2);
    }

    @Test
    void itIsFoundAsThe6300EsbWatchdogWithSixteenBytesOfRegisters() {
        assertThat(watchdog.readConfig(0, 4)).isEqualTo(0x25AB_8086);
        assertThat(watchdog.readConfig(0xA, 2)).as("class").isEqualTo(0x0880);
        watchdog.writeConfig(0x10, 4, -1);
        assertThat(watchdog.readConfig(0x10, 4)).isEqualTo(0xFFFF_FFF0);
        watchdog.writeConfig(0x10, 4, 0xFE00_0010);
        assertThat(watchdog.readConfig(0x12, 2)).isEqualTo(0xFE00);
        watchdog.writeConfig(4, 2, 0xFFFF);
        assertThat(watchdog.readConfig(4, 4)).isEqualTo(7);
        watchdog.writeConfig(0, 4, 0);
        assertThat(watchdog.readConfig(0, 2)).as("read-only").isEqualTo(0x8086);
    }

    @Test
    void aGuestThatTouchesItInTimeLivesAndOneThatStopsIsReset() {
        start(watchdog, 2);
        for (int i = 0; i < 10; i++) {
            clock.advance(SECOND * 3 / 2);
            touch(watchdog);
        }
        assertThat(events).isEmpty();
        clock.advance(SECOND * 19 / 10);
        assertThat(events).as("before the time is up").isEmpty();
        clock.advance(SECOND / 4);
        assertThat(events).containsExactly("rang", "reset by watchdog");
        assertThat(watchdog.isRunning()).isFalse();
        clock.advance(100 * SECOND);
        assertThat(events).as("once").hasSize(2);
    }

    @ParameterizedTest
    @EnumSource
    void theActionIsTheOwnersChoice(WatchdogAction action) {
        start(watchdog(action), 1);
        clock.advance(2 * SECOND);
        assertThat(events).isEqualTo(switch (action) {
            case RESET -> List.of("rang", "reset by watchdog");
            case POWER_OFF -> List.of("rang", "off");
            case NONE -> List.of("rang");
        });
    }

    @Test
    void afterAResetTheGuestLearnsThatItWasTheWatchdogUntilItClearsThat() {
        start(watchdog, 1);
        clock.advance(2 * SECOND);
        watchdog.reset();
        BusDevice registers = watchdog.bars().getFirst().device();
        assertThat(registers.read(0xC, 2) & 0x200).isNotZero();
        assertThat(watchdog.timedOut()).isTrue();
        registers.write(0xC, 2, 0x300);
        assertThat(watchdog.timedOut()).as("not unlocked").isTrue();
        write(watchdog, 0xC, 2, 0x300);
        assertThat(watchdog.timedOut()).isFalse();
        assertThat(registers.read(0xC, 2)).isZero();
    }

    @Test
    void registersTakeAValueOnlyAfterBothUnlockingWrites() {
        BusDevice registers = watchdog.bars().getFirst().device();
        registers.write(0, 4, 5);
        registers.write(0xC, 2, 0x80);
        registers.write(0, 4, 5);
        registers.write(0xC, 2, 0x86);
        registers.write(0, 4, 5);
        assertThat(registers.read(0, 4)).isEqualTo(0xF_FFFF);
        registers.write(0xC, 2, 0x80);
        registers.write(0xC, 2, 0x80);
        registers.write(0xC, 2, 0x86);
        registers.write(0, 4, 0xFFF0_0005);
        assertThat(registers.read(0, 4)).as("20 bits").isEqualTo(5);
        registers.write(0, 4, 6);
        assertThat(registers.read(0, 4)).as("for one write").isEqualTo(5);
        registers.write(0xC, 2, 0x80);
        registers.write(0xC, 2, 0x86);
        write(watchdog, 0, 4, 7);
        assertThat(registers.read(0, 4)).as("unlocked twice").isEqualTo(7);
    }

    @Test
    void aLockedWatchdogCannotBeStopped() {
        start(watchdog, 1);
        watchdog.writeConfig(0x68, 1, 3);
        watchdog.writeConfig(0x68, 1, 0);
        assertThat(watchdog.readConfig(0x68, 1)).isEqualTo(3);
        clock.advance(2 * SECOND);
        assertThat(events).hasSize(2);
        watchdog.reset();
        assertThat(watchdog.readConfig(0x68, 1)).isZero();
    }

    @Test
    void oneThatIsDisabledDoesNothing() {
        start(watchdog, 1);
        watchdog.writeConfig(0x68, 1, 0);
        touch(watchdog);
        clock.advance(100 * SECOND);
        assertThat(events).isEmpty();
    }

    @Test
    void anOutputThatIsOffActsOnNobodyButIsRemembered() {
        start(watchdog, 1);
        watchdog.writeConfig(0x60, 2, 0x23);
        clock.advance(2 * SECOND);
        assertThat(events).isEmpty();
        assertThat(watchdog.timedOut()).isTrue();
    }

    @Test
    void theFirstStageIsToldInTheInterruptStatus() {
        start(watchdog, 2);
        watchdog.writeConfig(0x60, 2, 0);
        BusDevice registers = watchdog.bars().getFirst().device();
        clock.advance(SECOND / 2);
        assertThat(registers.read(8, 4)).isZero();
        clock.advance(SECOND);
        assertThat(registers.read(8, 4)).isEqualTo(1);
        registers.write(8, 4, 1);
        assertThat(registers.read(8, 4)).isZero();
        assertThat(events).isEmpty();
    }

    @Test
    void aFreeRunningCounterNeverActsAndCannotKeepTheHostBusy() {
        write(watchdog, 0, 4, 0);
        write(watchdog, 4, 4, 0);
        watchdog.writeConfig(0x60, 2, 4);
        watchdog.writeConfig(0x68, 1, 6);
        clock.advance(10 * SECOND);
        assertThat(events).isEmpty();
        assertThat(watchdog.isRunning()).isTrue();
        assertThat(WatchdogTimer.nanos(0, true)).isEqualTo(1_000_000);
    }

    @Test
    void itStandsWhileTheMachineIsPaused() {
        start(watchdog, 1);
        clock.advance(SECOND / 4);
        watchdog.pause();
        clock.advance(100 * SECOND);
        watchdog.resume();
        assertThat(events).isEmpty();
        clock.advance(SECOND / 2);
        assertThat(events).isEmpty();
        clock.advance(SECOND / 2);
        assertThat(events).hasSize(2);
    }

    @Test
    void aSavedWatchdogGoesOnWhereItWas() {
        start(watchdog, 4);
        clock.advance(3 * SECOND);
        IntelWatchdog.State state = watchdog.save();
        assertThat(state.stage()).isEqualTo(2);
        watchdog.close();
        IntelWatchdog other = watchdog(WatchdogAction.POWER_OFF);
        other.restore(state);
        assertThat(other.save()).isEqualTo(state);
        clock.advance(SECOND / 2);
        assertThat(events).isEmpty();
        clock.advance(SECOND);
        assertThat(events).containsExactly("rang", "off");
    }

    @Test
    void statesThatCannotBeAreRefused() {
        IntelWatchdog.State good = watchdog.save();
        for (var wrong : List.of(
                new IntelWatchdog.State(8, 0, 0, 0, 0, 0, 0, 0, false, 0, 0, 0),
                new IntelWatchdog.State(0, 1, 0, 0, 0, 0, 0, 0, false, 0, 0, 0),
                new IntelWatchdog.State(0, 0, 0, 0, 8, 0, 0, 0, false, 0, 0, 0),
                new IntelWatchdog.State(0, 0, 0, 0, 0, -1, 0, 0, false, 0, 0, 0),
                new IntelWatchdog.State(0, 0, 0, 0, 0, 0, 0, 0, false, 3, 0, 0),
                new IntelWatchdog.State(0, 0, 0, 0, 0, 0, 0, 0, false, 0, 3, 0),
                new IntelWatchdog.State(0, 0, 0, 0, 0, 0, 0, 0, false, 0, 1, -1),
                new IntelWatchdog.State(0, 0, 0, 0, 0, 0, 0, 0, false, 0, 1, Long.MAX_VALUE))) {
            assertThatThrownBy(() -> watchdog.restore(wrong)).isInstanceOf(FormatException.class);
        }
        assertThat(watchdog.save()).isEqualTo(good);
    }

    @Test
    void nothingThatAGuestDoesThrows() {
        var random = new Random(1);
        BusDevice registers = watchdog.bars().getFirst().device();
        assertThatCode(() -> {
            for (int i = 0; i < 100_000; i++) {
                int size = 1 << random.nextInt(3);
                int value = random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(0x400);
                switch (random.nextInt(4)) {
                    case 0 -> watchdog.writeConfig(random.nextInt(64) * 4, size, value);
                    case 1 -> watchdog.readConfig(random.nextInt(64) * 4, size);
                    case 2 -> write(watchdog, random.nextInt(16 / size) * size, size, value);
                    default -> registers.read(random.nextInt(16 / size) * size, size);
                }
                clock.advance(random.nextInt(1 << 20));
            }
        }).doesNotThrowAnyException();
        watchdog.restore(watchdog.save());
    }
}
