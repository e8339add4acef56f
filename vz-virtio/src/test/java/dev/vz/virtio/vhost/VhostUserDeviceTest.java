package dev.vz.virtio.vhost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.error.ConfigurationException;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.memory.GuestMemory;
import dev.vz.testing.Listeners;
import dev.vz.testing.Peers;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.net.NetworkCard;
import dev.vz.virtio.queue.QueueKind;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Our front end, with our own back end, with qemu-storage-daemon's and with QEMU's virtiofsd. */
@Timeout(180)
class VhostUserDeviceTest {

    @TempDir
    Path folder;

    private UnixAddress address() {
        return UnixAddress.of(folder.resolve("s"));
    }

    private Function<GuestMemory, VirtioDevice<?>> disk() {
        return memory -> VhostUserDevice.block(address(), memory, 2);
    }

    private VhostUserServer serve(MemoryBlockDevice disk) {
        return VhostUserServer.serve(new BlockFrontend(disk, "served", 2), address(),
                VhostUserServer.Options.standard());
    }

    /** Starts a program that makes the socket, and waits for it. */
    private Process start(String... command) throws IOException, InterruptedException {
        Files.deleteIfExists(folder.resolve("s"));
        Process process = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile()).start();
        Listeners.await(process, folder.resolve("s"), folder.resolve("log"));
        return process;
    }

    private Process storageDaemon() throws IOException, InterruptedException {
        String program = Peers.program("qemu-storage-daemon", "qemu-system-common").toString();
        Path image = folder.resolve("image");
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(1 << 20);
        }
        return start(program, "--blockdev", "driver=file,node-name=d,filename=" + image, "--export",
                "type=vhost-user-blk,id=e,node-name=d,writable=on,num-queues=2,addr.type=unix,addr.path="
                        + folder.resolve("s"));
    }

    private static void writesAndReads(RemoteDisk disk, long seed) throws InterruptedException {
        var bytes = new byte[32768];
        new Random(seed).nextBytes(bytes);
        disk.driver.memory.write(RemoteDisk.DATA, bytes);
        assertThat(disk.request(RemoteDisk.WRITE, 8, bytes.length)).isZero();
        assertThat(disk.request(RemoteDisk.FLUSH, 0, 0)).isZero();
        disk.driver.memory.fill(RemoteDisk.DATA, bytes.length, (byte) 0);
        assertThat(disk.request(RemoteDisk.READ, 8, bytes.length)).isZero();
        assertThat(disk.driver.memory.read(RemoteDisk.DATA, bytes.length)).isEqualTo(bytes);
        assertThat(disk.request(RemoteDisk.READ, 1 << 20, 512)).as("behind the end").isEqualTo(1);
        assertThat(disk.driver.awaitQueueInterrupt()).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void aDiskOfOurOwnBackEndIsOneOfOurGuest(QueueKind kind) throws InterruptedException {
        try (var server = serve(MemoryBlockDevice.ofSize(1 << 20));
                var disk = new RemoteDisk(disk(), kind.features)) {
            assertThat(disk.driver.host.device().config().read(0, 8)).as("sectors").isEqualTo(2048);
            writesAndReads(disk, 1);
            disk.begin();
            writesAndReads(disk, 2);
            assertThat(server.toString()).contains("virtio-blk");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"SPLIT", "SPLIT_EVENT_IDX"})
    void aDiskOfQemusStorageDaemonIsOneOfOurGuest(QueueKind kind) throws Exception {
        Process daemon = storageDaemon();
        try (var disk = new RemoteDisk(disk(), kind.features)) {
            assertThat(disk.driver.host.device().config().read(0, 8)).as("sectors").isEqualTo(2048);
            writesAndReads(disk, 1);
            disk.begin();
            writesAndReads(disk, 2);
            var bytes = new byte[32768];
            new Random(2).nextBytes(bytes);
            byte[] image = Files.readAllBytes(folder.resolve("image"));
            assertThat(Arrays.copyOfRange(image, 4096, 4096 + bytes.length)).isEqualTo(bytes);
        } finally {
            daemon.destroyForcibly().waitFor();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPausedQueueGoesOnWhereItWas(QueueKind kind) throws InterruptedException {
        try (var server = serve(MemoryBlockDevice.ofSize(1 << 20));
                var disk = new RemoteDisk(disk(), kind.features)) {
            for (int i = 0; i < 70; i++) {
                assertThat(disk.request(RemoteDisk.READ, i, 512)).isZero();
            }
            disk.driver.host.pause();
            var saved = disk.driver.host.save();
            disk.driver.host.restore(saved);
            disk.driver.host.resume();
            disk.driver.run();
            writesAndReads(disk, 3);
            assertThat(disk.driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
            assertThat(server.toString()).isNotEmpty();
        }
    }

    @Test
    void aBackEndThatDiesLeavesTheDeviceInNeedOfAResetAndIsFoundAgainAfterIt() throws Exception {
        Process first = storageDaemon();
        RemoteDisk disk;
        try {
            disk = new RemoteDisk(disk(), QueueKind.SPLIT.features);
        } finally {
            first.destroyForcibly().waitFor();
        }
        try (disk) {
            assertThat(disk.driver.awaitConfigInterrupt()).isTrue();
            assertThat(disk.driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
            assertThat(disk.driver.configInterrupts).isEqualTo(1);
            // Nobody there: it stays in need of a reset, and nothing is thrown at the driver.
            disk.begin();
            assertThat(disk.driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
            Process second = storageDaemon();
            try {
                disk.begin();
                writesAndReads(disk, 4);
            } finally {
                second.destroyForcibly().waitFor();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDiskGoesOnWithTheNextBackEndAndItsDriverLearnsNothing(QueueKind kind) throws InterruptedException {
        MemorySegment bytes = MemorySegment.ofArray(new byte[1 << 20]);
        VhostUserServer first = serve(MemoryBlockDevice.over(bytes));
        try (var disk = new RemoteDisk(disk(), kind.features)) {
            for (int i = 0; i < 70; i++) {
                assertThat(disk.request(RemoteDisk.READ, i, 512)).isZero();
            }
            first.close();
            // Asked of nobody.
            disk.driver.memory.fill(RemoteDisk.DATA, 512, (byte) 0x5A);
            disk.submit(RemoteDisk.WRITE, 3, 512);
            try (var second = serve(MemoryBlockDevice.over(bytes))) {
                disk.await();
                assertThat(disk.driver.memory.readByte(RemoteDisk.STATUS)).isZero();
                assertThat(bytes.get(ValueLayout.JAVA_BYTE, 3 * 512 + 511)).isEqualTo((byte) 0x5A);
                writesAndReads(disk, 5);
                assertThat(second.toString()).contains("virtio-blk");
            }
            try (var third = serve(MemoryBlockDevice.over(bytes))) {
                writesAndReads(disk, 6);
                assertThat(third.toString()).contains("virtio-blk");
            }
            assertThat(disk.driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
            assertThat(disk.driver.configInterrupts).isZero();
        } finally {
            first.close();
        }
    }

    @Test
    void aBackEndThatComesInThePlaceOfAnotherKindIsNotTaken() throws InterruptedException {
        VhostUserServer first = serve(MemoryBlockDevice.ofSize(1 << 20));
        try (var disk = new RemoteDisk(disk(), QueueKind.SPLIT.features)) {
            writesAndReads(disk, 1);
            first.close();
            try (var other = VhostUserServer.serve(new EntropyDevice(new Random(1)), address(),
                    VhostUserServer.Options.standard())) {
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                while ((disk.driver.host.status() & DeviceHost.NEEDS_RESET) == 0 && System.nanoTime() < end) {
                    Thread.sleep(1);
                }
                assertThat(disk.driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
                assertThat(other.toString()).contains("virtio-rng");
            }
        } finally {
            first.close();
        }
    }

    /** A network that returns every frame. */
    private VhostUserServer network() {
        var cable = new LinkPair("cable", LinkFeatures.all());
        cable.b().receive(batch -> cable.b().send(batch));
        return VhostUserServer.serve(NetworkCard.dataPath(cable.a(), 1), address(),
                VhostUserServer.Options.standard());
    }

    /** Sends a frame, again and again, until it has come back. */
    private static void echoes(TestDriver driver, QueueDriver receive, QueueDriver send, int seed)
            throws InterruptedException {
        var frame = new byte[12 + 60];
        new Random(seed).nextBytes(frame);
        Arrays.fill(frame, 0, 12, (byte) 0);
        driver.memory.write(0x8000, frame);
        receive.submit(List.of(Buffer.writable(0xA000, 2048)));
        driver.host.notifyQueue(0);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        Optional<QueueDriver.Completion> got = Optional.empty();
        boolean sending = false;
        while (got.isEmpty() && System.nanoTime() < end) {
            if (!sending) {
                send.submit(List.of(Buffer.readable(0x8000, frame.length)));
                driver.host.notifyQueue(1);
            }
            driver.run();
            Thread.sleep(5);
            sending = send.complete().isEmpty();
            got = receive.complete();
        }
        while (sending && System.nanoTime() < end) {
            Thread.sleep(1);
            sending = send.complete().isEmpty();
        }
        assertThat(got.map(QueueDriver.Completion::written)).contains(frame.length);
        assertThat(driver.memory.read(0xA000 + 12, 60)).isEqualTo(Arrays.copyOfRange(frame, 12, 72));
    }

    @ParameterizedTest
    @EnumSource
    void aCardGoesOnWithTheNextNetwork(QueueKind kind) throws InterruptedException {
        byte[] mac = {0x52, 0x54, 0, 1, 2, 3};
        VhostUserServer first = network();
        try (var driver = new TestDriver(memory -> VhostUserDevice.card(address(), memory, mac), RemoteDisk.memory(),
                kind.features)) {
            assertThat(driver.host.device().config().content()).containsExactly(0x52, 0x54, 0, 1, 2, 3, 1, 0, 1, 0);
            assertThat(driver.host.offeredFeatures() & (1L << 5 | 1L << 16 | 1L << 17 | 1L << 22))
                    .as("MAC and STATUS, but neither a control queue nor several pairs").isEqualTo(1L << 5 | 1L << 16);
            driver.negotiate(driver.ringFeatures() & ~DeviceHost.RING_RESET | 1L << 5 | 1L << 16 | 1L << 15);
            QueueDriver receive = driver.enable(0, 64);
            QueueDriver send = driver.enable(1, 64);
            driver.driverOk();
            for (int i = 0; i < 3; i++) {
                echoes(driver, receive, send, i);
            }
            first.close();
            try (var second = network()) {
                echoes(driver, receive, send, 3);
                assertThat(second.toString()).contains("virtio-net");
            }
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
        } finally {
            first.close();
        }
    }

    @Test
    void aFolderOfVirtiofsdIsOneOfOurGuest() throws Exception {
        Peers.root();
        String program = Peers.program("virtiofsd", "qemu-system-common").toString();
        Path shared = Files.createDirectory(folder.resolve("shared"));
        Files.writeString(shared.resolve("hello"), "from virtiofsd");
        Process daemon = start(program, "--socket-path=" + folder.resolve("s"), "-o", "source=" + shared, "-o",
                "sandbox=chroot");
        try (var remote = new RemoteDisk(memory -> VhostUserDevice.folder(address(), memory, "tag"),
                QueueKind.SPLIT.features)) {
            assertThat(remote.driver.host.device().config().read(0, 3)).isEqualTo('t' | 'a' << 8 | 'g' << 16);
            // The guest's urgent requests go to queue 0, the others to queue 1.
            remote.queue = remote.driver.enable(1, 64);
            fuse(remote, 26, 0, 64, 7, 31, 1 << 17, 0);
            assertThat(remote.driver.memory.readInt(0x9004)).as("error").isZero();
            assertThat(remote.driver.memory.readInt(0x9010)).as("major version").isEqualTo(7);
            remote.driver.memory.write(0x8028, "hello\0".getBytes(StandardCharsets.US_ASCII));
            fuse(remote, 1, 1, 6);
            assertThat(remote.driver.memory.readInt(0x9004)).as("error").isZero();
            long node = remote.driver.memory.readLong(0x9010);
            fuse(remote, 14, node, 8, 0, 0);
            assertThat(remote.driver.memory.readInt(0x9004)).as("error").isZero();
            long handle = remote.driver.memory.readLong(0x9010);
            fuse(remote, 15, node, 40, (int) handle, (int) (handle >>> 32), 0, 0, 100, 0, 0, 0, 0, 0);
            assertThat(remote.driver.memory.read(0x9010, 14))
                    .isEqualTo("from virtiofsd".getBytes(StandardCharsets.US_ASCII));
        } finally {
            daemon.destroyForcibly().waitFor();
        }
    }

    /** A FUSE request of {@code bytes} after its header; words given are written there. */
    private static void fuse(RemoteDisk remote, int opcode, long node, int bytes, int... words)
            throws InterruptedException {
        var memory = remote.driver.memory;
        memory.fill(0x8000, 40, (byte) 0);
        memory.writeInt(0x8000, 40 + bytes);
        memory.writeInt(0x8004, opcode);
        memory.writeLong(0x8008, 1);
        memory.writeLong(0x8010, node);
        if (words.length > 0) {
            memory.fill(0x8028, bytes, (byte) 0);
        }
        for (int i = 0; i < words.length; i++) {
            memory.writeInt(0x8028 + 4L * i, words[i]);
        }
        remote.queue.submit(List.of(Buffer.readable(0x8000, 40), Buffer.readable(0x8028, bytes),
                Buffer.writable(0x9000, 16), Buffer.writable(0x9010, 0x1000)));
        remote.driver.host.notifyQueue(1);
        remote.await();
    }

    @Test
    void aGuestWhoseMemoryNobodyElseCanMapIsToldSo() {
        try (var server = serve(MemoryBlockDevice.ofSize(1 << 20));
                var driver = new TestDriver(disk(), GuestMemory.ofSize(4 << 20),
                        QueueKind.SPLIT.features)) {
            driver.negotiate(driver.ringFeatures() & ~DeviceHost.RING_RESET);
            driver.enable(0, 16);
            driver.driverOk();
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
            assertThat(server.toString()).isNotEmpty();
        }
    }

    @Test
    void whatCannotBeADiskIsRefused() {
        try (var memory = RemoteDisk.memory();
                var server = VhostUserServer.serve(new EntropyDevice(new Random(1)), address(),
                        VhostUserServer.Options.standard())) {
            assertThatThrownBy(() -> VhostUserDevice.block(address(), memory, 0))
                    .isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> VhostUserDevice.folder(address(), memory, ""))
                    .isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> VhostUserDevice.card(address(), memory, new byte[] {1, 0, 0, 0, 0, 1}))
                    .isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> VhostUserDevice.of(address(), memory, 4, 1, 257))
                    .isInstanceOf(ConfigurationException.class);
            assertThat(server.toString()).isNotEmpty();
        }
    }

    @Test
    void anEntropyDeviceOfAnotherProcessGivesRandomBytes() throws InterruptedException {
        try (var server = VhostUserServer.serve(new EntropyDevice(new Random(1)), address(),
                VhostUserServer.Options.standard());
                var remote = new RemoteDisk(memory -> VhostUserDevice.of(address(), memory, 4, 1, 0),
                        QueueKind.PACKED.features)) {
            remote.queue.submit(List.of(Buffer.writable(0x8000, 64)));
            remote.driver.host.notifyQueue(0);
            assertThat(remote.await().written()).isEqualTo(64);
            assertThat(remote.driver.memory.read(0x8000, 64)).isNotEqualTo(new byte[64]);
            assertThat(server.toString()).contains("virtio-rng");
        }
    }
}
