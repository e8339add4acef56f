package dev.vz.virtio.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueKind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The console device (virtio 1.3, 5.3). */
class ConsoleDeviceTest {

    private final StringBuilder seen = new StringBuilder();

    private void see(ConsolePort port) {
        port.onOutput((segment, offset, length) -> {
            MemorySegment part = segment.asSlice(offset, length);
            seen.append(new String(part.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.US_ASCII));
        });
    }

    private static int write(ConsolePort port, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        return port.write(bytes, 0, bytes.length);
    }

    @ParameterizedTest
    @EnumSource
    void whatTheGuestWritesIsSeenInOrder(QueueKind kind) {
        var console = new ConsoleDevice();
        see(console.console());
        try (var driver = new TestDriver(console, kind.features)) {
            driver.negotiate(driver.ringFeatures());
            QueueDriver transmit = driver.enable(1, 16);
            driver.driverOk();
            driver.memory.write(0x2000, "hello, world".getBytes(StandardCharsets.US_ASCII));
            driver.submit(1, transmit, Buffer.readable(0x2000, 7), Buffer.readable(0x2007, 5));
            driver.submit(1, transmit, Buffer.readable(0x2000, 1));
            assertThat(seen).hasToString("hello, worldh");
            assertThat(transmit.complete()).isPresent();
            assertThat(transmit.complete()).isPresent();
        }
    }

    @ParameterizedTest
    @EnumSource
    void inputWaitsForBuffersAndFillsThem(QueueKind kind) {
        var console = new ConsoleDevice();
        try (var driver = new TestDriver(console, kind.features)) {
            QueueDriver receive = driver.start(0);
            assertThat(write(console.console(), "abcdef")).isEqualTo(6);
            driver.submit(0, receive, Buffer.writable(0x3000, 4));
            assertThat(receive.complete()).hasValueSatisfying(done -> assertThat(done.written()).isEqualTo(4));
            driver.submit(0, receive, Buffer.writable(0x3004, 4));
            assertThat(receive.complete()).hasValueSatisfying(done -> assertThat(done.written()).isEqualTo(2));
            assertThat(driver.memory.read(0x3000, 6)).isEqualTo("abcdef".getBytes(StandardCharsets.US_ASCII));
            driver.submit(0, receive, Buffer.writable(0x3000, 4));
            assertThat(receive.complete()).as("nothing to read").isEmpty();
            write(console.console(), "x");
            driver.run();
            assertThat(receive.complete()).isPresent();
        }
    }

    @Test
    void inputBeyondTheBufferIsRefusedAndTheWriterIsToldOfRoom() {
        var console = new ConsoleDevice();
        int[] told = {0};
        console.console().listen(new PortListener() {
            @Override
            public void writable() {
                told[0]++;
            }
        });
        try (var driver = new TestDriver(console, QueueKind.SPLIT.features)) {
            QueueDriver receive = driver.start(0);
            assertThat(console.console().write(new byte[100_000], 0, 100_000)).isEqualTo(65536);
            assertThat(console.console().write(new byte[1], 0, 1)).isZero();
            driver.submit(0, receive, Buffer.writable(0x3000, 4096));
            assertThat(told[0]).isEqualTo(1);
            assertThat(console.console().write(new byte[10_000], 0, 10_000)).isEqualTo(4096);
        }
    }

