package dev.vz.virtio.block;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;
import dev.vz.block.MemoryBlockDevice;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueKind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The block device (virtio 1.3, 5.2) with a driver that keeps the rules, and with one that does not. */
class BlockFrontendTest {

    private static final int SECTORS = 2048;
    private static final long HEADER = 0x1000;
    private static final long STATUS = 0x2000;
    private static final long DATA = 0x3000;
    private static final int UNSET = 0xEE;

    private static TestDriver driver(QueueKind kind) {
        return new TestDriver(new BlockFrontend(MemoryBlockDevice.ofSize(512L * SECTORS), "serial-7"), kind.features);
    }

    private static long all(TestDriver driver) {
        return driver.host.device().features();
    }

    private static int request(TestDriver driver, QueueDriver queue, int type, long sector, Buffer... data) {
        driver.memory.writeInt(HEADER, type);
        driver.memory.writeInt(HEADER + 4, 0);
        driver.memory.writeLong(HEADER + 8, sector);
        driver.memory.writeByte(STATUS, (byte) UNSET);
        var buffers = new ArrayList<Buffer>();
        buffers.add(Buffer.readable(HEADER, 16));
        buffers.addAll(Arrays.asList(data));
        buffers.add(Buffer.writable(STATUS, 1));
        driver.submit(0, queue, buffers.toArray(Buffer[]::new));
        assertThat(queue.complete()).isPresent();
        return driver.memory.readByte(STATUS) & 0xFF;
    }

    private static void range(TestDriver driver, long sector, int sectors, int flags) {
        driver.memory.writeLong(DATA, sector);
        driver.memory.writeInt(DATA + 8, sectors);
        driver.memory.writeInt(DATA + 12, flags);
    }

