package dev.vz.virtio.input;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueKind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Keyboard and tablet (virtio 1.3, 5.8). */
class InputDeviceTest {

    private static QueueDriver start(TestDriver driver, int buffers) {
        driver.negotiate(driver.ringFeatures());
        QueueDriver events = driver.enable(0, 64);
        driver.driverOk();
        for (int i = 0; i < buffers; i++) {
            driver.submit(0, events, Buffer.writable(0x2000 + 8L * i, 8));
        }
        return events;
    }

    /** Type, code and value of the events in the buffers from {@code from} on. */
    private static List<String> events(TestDriver driver, QueueDriver queue, int from) {
        driver.run();
        List<String> seen = new ArrayList<>();
        int slot = from;
        while (queue.complete().isPresent()) {
            long at = 0x2000 + 8L * slot++;
            seen.add(driver.memory.readShort(at) + " " + driver.memory.readShort(at + 2) + " "
                    + driver.memory.readInt(at + 4));
        }
        return seen;
    }

    @ParameterizedTest
    @EnumSource
    void aKeyGoesDownAndUp(QueueKind kind) {
        InputDevice keyboard = InputDevice.keyboard();
        try (var driver = new TestDriver(keyboard, kind.features)) {
            QueueDriver events = start(driver, 10);
            keyboard.key(30, true);
            keyboard.key(30, false);
            assertThat(events(driver, events, 0)).containsExactly("1 30 1", "0 0 0", "1 30 0", "0 0 0");
            keyboard.pointer(1, 1, 10, 10, 1);
            keyboard.key(0, true);
            keyboard.key(5000, true);
            assertThat(events(driver, events, 4)).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPointerMovesAndClicks(QueueKind kind) {
        InputDevice tablet = InputDevice.tablet();
        try (var driver = new TestDriver(tablet, kind.features)) {
            QueueDriver events = start(driver, 32);
            tablet.pointer(0, 99, 101, 100, 1);
            assertThat(events(driver, events, 0)).containsExactly("3 0 0", "3 1 32767", "1 272 1", "0 0 0");
            tablet.pointer(50, 500, 101, 100, 4);
            assertThat(events(driver, events, 4)).containsExactly("3 0 16383", "3 1 32767", "1 272 0", "1 273 1",
                    "0 0 0");
            tablet.wheel(0, -2);
            assertThat(events(driver, events, 9)).containsExactly("2 8 -2", "0 0 0");
        }
    }

    @Test
    void eventsThatNobodyFetchesAreDroppedInWholeGroups() {
        InputDevice keyboard = InputDevice.keyboard();
        try (var driver = new TestDriver(keyboard, QueueKind.SPLIT.features)) {
            QueueDriver events = start(driver, 0);
            for (int i = 0; i < 10_000; i++) {
                keyboard.key(30, i % 2 == 0);
            }
            List<String> seen = new ArrayList<>();
            for (int round = 0; round < 40; round++) {
                for (int i = 0; i < 32; i++) {
                    driver.submit(0, events, Buffer.writable(0x2000 + 8L * i, 8));
                }
                seen.addAll(events(driver, events, 0));
            }
            assertThat(seen.size()).isBetween(500, 512);
            for (int i = 0; i < seen.size(); i += 2) {
                assertThat(seen.get(i)).startsWith("1 30 ");
                assertThat(seen.get(i + 1)).isEqualTo("0 0 0");
            }
        }
    }

    @Test
    void theDriverAsksWhatItIs() {
        InputDevice tablet = InputDevice.tablet();
        var config = tablet.config();
        config.write(0, 1, 1);
        int size = (int) config.read(2, 1);
        var name = new byte[size];
        for (int i = 0; i < size; i++) {
            name[i] = (byte) config.read(8 + i, 1);
        }
        assertThat(new String(name, StandardCharsets.US_ASCII)).isEqualTo("Vz Virtio Tablet");
        config.write(0, 2, 0x12);
        assertThat(config.read(2, 1)).as("ABS_INFO of x").isEqualTo(20);
        assertThat(config.read(8 + 4, 4)).isEqualTo(32767);
        config.write(0, 2, 0x12 | 5 << 8);
        assertThat(config.read(2, 1)).as("no such axis").isZero();
        config.write(0, 2, 0x11 | 1 << 8);
        assertThat(config.read(8 + 0x110 / 8, 1)).as("three buttons").isEqualTo(7);
        config.write(0, 2, 0xFFFF);
        assertThat(config.read(2, 8)).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void theGuestSwitchesLights(QueueKind kind) {
        InputDevice keyboard = InputDevice.keyboard();
        List<Integer> leds = new ArrayList<>();
        keyboard.onLeds(leds::add);
        try (var driver = new TestDriver(keyboard, kind.features)) {
            driver.negotiate(driver.ringFeatures());
            QueueDriver status = driver.enable(1, 16);
            driver.driverOk();
            led(driver, status, 1, 1);
            led(driver, status, 0, 1);
            led(driver, status, 1, 0);
            led(driver, status, 9, 1);
            assertThat(leds).containsExactly(2, 3, 1);
        }
    }

    private static void led(TestDriver driver, QueueDriver status, int code, int value) {
        driver.memory.writeShort(0x2000, (short) 17);
        driver.memory.writeShort(0x2002, (short) code);
        driver.memory.writeInt(0x2004, value);
        driver.submit(1, status, Buffer.readable(0x2000, 8));
        assertThat(status.complete()).isPresent();
    }

    @ParameterizedTest
    @EnumSource
    void anEventBufferThatIsTooShortNeedsAReset(QueueKind kind) {
        InputDevice keyboard = InputDevice.keyboard();
        try (var driver = new TestDriver(keyboard, kind.features)) {
            QueueDriver events = start(driver, 0);
            driver.submit(0, events, Buffer.writable(0x2000, 7));
            keyboard.key(30, true);
            driver.run();
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
        }
    }

    @Test
    void aSavedDeviceAnswersAsBefore() {
        InputDevice keyboard = InputDevice.keyboard();
        keyboard.config().write(0, 2, 0x11 | 1 << 8);
        InputState state = keyboard.save();
        InputDevice twin = InputDevice.keyboard();
        twin.restore(state);
        assertThat(twin.config().content()).isEqualTo(keyboard.config().content());
    }
}
