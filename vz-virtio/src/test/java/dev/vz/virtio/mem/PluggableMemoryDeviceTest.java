package dev.vz.virtio.mem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.mem.PluggableMemoryState.Run;
import dev.vz.virtio.queue.QueueKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Memory in blocks (virtio 1.3, 5.15), over memory that notes what is given back. */
@Timeout(120)
class PluggableMemoryDeviceTest {

    private static final int BLOCK = 4096;
    private static final int BLOCKS = 64;
    private static final long START = 0x1_4000_0000L;
    private static final int ACK = 0;
    private static final int NACK = 1;
    private static final int ERROR = 3;

    private final Arena arena = Arena.ofShared();
    private final List<String> given = new ArrayList<>();
    private final MemoryRegion region = MemoryRegion.of(START, new NotingBlock(), 4 * BLOCK, BLOCKS * BLOCK);
    private final PluggableMemoryDevice device = new PluggableMemoryDevice(region, BLOCK);

    private final class NotingBlock implements MemoryBlock.Reclaimable {
        private final MemorySegment segment = arena.allocate((BLOCKS + 8) * BLOCK, 4096);

        @Override
        public MemorySegment segment() {
            return segment;
        }

        @Override
        public MemoryRequest request() {
            return MemoryRequest.of(segment.byteSize());
        }

        @Override
        public void reclaim(long offset, long length) {
            given.add((offset / BLOCK - 4) + "+" + length / BLOCK);
        }

        @Override
        public long residentBytes() {
            return segment.byteSize();
        }

        @Override
        public void close() {
            // The test does.
        }
    }

    @AfterEach
    void close() {
        arena.close();
    }

    /** Asks for something and returns the type of the response; the state is at 0x3008. */
    private static int ask(TestDriver driver, QueueDriver queue, int type, long address, int blocks) {
        driver.memory.fill(0x2000, 24, (byte) 0);
        driver.memory.writeShort(0x2000, (short) type);
        driver.memory.writeLong(0x2008, address);
        driver.memory.writeShort(0x2010, (short) blocks);
        driver.memory.fill(0x3000, 10, (byte) 0x55);
        driver.submit(0, queue, Buffer.readable(0x2000, 24), Buffer.writable(0x3000, 10));
        assertThat(queue.complete().orElseThrow().written()).isEqualTo(10);
        return driver.memory.readShort(0x3000);
    }

    private static int state(TestDriver driver, QueueDriver queue, int first, int blocks) {
        assertThat(ask(driver, queue, PluggableMemoryDevice.REQ_STATE, block(first), blocks)).isEqualTo(ACK);
        return driver.memory.readShort(0x3008);
    }

    private static long block(int number) {
        return START + (long) number * BLOCK;
    }

    @Test
    void theConfigurationSaysWhereTheBlocksAre() {
        assertThat(device.config().read(0, 8)).isEqualTo(BLOCK);
        assertThat(device.config().read(8, 2)).as("node_id").isZero();
        assertThat(device.config().read(16, 8)).isEqualTo(START);
        assertThat(device.config().read(24, 8)).as("region_size").isEqualTo(BLOCKS * BLOCK);
        assertThat(device.config().read(32, 8)).as("usable_region_size").isEqualTo(BLOCKS * BLOCK);
        assertThat(device.config().read(40, 8)).as("plugged_size").isZero();
        assertThat(device.config().read(48, 8)).as("requested_size").isZero();
        assertThat(device.config().size()).isEqualTo(56);
    }