    @ParameterizedTest
    @EnumSource
    void whatWasWrittenIsRead(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(all(driver));
            driver.memory.fill(DATA, 1024, (byte) 0x5A);
            assertThat(request(driver, queue, BlockFrontend.T_OUT, 7, Buffer.readable(DATA, 700),
                    Buffer.readable(DATA + 700, 324))).isEqualTo(BlockFrontend.S_OK);
            assertThat(request(driver, queue, BlockFrontend.T_FLUSH, 0)).isEqualTo(BlockFrontend.S_OK);
            assertThat(request(driver, queue, BlockFrontend.T_IN, 6, Buffer.writable(0x8000, 1500),
                    Buffer.writable(0x9000, 548))).isEqualTo(BlockFrontend.S_OK);
            assertThat(driver.memory.read(0x8000, 512)).containsOnly(0);
            assertThat(driver.memory.read(0x8200, 988)).containsOnly(0x5A);
            assertThat(driver.memory.read(0x9000, 36)).containsOnly(0x5A);
            assertThat(driver.memory.read(0x9024, 512)).containsOnly(0);
        }
    }

    @ParameterizedTest
    @EnumSource
    void rangesAreDiscardedAndZeroed(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(all(driver));
            driver.memory.fill(DATA, 512, (byte) 1);
            request(driver, queue, BlockFrontend.T_OUT, 8, Buffer.readable(DATA, 512));
            range(driver, 8, 1, 1);
            assertThat(request(driver, queue, BlockFrontend.T_WRITE_ZEROES, 0, Buffer.readable(DATA, 16)))
                    .isEqualTo(BlockFrontend.S_OK);
            driver.memory.fill(0x8000, 512, (byte) 1);
            request(driver, queue, BlockFrontend.T_IN, 8, Buffer.writable(0x8000, 512));
            assertThat(driver.memory.read(0x8000, 512)).containsOnly(0);
            range(driver, 0, SECTORS, 0);
            assertThat(request(driver, queue, BlockFrontend.T_DISCARD, 0, Buffer.readable(DATA, 16)))
                    .isEqualTo(BlockFrontend.S_OK);
        }
    }

    @ParameterizedTest
    @EnumSource
    void theIdIsTwentyBytes(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(all(driver));
            assertThat(request(driver, queue, BlockFrontend.T_GET_ID, 0, Buffer.writable(0x8000, 20)))
                    .isEqualTo(BlockFrontend.S_OK);
            assertThat(driver.memory.read(0x8000, 20))
                    .isEqualTo(Arrays.copyOf("serial-7".getBytes(StandardCharsets.US_ASCII), 20));
            assertThat(request(driver, queue, BlockFrontend.T_GET_ID, 0, Buffer.writable(0x8000, 19)))
                    .isEqualTo(BlockFrontend.S_IOERR);
        }
    }

    @ParameterizedTest
    @EnumSource
    void sectorArithmeticDoesNotOverflow(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(all(driver));
            for (long sector : new long[] {SECTORS, SECTORS - 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 55, 1L << 54,
                (1L << 55) - 1}) {
                assertThat(request(driver, queue, BlockFrontend.T_IN, sector, Buffer.writable(DATA, 1024)))
                        .isEqualTo(BlockFrontend.S_IOERR);
                assertThat(request(driver, queue, BlockFrontend.T_OUT, sector, Buffer.readable(DATA, 1024)))
                        .isEqualTo(BlockFrontend.S_IOERR);
                for (int type : new int[] {BlockFrontend.T_DISCARD, BlockFrontend.T_WRITE_ZEROES}) {
                    range(driver, sector, 2, 0);
                    assertThat(request(driver, queue, type, 0, Buffer.readable(DATA, 16)))
                            .isEqualTo(BlockFrontend.S_IOERR);
                    range(driver, 1, -1, 0);
                    assertThat(request(driver, queue, type, 0, Buffer.readable(DATA, 16)))
                            .isEqualTo(BlockFrontend.S_IOERR);
                }
            }
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatTheDeviceDoesNotKnowIsUnsupported(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(all(driver));
            assertThat(request(driver, queue, 99, 0)).isEqualTo(BlockFrontend.S_UNSUPP);
            range(driver, 0, 1, 1);
            assertThat(request(driver, queue, BlockFrontend.T_DISCARD, 0, Buffer.readable(DATA, 16)))
                    .as("unmap belongs to write zeroes").isEqualTo(BlockFrontend.S_UNSUPP);
            range(driver, 0, 1, 2);
            assertThat(request(driver, queue, BlockFrontend.T_WRITE_ZEROES, 0, Buffer.readable(DATA, 16)))
                    .isEqualTo(BlockFrontend.S_UNSUPP);
            assertThat(request(driver, queue, BlockFrontend.T_WRITE_ZEROES, 0, Buffer.readable(DATA, 32)))
                    .as("more ranges than max_write_zeroes_seg").isEqualTo(BlockFrontend.S_IOERR);
        }
    }

    @ParameterizedTest
    @EnumSource
    void discardNeedsItsFeature(QueueKind kind) {
        try (TestDriver driver = driver(kind)) {
            QueueDriver queue = driver.start(BlockFrontend.FLUSH);
            range(driver, 0, 1, 0);
            assertThat(request(driver, queue, BlockFrontend.T_DISCARD, 0, Buffer.readable(DATA, 16)))
                    .isEqualTo(BlockFrontend.S_UNSUPP);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRequestWithoutHeaderOrStatusNeedsAReset(QueueKind kind) {
        for (Buffer only : List.of(Buffer.readable(HEADER, 16), Buffer.writable(STATUS, 1))) {
            try (TestDriver driver = driver(kind)) {
                QueueDriver queue = driver.start(all(driver));
                driver.submit(0, queue, only);
                assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
                assertThat(queue.complete()).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void withoutACacheThatCanBeFlushedEveryWriteLasts(QueueKind kind) {
        var disk = new SlowDisk();
        try (TestDriver driver = new TestDriver(new BlockFrontend(disk, ""), kind.features)) {
            QueueDriver queue = driver.start(BlockFrontend.CONFIG_WCE | BlockFrontend.FLUSH);
            disk.immediately = true;
            request(driver, queue, BlockFrontend.T_OUT, 0, Buffer.readable(DATA, 512));
            assertThat(disk.lastFlags & BlockRequest.FUA).isZero();
            driver.host.device().config().write(BlockConfig.WRITEBACK, 1, 0);
            request(driver, queue, BlockFrontend.T_OUT, 0, Buffer.readable(DATA, 512));
            assertThat(disk.lastFlags & BlockRequest.FUA).isNotZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void requestsComeBackInTheOrderTheDiskCompletesThem(QueueKind kind) {
        var disk = new SlowDisk();
        try (TestDriver driver = new TestDriver(new BlockFrontend(disk, ""), kind.features)) {
            QueueDriver queue = driver.start(0);
            driver.memory.writeInt(HEADER, BlockFrontend.T_FLUSH);
            int first = submitFlush(driver, queue);
            int second = submitFlush(driver, queue);
            assertThat(queue.complete()).isEmpty();
            disk.held.removeLast().complete(BlockResult.OK);
            driver.run();
            assertThat(queue.complete()).hasValueSatisfying(done -> assertThat(done.id()).isEqualTo(second));
            disk.held.removeLast().complete(BlockResult.IO_ERROR);
            driver.run();
            assertThat(queue.complete()).hasValueSatisfying(done -> assertThat(done.id()).isEqualTo(first));
            assertThat(driver.memory.readByte(STATUS)).isEqualTo((byte) BlockFrontend.S_IOERR);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aResetWaitsForTheDiskAndTellsTheDriverNothing(QueueKind kind) throws InterruptedException {
        var disk = new SlowDisk();
        try (TestDriver driver = new TestDriver(new BlockFrontend(disk, ""), kind.features)) {
            QueueDriver queue = driver.start(0);
            driver.memory.writeInt(HEADER, BlockFrontend.T_FLUSH);
            submitFlush(driver, queue);
            driver.memory.writeByte(STATUS, (byte) UNSET);
            Thread reset = Thread.ofPlatform().start(() -> driver.host.writeStatus(0));
            reset.join(50);
            assertThat(reset.isAlive()).isTrue();
            disk.held.removeFirst().complete(BlockResult.OK);
            reset.join(60_000);
            assertThat(reset.isAlive()).isFalse();
            assertThat(driver.host.status()).isZero();
            assertThat(queue.complete()).isEmpty();
        }
    }

    private static int submitFlush(TestDriver driver, QueueDriver queue) {
        int id = queue.submit(List.of(Buffer.readable(HEADER, 16), Buffer.writable(STATUS, 1)));
        driver.host.notifyQueue(0);
        driver.run();
        return id;
    }

    /** A disk that keeps its requests until the test completes them. */
    private static final class SlowDisk implements BlockDevice {
        final ArrayDeque<BlockRequest> held = new ArrayDeque<>();
        boolean immediately;
        int lastFlags;

        @Override
        public BlockInfo info() {
            return BlockInfo.ofSize(512L * SECTORS);
        }

        @Override
        public void submit(BlockRequest request) {
            lastFlags = request.flags();
            if (immediately) {
                request.complete(BlockResult.OK);
            } else {
                held.add(request);
            }
        }

        @Override
        public void close() {
            held.forEach(request -> request.complete(BlockResult.CANCELLED));
        }
    }
}
