package dev.vz.virtio.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.vz.bus.BusDevice;
import dev.vz.irq.Doorbell;
import dev.vz.irq.Msi;
import dev.vz.irq.MsiSink;
import dev.vz.memory.GuestMemory;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.WorkerLoop;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.queue.QueueKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Virtio over PCI (virtio 1.3, 4.1), found and driven by nothing but configuration space and the BAR. */
class VirtioPciFunctionTest {

    private final GuestMemory memory = GuestMemory.ofSize(1 << 20);
    private final WorkerLoop loop = WorkerLoop.manual();
    private final List<Msi> messages = new ArrayList<>();
    private final Map<Long, Runnable> rung = new TreeMap<>();
    private final VirtioPciFunction function = newFunction();
    private final BusDevice bar = function.bars().getFirst().device();

    private VirtioPciFunction newFunction() {
        return new VirtioPciFunction(new DeviceHost(new EntropyDevice(new Random(1)), memory, loop), new Messages(),
                Optional.of(new Doorbells()));
    }

    @AfterEach
    void close() {
        function.close();
        assertThat(rung).as("doorbells are taken away").isEmpty();
        loop.close();
        memory.close();
    }

    /** Configuration offset of the capability with {@code type}, or of {@code id} if it is no vendor capability. */
    private int capability(int id, int type) {
        int at = function.readConfig(0x34, 1);
        for (int hops = 0; at != 0; hops++) {
            assertThat(hops).isLessThan(48);
            if (function.readConfig(at, 1) == id && (id != 9 || function.readConfig(at + 3, 1) == type)) {
                return at;
            }
            at = function.readConfig(at + 1, 1);
        }
        throw new AssertionError("no capability " + id + "/" + type);
    }

    private long structure(int type) {
        return function.readConfig(capability(9, type) + 8, 4);
    }

    private long common(int field, int size) {
        return bar.read(structure(1) + field, size);
    }

    private void setCommon(int field, int size, long value) {
        bar.write(structure(1) + field, size, value);
    }

    private QueueDriver start(QueueKind kind) {
        return start(kind, 0);
    }

    private QueueDriver start(QueueKind kind, long more) {
        long features = more | DeviceHost.VERSION_1 | DeviceHost.RING_RESET | 1L << QueueFeatures.INDIRECT_DESC
                | (kind.features.eventIdx() ? 1L << QueueFeatures.EVENT_IDX : 0)
                | (kind.features.packed() ? 1L << QueueFeatures.RING_PACKED : 0);
        setCommon(0x14, 1, 1);
        setCommon(0x14, 1, 3);
        setCommon(0x08, 4, 0);
        setCommon(0x0C, 4, features & 0xFFFF_FFFFL);
        setCommon(0x08, 4, 1);
        setCommon(0x0C, 4, features >>> 32);
        setCommon(0x14, 1, 11);
        assertThat(common(0x14, 1)).isEqualTo(11);
        QueueDriver queue = QueueDriver.of(memory, 0x10000, 16, kind.features);
        setCommon(0x16, 2, 0);
        setCommon(0x18, 2, 16);
        setCommon(0x1A, 2, 1);
        setCommon(0x20, 4, queue.layout().descriptorArea());
        setCommon(0x24, 4, 0);
        setCommon(0x28, 8, queue.layout().driverArea());
        setCommon(0x30, 8, queue.layout().deviceArea());
        setCommon(0x1C, 2, 1);
        queue.interrupts(true);
        setCommon(0x14, 1, 15);
        run();
        return queue;
    }

    private void enableMsix() {
        int at = capability(0x11, 0);
        long table = function.readConfig(at + 4, 4);
        for (int vector = 0; vector < 2; vector++) {
            bar.write(table + 16L * vector, 4, 0xFEE0_0000L);
            bar.write(table + 16L * vector + 8, 4, 0x40 + vector);
            bar.write(table + 16L * vector + 12, 4, 0);
        }
        function.writeConfig(at + 2, 2, 1 << 15);
    }

    private void run() {
        for (int rounds = 0; loop.runOnce(); rounds++) {
            assertThat(rounds).isLessThan(10_000);
        }
    }

