package dev.vz.virtio.vhost;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.memory.MemoryFile;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.driver.Buffer;
import dev.vz.error.HostException;
import dev.vz.virtio.queue.QueueKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Front ends that break the protocol: they are cut off, and the next one is served. */
@Timeout(120)
class HostileFrontEndTest {

    @TempDir
    Path folder;
    private UnixAddress address;
    private VhostUserServer server;

    @BeforeEach
    void serve() {
        address = UnixAddress.of(folder.resolve("vhost.sock"));
        server = VhostUserServer.serve(new BlockFrontend(MemoryBlockDevice.ofSize(1 << 20), "x", 2), address,
                VhostUserServer.Options.standard());
    }

    @AfterEach
    void aProperFrontEndIsServedAfterwards() throws InterruptedException {
        try (var front = new TestFrontEnd(address)) {
            TestFrontEnd.Queue queue = front.start(QueueKind.SPLIT.features, 0);
            front.memory.writeInt(TestFrontEnd.BASE, 8);
            queue.submit(Buffer.readable(TestFrontEnd.BASE, 16), Buffer.writable(TestFrontEnd.BASE + 64, 21));
            assertThat(queue.await().written()).isEqualTo(21);
        } finally {
            server.close();
        }
    }

    private void cutOff(Consumer<TestFrontEnd> trick) {
        try (var front = new TestFrontEnd(address)) {
            front.begin(0);
            try {
                trick.accept(front);
                assertThat(front.isCutOff()).isTrue();
            } catch (HostException cutOff) {
                // The rest of a trick may find the connection closed already.
                assertThat(cutOff.errnoName()).isIn("EPIPE", "ECONNRESET");
            }
        }
    }

    @Test
    void anUnknownRequest() {
        cutOff(front -> front.send(999, 0L));
    }

    @Test
    void anotherVersion() {
        cutOff(front -> front.channel.send(Protocol.GET_FEATURES, 2, 0));
    }

    @Test
    void aPayloadThatIsTooShort() {
        cutOff(front -> front.send(Protocol.SET_VRING_ADDR, 8));
    }

    @Test
    void aPayloadThatIsTooLong() {
        try (UnixSocket socket = UnixSocket.connect(address, SocketType.STREAM, false);
                Arena arena = Arena.ofConfined()) {
            MemorySegment header = arena.allocate(12);
            header.set(ValueLayout.JAVA_INT, 0, 1);
            header.set(ValueLayout.JAVA_INT, 4, 1);
            header.set(ValueLayout.JAVA_INT, 8, -1);
            socket.send(header, 0, 12);
            assertThat(socket.receive(header, 0, 12)).isZero();
        }
    }

    @Test
    void halfAMessage() {
        try (UnixSocket socket = UnixSocket.connect(address, SocketType.STREAM, false);
                Arena arena = Arena.ofConfined()) {
            MemorySegment header = arena.allocate(12);
            header.set(ValueLayout.JAVA_INT, 4, 1);
            socket.send(header, 0, 7);
        }
    }

    @Test
    void aQueueThatDoesNotExist() {
        cutOff(front -> front.state(Protocol.SET_VRING_NUM, 2, 64));
    }

    @Test
    void aQueueWithANegativeNumber() {
        cutOff(front -> front.state(Protocol.SET_VRING_ENABLE, -1, 1));
    }

    @Test
    void aQueueOfNoEntries() {
        cutOff(front -> front.state(Protocol.SET_VRING_NUM, 0, 0));
    }

    @Test
    void aQueueOfTooManyEntries() {
        cutOff(front -> front.state(Protocol.SET_VRING_NUM, 0, 65536));
    }