    @ParameterizedTest
    @EnumSource
    void blocksArePluggedUpToWhatIsRequestedAndUnpluggedAgain(QueueKind kind) {
        try (var driver = new TestDriver(device, kind.features)) {
            QueueDriver queue = driver.start(PluggableMemoryDevice.UNPLUGGED_INACCESSIBLE);
            assertThat(ask(driver, queue, 0, block(0), 1)).as("nothing is requested").isEqualTo(NACK);
            int[] changes = {0};
            device.onChange(() -> changes[0]++);
            device.request(8 * BLOCK);
            assertThat(driver.configInterrupts).isEqualTo(1);
            assertThat(ask(driver, queue, 0, block(2), 5)).isEqualTo(ACK);
            assertThat(device.config().read(40, 8)).isEqualTo(5 * BLOCK);
            assertThat(device.plugged()).isEqualTo(5 * BLOCK);
            assertThat(ask(driver, queue, 0, block(20), 4)).as("nine").isEqualTo(NACK);
            assertThat(ask(driver, queue, 0, block(20), 3)).isEqualTo(ACK);
            assertThat(state(driver, queue, 2, 5)).isEqualTo(PluggableMemoryDevice.STATE_PLUGGED);
            assertThat(state(driver, queue, 7, 13)).isEqualTo(PluggableMemoryDevice.STATE_UNPLUGGED);
            assertThat(state(driver, queue, 6, 2)).isEqualTo(PluggableMemoryDevice.STATE_MIXED);
            assertThat(ask(driver, queue, 1, block(3), 2)).isEqualTo(ACK);
            assertThat(given).containsExactly("3+2");
            assertThat(ask(driver, queue, 2, 0, 0)).isEqualTo(ACK);
            assertThat(given).containsExactly("3+2", "2+1", "5+2", "20+3");
            assertThat(device.plugged()).isZero();
            assertThat(changes[0]).isEqualTo(4);
            assertThat(driver.configInterrupts).as("the driver knows what it does itself").isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void rangesThatCannotBeAreErrors(QueueKind kind) {
        try (var driver = new TestDriver(device, kind.features)) {
            QueueDriver queue = driver.start(0);
            device.request(BLOCKS * BLOCK);
            long[][] wrong = {{block(0), 0}, {block(0) + 1, 1}, {block(0) - BLOCK, 1}, {block(BLOCKS), 1},
                {block(BLOCKS - 1), 2}, {block(0), 0xFFFF}, {-BLOCK, 1}, {0, 1}, {Long.MIN_VALUE, 2},
                {Long.MAX_VALUE, 1}};
            for (long[] each : wrong) {
                for (int type : new int[] {0, 1, 3}) {
                    assertThat(ask(driver, queue, type, each[0], (int) each[1]))
                            .as("request %d of %x + %d", type, each[0], each[1]).isEqualTo(ERROR);
                }
            }
            assertThat(ask(driver, queue, 1, block(0), 1)).as("unplug what is not plugged").isEqualTo(ERROR);
            assertThat(ask(driver, queue, 0, block(4), 2)).isEqualTo(ACK);
            assertThat(ask(driver, queue, 0, block(5), 2)).as("plug twice").isEqualTo(ERROR);
            assertThat(ask(driver, queue, 1, block(5), 2)).as("unplug half").isEqualTo(ERROR);
            assertThat(ask(driver, queue, 4, block(0), 1)).as("no such request").isEqualTo(ERROR);
            assertThat(device.plugged()).isEqualTo(2 * BLOCK);
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRequestOfTheWrongLengthNeedsAReset(QueueKind kind) {
        for (Buffer[] wrong : new Buffer[][] {{Buffer.readable(0x2000, 24)},
            {Buffer.readable(0x2000, 23), Buffer.writable(0x3000, 10)},
            {Buffer.readable(0x2000, 24), Buffer.writable(0x3000, 9)}}) {
            try (var driver = new TestDriver(new PluggableMemoryDevice(region, BLOCK), kind.features)) {
                driver.submit(0, driver.start(0), wrong);
                assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
                driver.host.writeStatus(0);
                assertThat(ask(driver, driver.start(0), 2, 0, 0)).as("after a reset").isEqualTo(ACK);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void whateverADriverAsksTheMapIsThatOfAModel(QueueKind kind) {
        var random = new Random(kind.ordinal());
        try (var driver = new TestDriver(device, kind.features)) {
            QueueDriver queue = driver.start(0);
            var model = new BitSet();
            for (int i = 0; i < 2000; i++) {
                if (random.nextInt(50) == 0) {
                    device.request((long) random.nextInt(BLOCKS + 1) * BLOCK);
                }
                int first = random.nextInt(BLOCKS + 4);
                int blocks = random.nextInt(8);
                boolean plug = random.nextBoolean();
                boolean inside = blocks > 0 && first + blocks <= BLOCKS;
                int set = model.get(first, first + blocks).cardinality();
                int expected = !inside || set != (plug ? 0 : blocks) ? ERROR
                        : plug && (model.cardinality() + blocks) * (long) BLOCK > device.requested() ? NACK : ACK;
                assertThat(ask(driver, queue, plug ? 0 : 1, block(first), blocks)).isEqualTo(expected);
                if (expected == ACK) {
                    model.set(first, first + blocks, plug);
                }
                assertThat(device.plugged()).isEqualTo(model.cardinality() * (long) BLOCK);
            }
        }
    }

    @Test
    void aResetOfTheDeviceLeavesWhatIsPluggedAndAStateBringsItBack() {
        try (var driver = new TestDriver(device, QueueKind.SPLIT.features)) {
            QueueDriver queue = driver.start(0);
            device.request(8 * BLOCK);
            assertThat(ask(driver, queue, 0, block(1), 2)).isEqualTo(ACK);
            assertThat(ask(driver, queue, 0, block(9), 1)).isEqualTo(ACK);
            driver.host.writeStatus(0);
            assertThat(device.plugged()).isEqualTo(3 * BLOCK);
            PluggableMemoryState state = device.save();
            assertThat(state).isEqualTo(new PluggableMemoryState(BLOCK, 8 * BLOCK, List.of(new Run(1, 2),
                    new Run(9, 1))));
            var other = new PluggableMemoryDevice(region, BLOCK);
            other.restore(state);
            assertThat(other.save()).isEqualTo(state);
            assertThat(other.config().content()).isEqualTo(device.config().content());
        }
    }

    @ParameterizedTest
    @EnumSource
    void devicesUseOnlyWhatIsPlugged(QueueKind kind) {
        try (var driver = new TestDriver(device, kind.features);
                var entropy = new TestDriver(_ -> new EntropyDevice(new Random(1)), GuestMemory.ofSize(4 << 20),
                        kind.features)) {
            entropy.memory.add(region);
            QueueDriver queue = driver.start(0);
            device.request(8 * BLOCK);
            assertThat(ask(driver, queue, 0, block(2), 3)).isEqualTo(ACK);
            QueueDriver randomness = entropy.start(0);
            entropy.submit(0, randomness, Buffer.writable(block(3) - 16, 32));
            assertThat(randomness.complete().orElseThrow().written()).isEqualTo(32);
            for (long[] wrong : new long[][] {{block(1), 8}, {block(2) - 1, 2}, {block(5) - 1, 2}, {block(5), 1}}) {
                entropy.submit(0, randomness, Buffer.writable(wrong[0], (int) wrong[1]));
                assertThat(entropy.host.status() & DeviceHost.NEEDS_RESET).as("%x", wrong[0]).isNotZero();
                entropy.host.writeStatus(0);
                randomness = entropy.start(0);
            }
            assertThat(ask(driver, queue, 1, block(3), 1)).isEqualTo(ACK);
            entropy.submit(0, randomness, Buffer.writable(block(3), 16));
            assertThat(entropy.host.status() & DeviceHost.NEEDS_RESET).as("unplugged since").isNotZero();
            assertThat(region.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, 3 * BLOCK - 8)).isNotZero();
        }
    }

    @Test
    void statesThatCannotBeAreRefused() {
        for (var wrong : List.of(new PluggableMemoryState(2 * BLOCK, 0, List.of()),
                new PluggableMemoryState(BLOCK, 1, List.of()),
                new PluggableMemoryState(BLOCK, (BLOCKS + 1) * BLOCK, List.of()),
                new PluggableMemoryState(BLOCK, 0, List.of(new Run(BLOCKS - 1, 2))))) {
            assertThatThrownBy(() -> device.restore(wrong)).isInstanceOf(FormatException.class);
        }
        assertThatThrownBy(() -> new PluggableMemoryState(BLOCK, 0, List.of(new Run(3, 1), new Run(2, 1))))
                .isInstanceOf(FormatException.class);
        assertThatThrownBy(() -> new PluggableMemoryState(BLOCK, 0, List.of(new Run(3, Integer.MAX_VALUE))))
                .isInstanceOf(FormatException.class);
        assertThatThrownBy(() -> new Run(-1, 2)).isInstanceOf(FormatException.class);
        assertThat(device.plugged()).isZero();
    }

    @Test
    void sizesThatCannotBeAreRefused() {
        assertThatThrownBy(() -> device.request(BLOCK + 1)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> device.request(-BLOCK)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> device.request((BLOCKS + 1) * BLOCK)).isInstanceOf(ConfigurationException.class);
        for (long size : new long[] {0, 2048, 3 * 4096, 128 * 4096, -4096}) {
            assertThatThrownBy(() -> new PluggableMemoryDevice(region, size)).as("blocks of %d", size)
                    .isInstanceOf(ConfigurationException.class);
        }
    }
}
