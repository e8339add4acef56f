package dev.vz.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.BlockExtent;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.qcow2.Qcow2Driver;
import dev.vz.storage.qcow2.Qcow2Format;
import dev.vz.storage.qcow2.Qcow2Options;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import dev.vz.testing.Peers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every image does as a block device. */
class DiskImageTest {

    private static final int SIZE = 4 << 20;

    private static Path create(Path path, Qcow2Options options) {
        try (var file = HostFile.create(path)) {
            Qcow2Format.create(file, options);
        }
        return path;
    }

    private static DiskImage open(Path path, Path folder) {
        return DiskImage.open(path, ImageFormat.QCOW2, OpenOptions.DEFAULT.withGate(FileGate.within(folder)));
    }

    @Test
    void aRequestOutsideTheDiskOrWithBadBuffersEndsWithAResultAndNoException(@TempDir Path folder) {
        Path path = create(folder.resolve("a.qcow2"), Qcow2Options.ofSize(SIZE));
        try (var disk = open(path, folder); Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(512);
            assertThat(submit(disk, Operation.READ, SIZE, 512, buffer)).isEqualTo(BlockResult.OUT_OF_RANGE);
            assertThat(submit(disk, Operation.READ, Long.MAX_VALUE, 512, buffer)).isEqualTo(BlockResult.OUT_OF_RANGE);
            assertThat(submit(disk, Operation.WRITE, 0, 1024, buffer)).isEqualTo(BlockResult.INVALID);
            assertThat(submit(disk, Operation.READ, 0, 512, buffer.asReadOnly())).isEqualTo(BlockResult.INVALID);
            Arena closed = Arena.ofConfined();
            MemorySegment gone = closed.allocate(512);
            closed.close();
            assertThat(submit(disk, Operation.WRITE, 0, 512, gone)).isEqualTo(BlockResult.INVALID);
            new ModelDisk(SIZE).write(disk, 0, 512, 1);
        }
        Qemu.require();
        Qemu.check("qcow2", path);
    }

    private static BlockResult submit(DiskImage disk, Operation operation, long offset, long length,
            MemorySegment buffer) {
        var result = new BlockResult[1];
        disk.submit(new BlockRequest().prepare(operation, offset, length, 0).addBuffer(buffer).onCompletion((request,
                outcome) -> result[0] = outcome));
        return result[0];
    }

    private static BlockResult answer(DiskImage disk, long offset, MemorySegment buffer) {
        var answer = new CompletableFuture<BlockResult>();
        disk.submit(new BlockRequest().prepare(Operation.READ, offset, buffer.byteSize(), 0).addBuffer(buffer)
                .onCompletion((request, outcome) -> answer.complete(outcome)));
        return answer.orTimeout(60, TimeUnit.SECONDS).join();
    }

