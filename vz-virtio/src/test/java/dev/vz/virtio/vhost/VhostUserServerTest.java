package dev.vz.virtio.vhost;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;
import dev.vz.block.MemoryBlockDevice;
import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.net.NetworkCard;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.queue.QueueKind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The vhost-user protocol, with a front end of the test's own. */
@Timeout(120)
class VhostUserServerTest {

    @TempDir
    Path folder;
    private UnixAddress address;
    private final MemoryBlockDevice disk = MemoryBlockDevice.ofSize(1 << 20);

    @BeforeEach
    void name() {
        address = UnixAddress.of(folder.resolve("vhost.sock"));
    }

    private VhostUserServer serve(int queues) {
        return VhostUserServer.serve(new BlockFrontend(disk, "vhost", queues), address,
                new VhostUserServer.Options(2, 20_000));
    }

    private static final long HEADER = TestFrontEnd.BASE + 0x1000;
    private static final long STATUS = TestFrontEnd.BASE + 0x2000;
    private static final long DATA = TestFrontEnd.BASE + 0x3000;

    private static int transfer(TestFrontEnd front, TestFrontEnd.Queue queue, int type, long sector)
            throws InterruptedException {
        front.memory.writeInt(HEADER, type);
        front.memory.writeLong(HEADER + 8, sector);
        front.memory.writeByte(STATUS, (byte) 0xEE);
        Buffer data = type == 1 ? Buffer.readable(DATA, 4096) : Buffer.writable(DATA, 4096);
        queue.submit(Buffer.readable(HEADER, 16), data, Buffer.writable(STATUS, 1));
        queue.await();
        return front.memory.readByte(STATUS);
    }

