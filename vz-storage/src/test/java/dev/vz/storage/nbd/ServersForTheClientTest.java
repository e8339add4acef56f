package dev.vz.storage.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.error.CapabilityException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Our client on nbdkit, with its filters in between, and on qemu-nbd. */
@Timeout(120)
class ServersForTheClientTest {

    @TempDir
    Path folder;

    private final Arena arena = Arena.ofShared();
    private Process process;

    @AfterEach
    void stop() throws InterruptedException {
        if (process != null) {
            process.destroy();
            process.waitFor();
        }
        arena.close();
    }

    private NbdUri nbdkit(Object... arguments) {
        Path socket = folder.resolve("s");
        var all = new ArrayList<Object>(List.of("-f", "-U", socket));
        all.addAll(List.of(arguments));
        process = Tool.serve(socket, "nbdkit", "nbdkit", all.toArray());
        return NbdUri.unix(socket, "");
    }

    @Test
    void thePatternOfNbdkitIsRead() {
        try (NbdClient client = NbdClient.open(nbdkit("pattern", "16M"), NbdClientOptions.DEFAULT)) {
            MemorySegment data = arena.allocate(1 << 20);
            client.read(3 << 20, data);
            for (long i = 0; i < data.byteSize(); i += 8) {
                assertThat(data.get(ValueLayout.JAVA_LONG.withOrder(ByteOrder.BIG_ENDIAN), i))
                        .isEqualTo((3 << 20) + i);
            }
        }
    }

    @Test
    void memoryOfNbdkitIsWrittenOverSeveralConnections() {
        try (NbdClient client = NbdClient.open(nbdkit("memory", "16M"), NbdClientOptions.DEFAULT.withConnections(4))) {
            MemorySegment data = arena.allocate(2 << 20).fill((byte) 9);
            client.write(1 << 20, data);
            assertThat(client.status(0, 16 << 20)).isEqualTo(new BlockExtent(0, 1 << 20, false, true));
            client.writeZeroes(1 << 20, 1 << 20);
            client.discard(2 << 20, 65536);
            client.flush();
            MemorySegment back = arena.allocate(2 << 20).fill((byte) 1);
            client.read(1 << 20, back);
            assertThat(back.get(ValueLayout.JAVA_BYTE, 100)).isZero();
            assertThat(back.get(ValueLayout.JAVA_BYTE, (2 << 20) - 1)).isEqualTo((byte) 9);
        }
    }

    @Test
    void anErrorOfTheServerIsTheRequestsResultAndTheConnectionGoesOn() {
        Path trigger = folder.resolve("fail");
        NbdUri uri = nbdkit("--filter=error", "memory", "1M", "error-rate=100%", "error-file=" + trigger, "error=EIO",
                "error-pwrite=ENOSPC");
        try (NbdClient client = NbdClient.open(uri, NbdClientOptions.DEFAULT)) {
            client.write(0, arena.allocate(512).fill((byte) 1));
            touch(trigger);
            assertThatThrownBy(() -> client.read(0, arena.allocate(512)))
                    .isInstanceOfSatisfying(BlockDevice.BlockException.class,
                            failure -> assertThat(failure.result()).isEqualTo(BlockResult.IO_ERROR))
                    .hasMessageContaining("EIO");
            assertThatThrownBy(() -> client.write(0, arena.allocate(512)))
                    .isInstanceOf(BlockDevice.BlockException.class);
            delete(trigger);
            MemorySegment back = arena.allocate(512);
            client.read(0, back);
            assertThat(back.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 1);
        }
    }