    @Test
    void itIsAModernVirtioDevice() {
        assertThat(function.readConfig(0, 4)).isEqualTo((0x1040 + EntropyDevice.TYPE) << 16 | 0x1AF4);
        assertThat(function.readConfig(8, 1)).as("revision").isGreaterThanOrEqualTo(1);
        assertThat(function.readConfig(0x3D, 1)).as("no interrupt pin").isZero();
        function.writeConfig(0x10, 4, -1);
        assertThat(function.readConfig(0x10, 4)).isEqualTo(-0x8000);
        function.writeConfig(0, 4, 0);
        assertThat(function.readConfig(0, 2)).as("read-only").isEqualTo(0x1AF4);
    }

    @ParameterizedTest
    @EnumSource
    void aRequestIsAnsweredWithTheQueuesMessage(QueueKind kind) {
        enableMsix();
        QueueDriver queue = start(kind);
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        bar.write(structure(2), 2, 0);
        run();
        assertThat(queue.complete()).isPresent();
        assertThat(messages).containsExactly(new Msi(0xFEE0_0000L, 0x41));
        assertThat(bar.read(structure(3), 1)).as("ISR is for the pin").isZero();
    }

    @ParameterizedTest
    @EnumSource
    void aNotificationWithDataNotifiesTheQueueOfItsAddress(QueueKind kind) {
        enableMsix();
        QueueDriver queue = start(kind, 1L << QueueFeatures.NOTIFICATION_DATA);
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        bar.write(structure(2), 4, 1 << 16);
        run();
        assertThat(queue.complete()).isPresent();
    }

    @ParameterizedTest
    @EnumSource
    void aDoorbellNotifiesLikeAWrite(QueueKind kind) {
        enableMsix();
        QueueDriver queue = start(kind);
        function.located(0, OptionalLong.of(0xF900_0000L));
        assertThat(rung).containsOnlyKeys(0xF900_0000L + RegisterBar.NOTIFY);
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        rung.values().forEach(Runnable::run);
        run();
        assertThat(queue.complete()).isPresent();
        function.located(0, OptionalLong.of(0xFA00_0000L));
        assertThat(rung).containsOnlyKeys(0xFA00_0000L + RegisterBar.NOTIFY);
        function.located(0, OptionalLong.empty());
        assertThat(rung).isEmpty();
    }

    @Test
    void withoutMsixTheIsrSaysWhyAndReadingTakesItBack() {
        QueueDriver queue = start(QueueKind.SPLIT);
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        bar.write(structure(2), 2, 0);
        run();
        assertThat(bar.read(structure(3), 1)).isEqualTo(1);
        assertThat(bar.read(structure(3), 1)).isZero();
    }

    @Test
    void aVectorThatIsNotThereReadsBackAsNone() {
        setCommon(0x10, 2, 2);
        assertThat(common(0x10, 2)).isEqualTo(0xFFFF);
        setCommon(0x1A, 2, 1);
        assertThat(common(0x1A, 2)).isEqualTo(1);
        setCommon(0x1A, 2, 77);
        assertThat(common(0x1A, 2)).isEqualTo(0xFFFF);
    }

    @Test
    void aResetClearsSelectorsAndVectors() {
        enableMsix();
        start(QueueKind.SPLIT);
        setCommon(0x00, 4, 1);
        setCommon(0x10, 2, 0);
        setCommon(0x14, 1, 0);
        assertThat(common(0x14, 1)).isZero();
        assertThat(common(0x00, 4)).isZero();
        assertThat(common(0x08, 4)).isZero();
        assertThat(common(0x10, 2)).isEqualTo(0xFFFF);
        assertThat(common(0x1A, 2)).isEqualTo(0xFFFF);
        assertThat(common(0x1C, 2)).isZero();
    }

    @Test
    void aQueueThatIsNotThereHasNoSize() {
        setCommon(0x16, 2, 1);
        assertThat(common(0x18, 2)).isZero();
        setCommon(0x1C, 2, 1);
        assertThat(common(0x1C, 2)).isZero();
    }

    @Test
    void aQueueResetReadsAsDoneAndTheQueueCanBeEnabledAgain() {
        start(QueueKind.SPLIT);
        setCommon(0x3A, 2, 1);
        assertThat(common(0x3A, 2)).isZero();
        assertThat(common(0x1C, 2)).isZero();
        setCommon(0x1C, 2, 1);
        assertThat(common(0x1C, 2)).isEqualTo(1);
    }