    @Test
    void aTerminalThatIsResizedInterrupts() {
        var console = new ConsoleDevice();
        try (var driver = new TestDriver(console, QueueKind.SPLIT.features)) {
            driver.start(ConsoleDevice.SIZE);
            console.console().resize(132, 43);
            assertThat(console.config().read(0, 2)).isEqualTo(132);
            assertThat(console.config().read(2, 2)).isEqualTo(43);
            assertThat(driver.configInterrupts).isEqualTo(1);
            assertThatThrownBy(() -> console.console().resize(0, 25)).isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    void emergencyOutputNeedsNoDriver() {
        var console = new ConsoleDevice();
        var early = new ArrayList<Integer>();
        console.onEmergency(early::add);
        console.config().write(8, 4, 'P');
        console.config().write(0, 4, 0x12345678);
        assertThat(early).containsExactly((int) 'P');
        assertThat(console.config().read(0, 4)).isZero();
    }

    /** A driver with several ports, up to the answers to DEVICE_READY. */
    private static final class Ports implements AutoCloseable {
        final ConsoleDevice console = new ConsoleDevice("org.example.agent");
        final TestDriver driver;
        final QueueDriver controlReceive;
        final QueueDriver controlTransmit;

        Ports(QueueKind kind) {
            driver = new TestDriver(console, kind.features);
            driver.negotiate(driver.ringFeatures() | ConsoleDevice.MULTIPORT | ConsoleDevice.SIZE);
            controlReceive = driver.enable(2, 16);
            controlTransmit = driver.enable(3, 16);
            driver.enable(0, 16);
            driver.driverOk();
            for (int i = 0; i < 12; i++) {
                driver.submit(2, controlReceive, Buffer.writable(0x4000 + 0x100L * i, 0x100));
            }
        }

        void send(int id, int event, int value) {
            driver.memory.writeInt(0x3000, id);
            driver.memory.writeShort(0x3004, (short) event);
            driver.memory.writeShort(0x3006, (short) value);
            driver.submit(3, controlTransmit, Buffer.readable(0x3000, 8));
            assertThat(controlTransmit.complete()).isPresent();
        }

        /** Id, event and value of each message that has come, and what follows them as text. */
        List<String> messages(int from) {
            var all = new ArrayList<String>();
            int slot = from;
            for (var done = controlReceive.complete(); done.isPresent(); done = controlReceive.complete()) {
                long at = 0x4000 + 0x100L * slot++;
                var more = new String(driver.memory.read(at + 8, done.get().written() - 8),
                        StandardCharsets.ISO_8859_1);
                all.add(driver.memory.readInt(at) + " " + driver.memory.readShort(at + 4) + " "
                        + driver.memory.readShort(at + 6) + more);
            }
            return all;
        }

        @Override
        public void close() {
            driver.close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void portsAreAddedNamedAndOpened(QueueKind kind) {
        try (var ports = new Ports(kind)) {
            ports.console.console().resize(80, 25);
            ports.send(0, ControlMessages.DEVICE_READY, 1);
            assertThat(ports.messages(0)).containsExactly("0 1 1", "1 1 1");
            ports.send(0, ControlMessages.PORT_READY, 1);
            ports.send(1, ControlMessages.PORT_READY, 1);
            assertThat(ports.messages(2)).containsExactly("0 4 1", "0 5 0P\0\u0019\0", "0 6 1",
                    "1 7 1org.example.agent\0", "1 6 1");
        }
    }

    @ParameterizedTest
    @EnumSource
    void inputForAPortThatTheGuestHasNotOpenedWaits(QueueKind kind) {
        try (var ports = new Ports(kind)) {
            ConsolePort agent = ports.console.ports().get(1);
            var opened = new ArrayList<Boolean>();
            agent.listen(new PortListener() {
                @Override
                public void opened(boolean open) {
                    opened.add(open);
                }
            });
            QueueDriver receive = ports.driver.enable(4, 16);
            ports.send(0, ControlMessages.DEVICE_READY, 1);
            ports.send(1, ControlMessages.PORT_READY, 1);
            ports.driver.submit(4, receive, Buffer.writable(0x8000, 64));
            write(agent, "early");
            ports.driver.run();
            assertThat(receive.complete()).isEmpty();
            ports.send(1, ControlMessages.PORT_OPEN, 1);
            assertThat(receive.complete()).hasValueSatisfying(done -> assertThat(done.written()).isEqualTo(5));
            ports.send(1, ControlMessages.PORT_OPEN, 0);
            assertThat(opened).containsExactly(true, false);
        }
    }

    @Test
    void outputOfASecondPortReachesIt() {
        try (var ports = new Ports(QueueKind.PACKED)) {
            see(ports.console.ports().get(1));
            QueueDriver transmit = ports.driver.enable(5, 16);
            ports.driver.memory.write(0x8000, "ok".getBytes(StandardCharsets.US_ASCII));
            ports.driver.submit(5, transmit, Buffer.readable(0x8000, 2));
            assertThat(seen).hasToString("ok");
        }
    }

    @Test
    void controlMessagesForPortsThatDoNotExistAreIgnored() {
        try (var ports = new Ports(QueueKind.SPLIT)) {
            for (int id : new int[] {2, 31, -1, Integer.MIN_VALUE}) {
                for (int event = 0; event < 10; event++) {
                    ports.send(id, event, event == 0 ? 0 : 1);
                }
            }
            assertThat(ports.messages(0)).isEmpty();
        }
    }

    @Test
    void aDriverThatAsksAgainAndAgainLosesItsOwnMessagesOnly() {
        try (var ports = new Ports(QueueKind.SPLIT)) {
            for (int i = 0; i < 10_000; i++) {
                ports.send(0, ControlMessages.DEVICE_READY, 1);
            }
            assertThat(ports.console.save().control()).hasSize(16);
            assertThat(ports.driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aControlMessageThatIsTooShortNeedsAReset(QueueKind kind) {
        try (var ports = new Ports(kind)) {
            ports.driver.submit(3, ports.controlTransmit, Buffer.readable(0x3000, 7));
            assertThat(ports.driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
        }
    }

    @Test
    void aSavedConsoleKeepsPortsInputAndMessages() {
        try (var ports = new Ports(QueueKind.SPLIT); var twin = new Ports(QueueKind.SPLIT)) {
            ports.send(1, ControlMessages.PORT_OPEN, 1);
            write(ports.console.ports().get(1), "on its way");
            ports.console.console().resize(100, 30);
            ports.driver.host.pause();
            ConsoleState state = ports.console.save();
            twin.console.restore(state);
            assertThat(twin.console.ports().get(1).isGuestOpen()).isTrue();
            assertThat(twin.console.save().ports().get(1).input()).asString().isEqualTo("on its way");
            assertThat(twin.console.config().read(0, 2)).isEqualTo(100);
        }
    }
}