    private static void touch(Path file) {
        try {
            Files.createFile(file);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static void delete(Path file) {
        try {
            Files.delete(file);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    @Test
    void delayedRequestsAreUnderWayAtTheSameTime() throws InterruptedException {
        NbdUri uri = nbdkit("--filter=delay", "memory", "1M", "rdelay=2");
        try (NbdClient client = NbdClient.open(uri, NbdClientOptions.DEFAULT)) {
            int count = 16;
            var done = new CountDownLatch(count);
            var good = new AtomicInteger();
            long start = System.nanoTime();
            for (int i = 0; i < count; i++) {
                client.submit(new BlockRequest().prepare(Operation.READ, i * 4096L, 4096, 0)
                        .addBuffer(arena.allocate(4096)).onCompletion((request, result) -> {
                            good.addAndGet(result == BlockResult.OK ? 1 : 0);
                            done.countDown();
                        }));
            }
            assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
            assertThat(good).hasValue(count);
            assertThat(System.nanoTime() - start).as("one after another they take 32 s").isLessThan(30_000_000_000L);
        }
    }

    @Test
    void aServerThatDiesFailsWhatIsUnderWay() throws InterruptedException {
        NbdUri uri = nbdkit("--filter=delay", "memory", "1M", "rdelay=120");
        NbdClient client = NbdClient.open(uri, NbdClientOptions.DEFAULT);
        var result = new AtomicReference<BlockResult>();
        var done = new CountDownLatch(1);
        client.submit(new BlockRequest().prepare(Operation.READ, 0, 512, 0).addBuffer(arena.allocate(512))
                .onCompletion((request, outcome) -> {
                    result.set(outcome);
                    done.countDown();
                }));
        process.destroyForcibly();
        assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(result.get()).isEqualTo(BlockResult.IO_ERROR);
        client.close();
    }

    @Test
    void aServerWithoutZeroesIsWrittenAllTheSame() {
        NbdUri uri = nbdkit("--filter=nozero", "memory", "4M", "zeromode=none");
        try (NbdClient client = NbdClient.open(uri, NbdClientOptions.DEFAULT)) {
            assertThat(client.export().canZero()).isFalse();
            MemorySegment data = arena.allocate(3 << 20).fill((byte) 5);
            client.await(new BlockRequest().prepare(Operation.WRITE, 0, data.byteSize(), BlockRequest.FUA)
                    .addBuffer(data));
            client.writeZeroes(1000, 2_500_000);
            client.read(0, data);
            assertThat(data.get(ValueLayout.JAVA_BYTE, 999)).isEqualTo((byte) 5);
            assertThat(data.get(ValueLayout.JAVA_BYTE, 1000)).isZero();
            assertThat(data.get(ValueLayout.JAVA_BYTE, 2_500_999)).isZero();
            assertThat(data.get(ValueLayout.JAVA_BYTE, 2_501_000)).isEqualTo((byte) 5);
            assertThatThrownBy(() -> client.await(new BlockRequest().prepare(Operation.WRITE_ZEROES, 0, 512,
                    BlockRequest.FAST_ONLY))).isInstanceOfSatisfying(BlockDevice.BlockException.class,
                            failure -> assertThat(failure.result()).isEqualTo(BlockResult.NOT_FAST));
        }
    }

    @Test
    void aServerThatWantsBlocksIsAskedInBlocks() {
        NbdUri uri = nbdkit("--filter=blocksize-policy", "memory", "4M", "blocksize-minimum=4096",
                "blocksize-error-policy=error");
        try (NbdClient client = NbdClient.open(uri, NbdClientOptions.DEFAULT)) {
            assertThat(client.info().logicalBlockSize()).isEqualTo(4096);
            client.write(4096, arena.allocate(4096).fill((byte) 1));
        }
    }

    @Test
    void theNewstyleOfOldWithoutOptionsIsSpoken() {
        NbdUri uri = nbdkit("--mask-handshake=0", "memory", "1M");
        try (NbdClient client = NbdClient.open(uri, NbdClientOptions.DEFAULT)) {
            assertThat(client.export().structured()).isFalse();
            client.write(0, arena.allocate(512).fill((byte) 1));
        }
    }

    @Test
    void theOldstyleIsRefusedByName() {
        NbdUri uri = nbdkit("-o", "memory", "1M");
        assertThatThrownBy(() -> NbdClient.open(uri, NbdClientOptions.DEFAULT))
                .isInstanceOf(CapabilityException.class).hasMessageContaining("oldstyle");
    }

    @Test
    void aBitmapOfQemuNbdIsRead() {
        Path image = folder.resolve("disk.qcow2");
        Tool.ok("qemu-utils", "qemu-img", "create", "-f", "qcow2", image, "4M");
        Tool.ok("qemu-utils", "qemu-img", "bitmap", "--add", "-f", "qcow2", image, "b0");
        Tool.ok("qemu-utils", "qemu-io", "-f", "qcow2", "-c", "write 1M 64k", image);
        Path socket = folder.resolve("q");
        process = Tool.serve(socket, "qemu-utils", "qemu-nbd", "-t", "-k", socket, "-f", "qcow2", "-B", "b0", "-A",
                "-x", "disk", image);
        NbdClientOptions options = NbdClientOptions.DEFAULT.withContexts(
                List.of("base:allocation", "qemu:dirty-bitmap:b0", "qemu:allocation-depth"));
        try (NbdClient client = NbdClient.open(NbdUri.unix(socket, "disk"), options)) {
            assertThat(client.runs(0, 4 << 20, "qemu:dirty-bitmap:b0")).containsExactly(
                    new MetadataContext.Run(1 << 20, 0), new MetadataContext.Run(65536, 1),
                    new MetadataContext.Run((3 << 20) - 65536, 0));
            assertThat(client.status(0, 4 << 20)).isEqualTo(new BlockExtent(0, 1 << 20, false, true));
            assertThat(client.runs(1 << 20, 65536, "qemu:allocation-depth"))
                    .containsExactly(new MetadataContext.Run(65536, 1));
        }
    }
}