    @ParameterizedTest
    @EnumSource
    void aDiskIsWrittenAndReadThroughMappedMemory(QueueKind kind) throws InterruptedException {
        try (var server = serve(1); var front = new TestFrontEnd(address)) {
            TestFrontEnd.Queue queue = front.start(kind.features, 1L << 9);
            front.memory.fill(DATA, 4096, (byte) 0x5A);
            assertThat(transfer(front, queue, 1, 8)).isZero();
            front.memory.fill(DATA, 4096, (byte) 0);
            assertThat(transfer(front, queue, 0, 8)).isZero();
            assertThat(front.memory.read(DATA, 4096)).containsOnly(0x5A);
            assertThat(queue.call.take()).isPositive();
            assertThat(server.toString()).contains("virtio-blk");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aStoppedQueueSaysWhereItIsAndGoesOnFromThere(QueueKind kind) throws InterruptedException {
        try (var server = serve(1); var front = new TestFrontEnd(address)) {
            TestFrontEnd.Queue queue = front.start(kind.features, 0);
            for (int i = 0; i < 30; i++) {
                assertThat(transfer(front, queue, 0, i)).isZero();
            }
            int base = queue.stop();
            assertThat(base & 0x7FFF).isEqualTo(kind.features.packed() ? 90 % 64 : 30);
            front.state(Protocol.SET_VRING_BASE, 0, base);
            queue.start(base);
            assertThat(transfer(front, queue, 0, 3)).isZero();
            assertThat(server.address()).isEqualTo(address);
        }
    }

    @Test
    void aDriverThatFollowsAnotherHasTheFeaturesItAskedFor() throws InterruptedException {
        try (var server = serve(1); var front = new TestFrontEnd(address)) {
            QueueFeatures plain = new QueueFeatures(false, false, false, false, false);
            TestFrontEnd.Queue firmware = front.start(plain, 0);
            assertThat(transfer(front, firmware, 0, 1)).isZero();
            firmware.stop();
            front.send(Protocol.SET_FEATURES, TestFrontEnd.ring(QueueKind.SPLIT_EVENT_IDX.features)
                    | Protocol.PROTOCOL_FEATURES);
            front.memory.fill(TestFrontEnd.BASE + (1 << 20), 1 << 16, (byte) 0);
            TestFrontEnd.Queue kernel = front.new Queue(0, QueueKind.SPLIT_EVENT_IDX.features, 64).start(0);
            front.memory.writeInt(HEADER, 0);
            assertThat(kernel.driver.submitIndirect(DATA + 0x2000, List.of(Buffer.readable(HEADER, 16),
                    Buffer.writable(DATA, 512), Buffer.writable(STATUS, 1)))).isNotNegative();
            kernel.kick.signal();
            assertThat(kernel.await().written()).isEqualTo(513);
            assertThat(server.toString()).contains("virtio-blk");
        }
    }

    @Test
    void severalQueuesWorkOnSeveralThreads() throws InterruptedException {
        try (var server = serve(4); var front = new TestFrontEnd(address)) {
            front.start(QueueKind.SPLIT.features, 1L << 12);
            assertThat(front.ask(Protocol.GET_QUEUE_NUM)).isEqualTo(4);
            for (int i = 1; i < 4; i++) {
                TestFrontEnd.Queue queue = front.new Queue(i, QueueKind.SPLIT.features, 64).start(0);
                assertThat(transfer(front, queue, 0, i)).isZero();
            }
            assertThat(server.queueNumber()).isEqualTo(4);
        }
    }

    @Test
    void aDisabledQueueRests() throws InterruptedException {
        try (var server = serve(1); var front = new TestFrontEnd(address)) {
            TestFrontEnd.Queue queue = front.start(QueueKind.SPLIT.features, 0);
            front.state(Protocol.SET_VRING_ENABLE, 0, 0);
            front.ask(Protocol.GET_FEATURES);
            queue.submit(Buffer.readable(HEADER, 16), Buffer.writable(STATUS, 1));
            Thread.sleep(30);
            assertThat(queue.driver.complete()).isEmpty();
            front.state(Protocol.SET_VRING_ENABLE, 0, 1);
            assertThat(queue.await().written()).isPositive();
            assertThat(server.queueNumber()).isEqualTo(1);
        }
    }

    @Test
    void theConfigurationIsReadAndWritten() {
        try (var server = serve(1); var front = new TestFrontEnd(address)) {
            front.begin(-1);
            config(front, 0, 60);
            front.answer(Protocol.GET_CONFIG);
            assertThat(front.channel.longAt(12)).as("capacity").isEqualTo((1 << 20) / 512);
            assertThat(front.channel.byteAt(12 + 32)).as("writeback").isEqualTo(1);
            MemorySegment payload = front.channel.reply();
            payload.set(ValueLayout.JAVA_INT_UNALIGNED, 0, 32);
            payload.set(ValueLayout.JAVA_INT_UNALIGNED, 4, 1);
            payload.set(ValueLayout.JAVA_BYTE, 12, (byte) 0);
            front.send(Protocol.SET_CONFIG, 13);
            config(front, 32, 1);
            front.answer(Protocol.GET_CONFIG);
            assertThat(front.channel.byteAt(12)).isZero();
            assertThat(server.queueNumber()).isEqualTo(1);
        }
    }

    private static void config(TestFrontEnd front, int offset, int size) {
        MemorySegment payload = front.channel.reply();
        payload.set(ValueLayout.JAVA_INT_UNALIGNED, 0, offset);
        payload.set(ValueLayout.JAVA_INT_UNALIGNED, 4, size);
        payload.set(ValueLayout.JAVA_INT_UNALIGNED, 8, 0);
        front.send(Protocol.GET_CONFIG, 12 + Math.clamp(size, 0, 256));
    }

    @Test
    void afterAFrontEndHasGoneTheNextIsServed() throws InterruptedException {
        try (var server = serve(1)) {
            for (int i = 0; i < 5; i++) {
                try (var front = new TestFrontEnd(address)) {
                    TestFrontEnd.Queue queue = front.start(QueueKind.PACKED.features, 0);
                    front.memory.fill(DATA, 4096, (byte) i);
                    assertThat(transfer(front, queue, 1, i)).isZero();
                }
            }
            assertThat(server.address()).isEqualTo(address);
        }
        assertThat(folder.resolve("vhost.sock")).doesNotExist();
    }

    @Test
    void memoryIsAddedAndRemovedWhileAQueueWorks() throws InterruptedException {
        try (var server = serve(1); var front = new TestFrontEnd(address)) {
            TestFrontEnd.Queue queue = front.start(QueueKind.SPLIT.features, 0);
            assertThat(transfer(front, queue, 0, 0)).isZero();
            front.setMemory();
            assertThat(transfer(front, queue, 0, 1)).isZero();
            assertThat(front.ask(Protocol.GET_MAX_MEM_SLOTS)).isEqualTo(64);
            TestFrontEnd.region(front.channel.reply(), 8, 0x8000_0000L, 1 << 20, 0x5000_0000_0000L, 0);
            assertThat(front.acknowledged(Protocol.ADD_MEM_REG, 40, front.file.descriptor())).isZero();
            assertThat(transfer(front, queue, 0, 2)).isZero();
            TestFrontEnd.region(front.channel.reply(), 8, 0x8000_0000L, 1 << 20, 0x5000_0000_0000L, 0);
            assertThat(front.acknowledged(Protocol.REM_MEM_REG, 40)).isZero();
            assertThat(front.acknowledged(Protocol.REM_MEM_REG, 40)).as("it is gone already").isEqualTo(1);
            assertThat(transfer(front, queue, 0, 3)).isZero();
            assertThat(server.queueNumber()).isEqualTo(1);
        }
    }

    /** A disk that keeps requests until it is let go. */
    private static final class SlowDisk implements BlockDevice {
        final List<BlockRequest> held = new ArrayList<>();
        final CountDownLatch three = new CountDownLatch(3);
        boolean open;

        @Override
        public BlockInfo info() {
            return MemoryBlockDevice.ofSize(1 << 20).info();
        }

        @Override
        public void submit(BlockRequest request) {
            synchronized (this) {
                if (!open) {
                    held.add(request);
                    three.countDown();
                    return;
                }
            }
            request.complete(BlockResult.OK);
        }

        void letGo() {
            List<BlockRequest> all;
            synchronized (this) {
                open = true;
                all = List.copyOf(held);
            }
            all.forEach(request -> request.complete(BlockResult.OK));
        }

        @Override
        public void close() {
            letGo();
        }
    }

    @Test
    void whatWasInFlightWhenABackEndDiedIsDoneByTheNext() throws InterruptedException {
        // The front end's notes of a back end that took three chains, gave back the second, and died.
        try (var server = serve(1); var front = new TestFrontEnd(address)) {
            front.begin(-1);
            MemorySegment payload = front.channel.reply();
            payload.asSlice(0, 24).fill((byte) 0);
            payload.set(ValueLayout.JAVA_SHORT_UNALIGNED, 16, (short) 1);
            payload.set(ValueLayout.JAVA_SHORT_UNALIGNED, 18, (short) 64);
            front.send(Protocol.GET_INFLIGHT_FD, 24);
            long size = front.answer(Protocol.GET_INFLIGHT_FD);
            try (FileDescriptor region = front.channel.takeDescriptor();
                    var notes = dev.vz.linux.memory.MappedMemory
                            .map(dev.vz.linux.memory.Mapping.of(region, 0, size))) {
                MemorySegment log = notes.segment();
                front.send(Protocol.SET_FEATURES, 1L << 32 | Protocol.PROTOCOL_FEATURES);
                front.setMemory();
                var queue = front.new Queue(0, QueueKind.SPLIT.features, 64);
                for (int i = 0; i < 3; i++) {
                    long at = TestFrontEnd.BASE + 0x10000 + 0x1000L * i;
                    front.memory.writeInt(at, 8);
                    queue.driver.submit(List.of(Buffer.readable(at, 16), Buffer.writable(at + 0x100, 21)));
                }
                log.set(ValueLayout.JAVA_SHORT, 8, (short) 1);
                log.set(ValueLayout.JAVA_SHORT, 10, (short) 64);
                log.set(ValueLayout.JAVA_SHORT, 14, (short) 0);
                inflight(log, 0, 7);
                inflight(log, 4, 5);
                payload = front.channel.reply();
                payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, size);
                payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 8, 0);
                payload.set(ValueLayout.JAVA_SHORT_UNALIGNED, 16, (short) 1);
                payload.set(ValueLayout.JAVA_SHORT_UNALIGNED, 18, (short) 64);
                front.send(Protocol.SET_INFLIGHT_FD, 24, region);
                queue.start(0);
                assertThat(queue.await().id()).as("taken first, given again first").isEqualTo(4);
                assertThat(queue.await().id()).isZero();
                assertThat(queue.await().id()).as("what was never taken follows").isEqualTo(4);
                for (int i = 0; i < 64; i++) {
                    assertThat(log.get(ValueLayout.JAVA_BYTE, 16 + 16L * i)).as("in flight %d", i).isZero();
                }
                assertThat(log.get(ValueLayout.JAVA_SHORT, 14)).isEqualTo((short) 3);
            }
            assertThat(server.queueNumber()).isEqualTo(1);
        }
    }