    @Test
    void aReadOnlyImageRefusesEveryChangeAndAClosedOneEverything(@TempDir Path folder) {
        Path path = create(folder.resolve("a.qcow2"), Qcow2Options.ofSize(SIZE));
        var disk = DiskImage.open(path, ImageFormat.QCOW2, OpenOptions.DEFAULT.withReadOnly(true));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(512);
            for (Operation operation : new Operation[] {Operation.WRITE, Operation.DISCARD, Operation.WRITE_ZEROES}) {
                assertThat(submit(disk, operation, 0, 512, buffer)).isEqualTo(BlockResult.READ_ONLY);
            }
            assertThat(submit(disk, Operation.READ, 0, 512, buffer)).isEqualTo(BlockResult.OK);
            disk.close();
            disk.close();
            assertThat(submit(disk, Operation.READ, 0, 512, buffer)).isEqualTo(BlockResult.CANCELLED);
        }
    }

    @Test
    void aDiskThatGrowsReadsAsZerosWhereItIsNew(@TempDir Path folder) {
        Path base = create(folder.resolve("base.qcow2"), Qcow2Options.ofSize(SIZE));
        try (var disk = open(base, folder)) {
            new ModelDisk(SIZE).write(disk, 0, SIZE, 1);
        }
        for (int version : new int[] {2, 3}) {
            Path path = create(folder.resolve("v" + version), Qcow2Options.ofSize(1_000_448).withBacking("base.qcow2",
                    "qcow2").withVersion(version));
            try (var disk = open(path, folder)) {
                var model = new ModelDisk(1_000_448);
                System.arraycopy(ModelDisk.read(disk, 0, 1_000_448), 0, model.bytes(), 0, 1_000_448);
                model.write(disk, 900_000, 100_000, 5);
                disk.resize(700_416);
                model.resize(700_416);
                model.check(disk);
                var seen = new long[1];
                disk.onResize(() -> seen[0] = disk.info().size());
                disk.resize(SIZE * 4L);
                assertThat(seen[0]).isEqualTo(SIZE * 4L);
                model.resize(SIZE * 4L);
                model.check(disk);
                assertThat(((Qcow2Driver) disk.driver()).check().messages()).isEmpty();
            }
            Qemu.require();
            Qemu.check("qcow2", path);
        }
    }

    @Test
    void theMapTellsDepthsZerosAndOffsetsLikeQemuImg(@TempDir Path folder) {
        Qemu.require();
        Path base = create(folder.resolve("base.qcow2"), Qcow2Options.ofSize(SIZE));
        Path top = create(folder.resolve("top.qcow2"), Qcow2Options.ofSize(SIZE).withBacking("base.qcow2", "qcow2"));
        try (var disk = open(base, folder)) {
            new ModelDisk(SIZE).write(disk, 0, 1 << 20, 1);
        }
        try (var disk = open(top, folder)) {
            var model = new ModelDisk(SIZE);
            model.write(disk, 512 << 10, 65536, 2);
            model.zero(disk, 640 << 10, 65536);
            disk.flush();
            assertThat(disk.status(512 << 10, 1 << 20)).isEqualTo(new BlockExtent(512 << 10, 65536, true, false));
            assertThat(disk.status(640 << 10, 1 << 20)).isEqualTo(new BlockExtent(640 << 10, 65536, true, true));
            assertThat(disk.status(2 << 20, 1 << 20)).isEqualTo(new BlockExtent(2 << 20, 1 << 20, false, true));
            var lines = new ArrayList<String>();
            MapExtent last = null;
            for (long at = 0; at < SIZE;) {
                MapExtent extent = disk.map(at, SIZE - at);
                at += extent.length();
                if (last != null && last.continuedBy(extent)) {
                    last = last.joined(extent);
                    continue;
                }
                add(lines, last);
                last = extent;
            }
            add(lines, last);
            String theirs = Qemu.imgOk("map", "-f", "qcow2", top);
            assertThat(String.join("\n", lines)).isEqualTo(theirs.lines().skip(1).map(line -> line.replaceAll(" +",
                    " ")).collect(java.util.stream.Collectors.joining("\n")));
        }
    }

    private static void add(ArrayList<String> lines, MapExtent extent) {
        if (extent != null && extent.data() && extent.file() != null) {
            lines.add("0x%x 0x%x 0x%x %s".formatted(extent.offset(), extent.length(), extent.fileOffset(), extent.file()
                    .name()).replace("0x0 ", "0 "));
        }
    }

    /**
     * Each of many writers owns every n-th sector, so clusters are shared by all and contents stay predictable; beside
     * them run flushes and discards of a region that nobody writes.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void manyWritersOfOneOverlayLoseNothing(boolean extended, @TempDir Path folder) throws Exception {
        int writers = 16;
        int sectors = SIZE / 2 / 512;
        Path base = create(folder.resolve("base.qcow2"), Qcow2Options.ofSize(SIZE));
        Path top = create(folder.resolve("top.qcow2"), Qcow2Options.ofSize(SIZE).withBacking("base.qcow2", "qcow2")
                .withExtendedL2(extended).withClusterSize(16384));
        var model = new ModelDisk(SIZE);
        try (var disk = open(base, folder)) {
            model.write(disk, 0, SIZE, 1);
        }
        try (var engine = extended ? IoEngine.threads(8) : IoEngine.cachedFirst(8);
                var disk = DiskImage.open(top, ImageFormat.QCOW2, OpenOptions.DEFAULT.withGate(FileGate.within(folder))
                        .withEngine(engine))) {
            var failures = new ConcurrentLinkedQueue<Throwable>();
            var done = new CountDownLatch(writers);
            for (int writer = 0; writer < writers; writer++) {
                int mine = writer;
                Thread.ofVirtual().start(() -> {
                    try {
                        write(disk, model, mine, writers, sectors);
                    } catch (Throwable failure) {
                        failures.add(failure);
                    } finally {
                        done.countDown();
                    }
                });
            }
            var random = new Random(7);
            while (!done.await(5, TimeUnit.MILLISECONDS)) {
                long offset = SIZE / 2 + random.nextInt(SIZE / 2 / 16384) * 16384L;
                disk.discard(offset, 16384);
                disk.flush();
                byte[] data = ModelDisk.pattern(offset, 16384);
                disk.write(offset, MemorySegment.ofArray(data));
                System.arraycopy(data, 0, model.bytes(), (int) offset, data.length);
            }
            assertThat(failures).isEmpty();
            model.check(disk);
        }
        Qemu.require();
        Qemu.check("qcow2", top);
        try (var disk = open(top, folder)) {
            model.check(disk);
        }
    }

    @Test
    void whatTheHostHasInItsCacheIsReadOnTheThreadThatSubmits(@TempDir Path folder) {
        Path base = create(folder.resolve("base.qcow2"), Qcow2Options.ofSize(SIZE / 2 + 512));
        Path top = create(folder.resolve("top.qcow2"), Qcow2Options.ofSize(SIZE).withBacking("base.qcow2", "qcow2"));
        var model = new ModelDisk(SIZE);
        try (var disk = open(base, folder)) {
            model.write(disk, 0, SIZE / 4, 1);
        }
        try (var engine = IoEngine.cachedFirst(2);
                var disk = DiskImage.open(top, ImageFormat.QCOW2, OpenOptions.DEFAULT.withGate(FileGate.within(folder))
                        .withEngine(engine));
                Arena arena = Arena.ofConfined()) {
            model.write(disk, 100_000, 300_000, 2);
            model.zero(disk, 1 << 19, 200_000);
            disk.writeCompressed(0, MemorySegment.ofArray(ModelDisk.pattern(3, 65536)));
            System.arraycopy(ModelDisk.pattern(3, 65536), 0, model.bytes(), 0, 65536);
            model.check(disk);
            try (HostFile file = HostFile.open(base, true)) {
                Peers.require(file.readNow(0, arena.allocate(512), 0, 512),
                        "the file system of " + folder + " does not tell what is in the host's cache");
            }
            // A buffer of this thread's alone: no other one could fill it.
            MemorySegment buffer = arena.allocate(8192);
            var random = new Random(5);
            for (int i = 0; i < 300; i++) {
                int offset = 65536 + random.nextInt(SIZE - 65536 - 8192);
                assertThat(submit(disk, Operation.READ, offset, 8192, buffer)).isEqualTo(BlockResult.OK);
                assertThat(buffer.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE)).isEqualTo(java.util.Arrays
                        .copyOfRange(model.bytes(), offset, offset + 8192));
            }
            assertThat(answer(disk, 0, buffer)).as("unpacked on a thread of the engine").isEqualTo(BlockResult.INVALID);
            assertThat(answer(disk, 100_000, buffer.asReadOnly())).isEqualTo(BlockResult.INVALID);
        }
    }

    private static void write(DiskImage disk, ModelDisk model, int mine, int writers, int sectors) {
        var random = new Random(mine);
        for (int i = 0; i < 300; i++) {
            int sector = random.nextInt(sectors / writers) * writers + mine;
            byte[] data = ModelDisk.pattern(random.nextLong(), 512);
            disk.write(sector * 512L, MemorySegment.ofArray(data));
            System.arraycopy(data, 0, model.bytes(), sector * 512, 512);
            byte[] back = ModelDisk.read(disk, sector * 512L, 512);
            if (!java.util.Arrays.equals(back, data)) {
                throw new AssertionError("sector " + sector + " does not read back");
            }
        }
    }

    @Test
    void anImageThatCannotBeOpenedLeavesItsFileClosed(@TempDir Path folder) throws Exception {
        Path path = java.nio.file.Files.write(folder.resolve("no.qcow2"), new byte[1024]);
        var file = HostFile.open(path, false);
        assertThatThrownBy(() -> DiskImage.open(file, ImageFormat.QCOW2, OpenOptions.DEFAULT)).isInstanceOf(
                dev.vz.error.FormatException.class).hasMessageContaining("magic");
        assertThatThrownBy(file::flush).isInstanceOf(dev.vz.error.LifecycleException.class);
    }
}