    @Test
    void aMemoryTableWithMoreRegionsThanDescriptors() {
        cutOff(front -> {
            front.channel.reply().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 2);
            front.send(Protocol.SET_MEM_TABLE, 72, front.file.descriptor());
        });
    }

    @Test
    void aMemoryTableThatClaimsBillionsOfRegions() {
        cutOff(front -> {
            front.channel.reply().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 0xFFFF_FFFFL);
            front.send(Protocol.SET_MEM_TABLE, 40, front.file.descriptor());
        });
    }

    private void region(long guest, long size, long offset) {
        cutOff(front -> {
            front.channel.reply().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 1);
            TestFrontEnd.region(front.channel.reply(), 8, guest, size, TestFrontEnd.USER, offset);
            front.send(Protocol.SET_MEM_TABLE, 40, front.file.descriptor());
        });
    }

    @Test
    void aRegionBehindTheEndOfItsFile() {
        region(0, TestFrontEnd.BYTES + 4096L, 0);
        region(0, TestFrontEnd.BYTES, 4096);
        region(0, 4096, Long.MAX_VALUE & ~4095L);
    }

    @Test
    void aRegionThatIsNoWholePages() {
        region(0, 100, 0);
        region(1, 4096, 0);
        region(0, 4096, 1);
        region(0, 0, 0);
        region(0, -4096, 0);
        region(-4096, 8192, 0);
    }

    @Test
    void regionsThatOverlap() {
        cutOff(front -> {
            front.channel.reply().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 2);
            TestFrontEnd.region(front.channel.reply(), 8, 0, 8192, TestFrontEnd.USER, 0);
            TestFrontEnd.region(front.channel.reply(), 40, 4096, 8192, TestFrontEnd.USER, 0);
            front.send(Protocol.SET_MEM_TABLE, 72, front.file.descriptor(), front.file.descriptor());
        });
    }

    @Test
    void aSocketAsMemory() {
        cutOff(front -> {
            try (UnixSocket.Pair pair = UnixSocket.pair(SocketType.STREAM, true)) {
                front.channel.reply().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 1);
                TestFrontEnd.region(front.channel.reply(), 8, 0, 4096, TestFrontEnd.USER, 0);
                front.send(Protocol.SET_MEM_TABLE, 40, pair.first().descriptor());
            }
        });
    }

    @Test
    void moreDescriptorsThanAMessageCanHave() {
        cutOff(front -> {
            FileDescriptor file = front.file.descriptor();
            try (var message = new dev.vz.linux.socket.SocketMessage(1, 20); Arena arena = Arena.ofShared()) {
                MemorySegment bytes = arena.allocate(12);
                bytes.set(ValueLayout.JAVA_INT, 0, Protocol.SET_OWNER);
                bytes.set(ValueLayout.JAVA_INT, 4, 1);
                message.vectors().add(bytes);
                message.send(UnixSocket.adopt(front.socketDescriptor()), file, file, file, file, file, file, file,
                        file, file, file, file, file);
            }
        });
    }

    @Test
    void aRegularFileAsAKick() {
        cutOff(front -> front.send(Protocol.SET_VRING_KICK, 0L, front.file.descriptor()));
    }

    @Test
    void aKickWithoutADescriptor() {
        cutOff(front -> front.send(Protocol.SET_VRING_KICK, 0L));
    }

    @Test
    void aCallThatIsNoEventIsDropped() throws InterruptedException {
        try (var front = new TestFrontEnd(address); var file = MemoryFile.create("no event", 4096)) {
            TestFrontEnd.Queue queue = front.start(QueueKind.SPLIT.features, 0);
            front.send(Protocol.SET_VRING_CALL, 0L, file.descriptor());
            front.memory.writeInt(TestFrontEnd.BASE, 8);
            queue.submit(Buffer.readable(TestFrontEnd.BASE, 16), Buffer.writable(TestFrontEnd.BASE + 64, 21));
            assertThat(queue.await().written()).isEqualTo(21);
        }
    }

    @Test
    void ringsOutsideMemoryDoNotWork() {
        try (var front = new TestFrontEnd(address)) {
            front.begin(-1);
            front.send(Protocol.SET_FEATURES, 1L << 32 | Protocol.PROTOCOL_FEATURES);
            front.setMemory();
            TestFrontEnd.Queue queue = front.new Queue(0, QueueKind.SPLIT.features, 64);
            front.state(Protocol.SET_VRING_NUM, 0, 64);
            front.addresses(0, new dev.vz.virtio.queue.QueueLayout(64, 64, TestFrontEnd.BASE + TestFrontEnd.BYTES - 64,
                    TestFrontEnd.BASE, TestFrontEnd.BASE, QueueKind.SPLIT.features));
            front.send(Protocol.SET_VRING_KICK, 0L, queue.kick.descriptor());
            front.channel.reply().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 1L << 32);
            assertThat(front.acknowledged(Protocol.SET_VRING_ENABLE, 8)).isEqualTo(1);
        }
    }

    @Test
    void featuresThatWereNotOffered() {
        cutOff(front -> front.send(Protocol.SET_FEATURES, 1L << 63));
    }

    @Test
    void featuresWithoutVersionOneAreRefusedWhenAQueueIsToWork() {
        cutOff(front -> {
            front.send(Protocol.SET_FEATURES, 0L);
            front.setMemory();
            front.new Queue(0, QueueKind.SPLIT.features, 64).start(0);
        });
    }

    @Test
    void aRegionForWhatIsInFlightThatIsTooSmall() {
        cutOff(front -> {
            MemorySegment payload = front.channel.reply();
            payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 100);
            payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 8, 0);
            payload.set(ValueLayout.JAVA_SHORT_UNALIGNED, 16, (short) 2);
            payload.set(ValueLayout.JAVA_SHORT_UNALIGNED, 18, (short) 256);
            front.send(Protocol.SET_INFLIGHT_FD, 24, front.file.descriptor());
        });
    }

    @Test
    void configurationFarAway() {
        try (var front = new TestFrontEnd(address)) {
            front.begin(-1);
            MemorySegment payload = front.channel.reply();
            payload.set(ValueLayout.JAVA_INT_UNALIGNED, 0, Integer.MAX_VALUE);
            payload.set(ValueLayout.JAVA_INT_UNALIGNED, 4, Integer.MAX_VALUE);
            front.send(Protocol.GET_CONFIG, 12);
            assertThat(front.channel.receive()).isTrue();
            assertThat(front.channel.size()).as("refused").isZero();
        }
    }

    @Test
    void randomMessagesCutOffOnlyWhoeverSendsThem() {
        long seed = new Random().nextLong();
        var random = new Random(seed);
        for (int life = 0; life < 150; life++) {
            try (var front = new TestFrontEnd(address)) {
                for (int i = 0; i < 20; i++) {
                    int size = 8 * random.nextInt(8);
                    for (int at = 0; at < size; at += 8) {
                        front.channel.reply().set(ValueLayout.JAVA_LONG_UNALIGNED, at,
                                random.nextInt(3) > 0 ? random.nextInt(4) : random.nextLong());
                    }
                    int request = random.nextInt(42);
                    if (random.nextInt(4) == 0) {
                        front.send(request, size, front.file.descriptor());
                    } else {
                        front.send(request, size);
                    }
                }
            } catch (HostException cutOff) {
                assertThat(cutOff.errnoName()).as("seed %d", seed).isIn("EPIPE", "ECONNRESET");
            }
        }
    }
}
