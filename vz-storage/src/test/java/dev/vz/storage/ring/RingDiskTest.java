package dev.vz.storage.ring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.error.HostException;
import dev.vz.linux.ring.IoRing;
import dev.vz.storage.file.HostFile;
import dev.vz.testing.Peers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A raw file through io_uring, buffered and direct. */
@Timeout(120)
class RingDiskTest {

    private static final int SIZE = 4 << 20;

    @TempDir
    Path folder;

    private final Arena arena = Arena.ofShared();
    private Path path;

    @BeforeEach
    void create() {
        Peers.require(IoRing.isAvailable(), "this kernel or sandbox allows no io_uring");
        path = folder.resolve("disk.raw");
        try (HostFile file = HostFile.create(path)) {
            file.resize(SIZE);
        }
    }

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void randomWorkReadsAsAnArray() {
        try (RingDisk disk = RingDisk.open(path, false, false)) {
            var random = new Random(5);
            var model = new byte[SIZE];
            for (int i = 0; i < 500; i++) {
                int offset = random.nextInt(SIZE);
                int length = 1 + random.nextInt(Math.min(50_000, SIZE - offset));
                MemorySegment data = arena.allocate(length);
                switch (random.nextInt(4)) {
                    case 0, 1 -> {
                        disk.write(offset, data.fill((byte) (i + 1)));
                        java.util.Arrays.fill(model, offset, offset + length, (byte) (i + 1));
                    }
                    case 2 -> {
                        disk.await(new BlockRequest().prepare(Operation.WRITE_ZEROES, offset, length,
                                i % 2 == 0 ? BlockRequest.FUA : BlockRequest.MAY_UNMAP));
                        java.util.Arrays.fill(model, offset, offset + length, (byte) 0);
                    }
                    default -> {
                        disk.read(offset, data);
                        assertThat(data.mismatch(MemorySegment.ofArray(model).asSlice(offset, length))).isEqualTo(-1);
                    }
                }
            }
            disk.flush();
        }
    }

    @Test
    void moreRequestsThanTheRingHoldsAllComplete() throws InterruptedException {
        try (RingDisk disk = RingDisk.open(path, false, false)) {
            int count = 1000;
            var done = new CountDownLatch(count);
            var good = new AtomicInteger();
            for (int i = 0; i < count; i++) {
                MemorySegment data = arena.allocate(5000).fill((byte) 0xEE);
                data.asSlice(77, 4096).fill((byte) i);
                disk.submit(new BlockRequest().prepare(Operation.WRITE, i * 4096L, 4096, 0).addBuffer(data, 77, 4096)
                        .onCompletion((request, result) -> {
                            good.addAndGet(result == BlockResult.OK ? 1 : 0);
                            done.countDown();
                        }));
            }
            assertThat(done.await(30, TimeUnit.SECONDS)).isTrue();
            assertThat(good).hasValue(count);
            MemorySegment back = arena.allocate(4096);
            disk.read(999 * 4096L, back);
            assertThat(back.mismatch(arena.allocate(4096).fill((byte) 999))).isEqualTo(-1);
        }
    }

    @Test
    void aDirectDiskCopiesWhatIsNotAlignedAndRefusesWhatCannotBe() {
        RingDisk opened;
        try {
            opened = RingDisk.open(path, false, true);
        } catch (HostException refused) {
            Peers.require(!refused.errnoName().equals("EINVAL"), "this file system has no O_DIRECT");
            throw refused;
        }
        try (RingDisk disk = opened) {
            MemorySegment odd = arena.allocate(8193, 4096).asSlice(1, 8192).fill((byte) 3);
            disk.write(4096, odd);
            MemorySegment back = arena.allocate(8200).asSlice(3, 8192);
            disk.read(4096, back);
            assertThat(back.mismatch(odd)).isEqualTo(-1);
            MemorySegment heap = MemorySegment.ofArray(new byte[4096]);
            disk.read(4096, heap);
            assertThat(heap.get(ValueLayout.JAVA_BYTE, 4095)).isEqualTo((byte) 3);
            assertThatThrownBy(() -> disk.write(100, odd)).isInstanceOfSatisfying(BlockDevice.BlockException.class,
                    failure -> assertThat(failure.result()).isEqualTo(BlockResult.INVALID));
        }
    }

    @Test
    void holesAreToldApart() {
        try (RingDisk disk = RingDisk.open(path, false, false)) {
            disk.write(1 << 20, arena.allocate(65536).fill((byte) 1));
            assertThat(disk.status(0, SIZE)).isEqualTo(new BlockExtent(0, 1 << 20, false, true));
            assertThat(disk.status(1 << 20, SIZE - (1 << 20)))
                    .isEqualTo(new BlockExtent(1 << 20, 65536, true, false));
        }
    }

    @Test
    void aReadOnlyDiskAndAClosedOneRefuse() {
        RingDisk disk = RingDisk.open(path, true, false);
        assertThatThrownBy(() -> disk.write(0, arena.allocate(512))).isInstanceOf(BlockDevice.BlockException.class);
        disk.close();
        disk.close();
        assertThatThrownBy(() -> disk.read(0, arena.allocate(512))).isInstanceOf(BlockDevice.BlockException.class);
    }
}
