package dev.vz.storage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.qcow2.Qcow2Format;
import dev.vz.storage.qcow2.Qcow2Options;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.testing.Allocations;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Requests that the host's cache answers leave no garbage. */
@Tag("allocation")
class AllocationFreeTest {

    private static final int SIZE = 8 << 20;
    private static final int BLOCK = 4096;

    @Test
    void cachedReadsAndWritesInPlaceAllocateNothing(@TempDir Path folder) {
        Path base = folder.resolve("base.qcow2");
        Path overlay = folder.resolve("overlay.qcow2");
        create(base, Qcow2Options.ofSize(SIZE));
        create(overlay, Qcow2Options.ofSize(SIZE).withBacking("base.qcow2", "qcow2"));
        try (var disk = DiskImage.open(base, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            new ModelDisk(SIZE).write(disk, 0, SIZE, 1);
            assertThat(bytesPerRequest(disk, Operation.READ)).isZero();
            assertThat(bytesPerRequest(disk, Operation.WRITE)).isZero();
        }
        try (var disk = DiskImage.open(base, ImageFormat.RAW, OpenOptions.DEFAULT)) {
            assertThat(bytesPerRequest(disk, Operation.READ)).isZero();
        }
        try (var disk = DiskImage.open(overlay, ImageFormat.QCOW2, OpenOptions.DEFAULT.withGate(FileGate.within(
                folder)))) {
            assertThat(bytesPerRequest(disk, Operation.READ)).as("through a backing chain").isZero();
        }
    }

    private static void create(Path path, Qcow2Options options) {
        try (var file = HostFile.create(path)) {
            Qcow2Format.create(file, options);
        }
    }

    private static double bytesPerRequest(DiskImage disk, Operation operation) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(BLOCK);
            var request = new BlockRequest().onCompletion((done, result) -> {
                if (result != BlockResult.OK) {
                    throw new AssertionError(result);
                }
            });
            long[] next = {0};
            return Allocations.perCall(100_000, () -> {
                next[0] = (next[0] + 37L * BLOCK) % (SIZE - BLOCK);
                request.prepare(operation, next[0], BLOCK, 0).addBuffer(buffer);
                disk.submit(request);
            });
        }
    }
}