    private static void inflight(MemorySegment log, int head, long counter) {
        log.set(ValueLayout.JAVA_BYTE, 16 + 16L * head, (byte) 1);
        log.set(ValueLayout.JAVA_LONG, 16 + 16L * head + 8, counter);
    }

    @Test
    void stoppingAQueueWaitsForTheDisk() throws InterruptedException {
        var slow = new SlowDisk();
        try (var server = VhostUserServer.serve(new BlockFrontend(slow, "slow"), address,
                VhostUserServer.Options.standard()); var front = new TestFrontEnd(address)) {
            TestFrontEnd.Queue queue = front.start(QueueKind.SPLIT.features, 0);
            for (int i = 0; i < 3; i++) {
                front.memory.writeInt(HEADER, 0);
                queue.submit(Buffer.readable(HEADER, 16), Buffer.writable(DATA, 512), Buffer.writable(STATUS, 1));
            }
            assertThat(slow.three.await(60, TimeUnit.SECONDS)).isTrue();
            front.state(Protocol.GET_VRING_BASE, 0, 0);
            Thread.sleep(20);
            slow.letGo();
            assertThat(front.answer(Protocol.GET_VRING_BASE) >>> 32).isEqualTo(3);
            assertThat(server.queueNumber()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void framesGoBothWays(QueueKind kind) throws InterruptedException {
        var arrived = new LinkedBlockingQueue<Integer>();
        try (var cable = new LinkPair("cable", LinkFeatures.all());
                var server = VhostUserServer.serve(NetworkCard.dataPath(cable.a(), 2), address,
                        VhostUserServer.Options.standard());
                var front = new TestFrontEnd(address)) {
            cable.b().receive(batch -> {
                for (int i = 0; i < batch.count(); i++) {
                    arrived.add(batch.frameLength(i));
                }
                return batch.count();
            });
            TestFrontEnd.Queue receive = front.start(kind.features, 0);
            TestFrontEnd.Queue send = front.new Queue(1, kind.features, 64)
                    .start(kind.features.packed() ? 0x8000 : 0);
            assertThat(front.ask(Protocol.GET_QUEUE_NUM)).as("pairs").isEqualTo(2);
            send.submit(Buffer.readable(DATA, 12 + 64));
            assertThat(arrived.poll(60, TimeUnit.SECONDS)).isEqualTo(64);
            receive.submit(Buffer.writable(DATA, 2048));
            Thread.sleep(20);
            byte[] frame = "........................and so on".getBytes(StandardCharsets.US_ASCII);
            frame[0] = 0;
            for (int i = 0; i < 12; i++) {
                frame[i] = 0;
            }
            var batch = new FrameBatch();
            batch.add(MemorySegment.ofArray(frame), 0, frame.length);
            assertThat(cable.b().send(batch)).isEqualTo(1);
            assertThat(receive.await().written()).isEqualTo(frame.length);
            assertThat(server.queueNumber()).isEqualTo(2);
        }
    }

    @Test
    void aFileThatIsCutOffWhileItIsMappedStopsTheQueueOnly() throws Exception {
        Path file = folder.resolve("memory");
        Files.write(file, new byte[TestFrontEnd.BYTES]);
        try (var server = serve(1); var front = new TestFrontEnd(address)) {
            TestFrontEnd.Queue queue = front.start(QueueKind.SPLIT.features, 0);
            assertThat(transfer(front, queue, 0, 0)).isZero();
            try (FileDescriptor mapped = FileDescriptor.open(file, dev.vz.linux.OpenFlag.READ_WRITE)) {
                MemorySegment payload = front.channel.reply();
                payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 1);
                TestFrontEnd.region(payload, 8, TestFrontEnd.BASE, TestFrontEnd.BYTES, TestFrontEnd.USER, 0);
                front.send(Protocol.SET_MEM_TABLE, 40, mapped);
                front.ask(Protocol.GET_FEATURES);
                try (var channel = java.nio.channels.FileChannel.open(file,
                        java.nio.file.StandardOpenOption.WRITE)) {
                    channel.truncate(0);
                }
                queue.kick.signal();
                long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                while ((front.ask(Protocol.GET_STATUS) & 64) == 0) {
                    assertThat(System.nanoTime()).as("still says that it needs no reset").isLessThan(until);
                    Thread.sleep(5);
                }
            }
        }
        try (var server = VhostUserServer.serve(new BlockFrontend(MemoryBlockDevice.ofSize(1 << 20), "next"), address,
                VhostUserServer.Options.standard()); var front = new TestFrontEnd(address)) {
            TestFrontEnd.Queue queue = front.start(QueueKind.SPLIT.features, 0);
            assertThat(transfer(front, queue, 0, 0)).as("the process lives on").isZero();
            assertThat(server.queueNumber()).isEqualTo(1);
        }
    }
}