    @Test
    void theWindowInConfigurationSpaceReachesTheBar() {
        int window = capability(9, 5);
        function.writeConfig(window + 4, 1, 0);
        function.writeConfig(window + 8, 4, 0x14);
        function.writeConfig(window + 12, 4, 1);
        function.writeConfig(window + 16, 1, 1);
        assertThat(common(0x14, 1)).isEqualTo(1);
        assertThat(function.readConfig(window + 16, 1)).isEqualTo(1);
        for (int length : new int[] {0, 3, 8, -1}) {
            function.writeConfig(window + 12, 4, length);
            assertThat(function.readConfig(window + 16, 4)).isZero();
        }
        function.writeConfig(window + 12, 4, 4);
        for (int offset : new int[] {-4, Integer.MIN_VALUE, Integer.MAX_VALUE, RegisterBar.BYTES, 2}) {
            function.writeConfig(window + 8, 4, offset);
            assertThat(function.readConfig(window + 16, 4)).isZero();
        }
    }

    @Test
    void aSavedFunctionGoesOnInAnother() {
        enableMsix();
        QueueDriver queue = start(QueueKind.PACKED_EVENT_IDX);
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        function.host().pause();
        PciState state = function.save();
        try (VirtioPciFunction other = newFunction()) {
            other.restore(state);
            run();
            assertThat(queue.complete()).isPresent();
            assertThat(messages).containsExactly(new Msi(0xFEE0_0000L, 0x41));
            PciState again = other.save();
            assertThat(again.configuration()).isEqualTo(state.configuration());
            assertThat(again.common()).isEqualTo(state.common());
            assertThat(again.msixEntries()).isEqualTo(state.msixEntries());
        }
    }

    @Test
    void aPowerOnResetForgetsEverything() {
        enableMsix();
        start(QueueKind.SPLIT);
        function.writeConfig(0x10, 4, 0xF900_0000);
        function.reset();
        assertThat(common(0x14, 1)).isZero();
        assertThat(function.readConfig(0x10, 4)).isZero();
        assertThat(function.readConfig(capability(0x11, 0) + 2, 2)).isEqualTo(1);
    }

    @Test
    void noAccessWhateverItIsThrowsOrHangs() {
        for (long seed = 0; seed < 40; seed++) {
            var random = new Random(seed);
            assertThatCode(() -> {
                for (int i = 0; i < 5_000; i++) {
                    anyAccess(random);
                }
                loop.runOnce();
            }).as("seed %d", seed).doesNotThrowAnyException();
        }
        setCommon(0x14, 1, 0);
        assertThat(common(0x14, 1)).isZero();
    }

    private void anyAccess(Random random) {
        int size = 1 << random.nextInt(4);
        long value = random.nextBoolean() ? random.nextInt(32) : random.nextLong();
        long mask = -1L >>> 64 - 8 * size;
        long offset = random.nextBoolean() ? random.nextInt(0x40) : random.nextInt(RegisterBar.BYTES - 8);
        switch (random.nextInt(5)) {
            case 0 -> bar.read(offset, size);
            case 1, 2 -> bar.write(offset, size, value & mask);
            case 3 -> function.readConfig(random.nextInt(4096) & -4, Math.min(size, 4));
            default -> {
                int width = Math.min(size, 4);
                function.writeConfig(random.nextInt(4096) & -width, width, (int) (value & -1L >>> 64 - 8 * width));
            }
        }
    }

    /** Remembers what was sent. */
    private final class Messages implements MsiSink {
        @Override
        public boolean signal(Msi message) {
            messages.add(message);
            return true;
        }

        @Override
        public Vector vector(Msi message) {
            return new Vector() {
                private Msi current = message;

                @Override
                public void trigger() {
                    signal(current);
                }

                @Override
                public void update(Msi changed) {
                    current = changed;
                }

                @Override
                public OptionalInt eventFd() {
                    return OptionalInt.empty();
                }

                @Override
                public void close() {
                    // Nothing is held.
                }
            };
        }
    }

    /** Rings when the test says so. */
    private final class Doorbells implements Doorbell.Registrar {
        @Override
        public Doorbell register(Doorbell.Address address, Runnable listener) {
            long at = address.range().start();
            assertThat(rung.put(at, listener)).isNull();
            return new Doorbell() {
                @Override
                public Address address() {
                    return address;
                }

                @Override
                public OptionalInt eventFd() {
                    return OptionalInt.empty();
                }

                @Override
                public void close() {
                    rung.remove(at);
                }
            };
        }

        @Override
        public Doorbell registerDescriptor(Doorbell.Address address, int eventFd) {
            throw new AssertionError("not asked for");
        }
    }
}
