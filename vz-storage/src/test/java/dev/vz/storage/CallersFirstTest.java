package dev.vz.storage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.storage.file.CacheMode;
import dev.vz.storage.file.ForwardingFile;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.ModelDisk;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Writes on the thread that submits, and those that an engine's threads make nevertheless. */
class CallersFirstTest {

    private static final int SIZE = 1 << 20;

    @TempDir
    private Path folder;

    private HostFile file(boolean readOnly, CacheMode mode) throws IOException {
        Path path = folder.resolve("raw");
        if (!Files.exists(path)) {
            Files.write(path, new byte[SIZE]);
        }
        return HostFile.open(path, readOnly, mode);
    }

    /** Says who wrote, and takes what it is given at once or never. */
    private static final class Watched extends ForwardingFile {
        private final HostFile file;
        private final boolean prompt;
        private int now;
        private volatile Thread writer = Thread.currentThread();

        Watched(HostFile file, boolean prompt) {
            super(file);
            this.file = file;
            this.prompt = prompt;
        }

        @Override
        public boolean writeNow(long position, MemorySegment source, long offset, long length) {
            now++;
            if (prompt) {
                file.write(position, source, offset, length);
            }
            return prompt;
        }

        @Override
        public void write(long position, MemorySegment source, long offset, long length) {
            writer = Thread.currentThread();
            super.write(position, source, offset, length);
        }
    }

    private static BlockResult write(DiskImage disk, long offset, MemorySegment buffer, int flags) {
        return answer(disk, new BlockRequest().prepare(Operation.WRITE, offset, buffer.byteSize(), flags).addBuffer(
                buffer));
    }

    private static BlockResult answer(DiskImage disk, BlockRequest request) {
        var answer = new CompletableFuture<BlockResult>();
        disk.submit(request.onCompletion((done, outcome) -> answer.complete(outcome)));
        return answer.orTimeout(60, TimeUnit.SECONDS).join();
    }

    @Test
    void whatTheFileTakesAtOnceIsWrittenOnTheThreadThatSubmits() throws Exception {
        try (var engine = IoEngine.callersFirst(1);
                var file = new Watched(file(false, CacheMode.WRITEBACK), true);
                var disk = DiskImage.open(file, ImageFormat.RAW, OpenOptions.DEFAULT.withEngine(engine));
                Arena arena = Arena.ofConfined()) {
            // A buffer of this thread's alone: no other one could read it.
            MemorySegment buffer = arena.allocate(4096).fill((byte) 7);
            assertThat(write(disk, 4096, buffer, 0)).isEqualTo(BlockResult.OK);
            assertThat(file.now).isOne();
            assertThat(write(disk, 8192, buffer, BlockRequest.FUA)).as("an engine's thread's").isEqualTo(
                    BlockResult.INVALID);
            assertThat(write(disk, SIZE, buffer, 0)).isEqualTo(BlockResult.OUT_OF_RANGE);
            assertThat(file.now).isOne();
            assertThat(ModelDisk.read(disk, 4096, 4096)).containsOnly(7);
            assertThat(ModelDisk.read(disk, 8192, 4096)).containsOnly(0);
        }
    }

    @Test
    void whatItDoesNotTakeIsWrittenByTheEngine() throws Exception {
        try (var engine = IoEngine.callersFirst(1);
                var file = new Watched(file(false, CacheMode.WRITEBACK), false);
                var disk = DiskImage.open(file, ImageFormat.RAW, OpenOptions.DEFAULT.withEngine(engine));
                Arena arena = Arena.ofShared()) {
            assertThat(write(disk, 4096, arena.allocate(4096).fill((byte) 7), 0)).isEqualTo(BlockResult.OK);
            assertThat(file.now).isOne();
            assertThat(file.writer).isNotSameAs(Thread.currentThread());
            assertThat(ModelDisk.read(disk, 4096, 4096)).containsOnly(7);
        }
    }

    @Test
    void anEngineThatOnlyReadsAtOnceLeavesWritesToItsThreads() throws Exception {
        try (var engine = IoEngine.cachedFirst(1);
                var file = new Watched(file(false, CacheMode.WRITEBACK), true);
                var disk = DiskImage.open(file, ImageFormat.RAW, OpenOptions.DEFAULT.withEngine(engine));
                Arena arena = Arena.ofShared()) {
            assertThat(write(disk, 4096, arena.allocate(4096), 0)).isEqualTo(BlockResult.OK);
            assertThat(file.now).isZero();
        }
    }

    @Test
    void everyWriteArrivesWhoeverMakesIt() throws Exception {
        var model = new byte[SIZE];
        var random = new Random(3);
        try (var engine = IoEngine.callersFirst(2);
                var disk = DiskImage.open(file(false, CacheMode.WRITEBACK), ImageFormat.RAW, OpenOptions.DEFAULT
                        .withEngine(engine));
                Arena arena = Arena.ofShared()) {
            MemorySegment buffer = arena.allocate(1 << 17);
            for (int i = 0; i < 500; i++) {
                int length = 512 * (1 + random.nextInt(128));
                int offset = 512 * random.nextInt((SIZE - length) / 512 + 1);
                byte[] data = ModelDisk.pattern(i, length);
                System.arraycopy(data, 0, model, offset, length);
                // In pieces, as a guest's pages lie in its memory: here every other one.
                var request = new BlockRequest().prepare(Operation.WRITE, offset, length, 0);
                for (int at = 0; at < length; at += 512) {
                    MemorySegment.copy(data, at, buffer, ValueLayout.JAVA_BYTE, 2L * at, 512);
                    request.addBuffer(buffer, 2L * at, 512);
                }
                assertThat(answer(disk, request)).isEqualTo(BlockResult.OK);
                buffer.fill((byte) 0);
                request.prepare(Operation.READ, offset, length, 0);
                for (int at = 0; at < length; at += 512) {
                    request.addBuffer(buffer, 2L * at, 512);
                }
                assertThat(answer(disk, request)).isEqualTo(BlockResult.OK);
                for (int at = 0; at < length; at += 512) {
                    MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 2L * at, data, at, 512);
                }
                assertThat(data).isEqualTo(ModelDisk.pattern(i, length));
            }
        }
        assertThat(Arrays.equals(Files.readAllBytes(folder.resolve("raw")), model)).isTrue();
    }

    @Test
    void aFileOfTheHostsThatWouldHaveToGrowToLastOrToBeWritableTakesNothingAtOnce() throws Exception {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(1024);
            try (HostFile file = file(false, CacheMode.WRITEBACK)) {
                assertThat(file.writeNow(SIZE - 512, buffer, 0, 1024)).isFalse();
                assertThat(file.writeNow(0, MemorySegment.ofArray(new byte[512]), 0, 512)).isFalse();
                assertThat(file.size()).isEqualTo(SIZE);
            }
            try (HostFile file = file(false, CacheMode.WRITETHROUGH)) {
                assertThat(file.writeNow(0, buffer, 0, 512)).isFalse();
            }
            try (HostFile file = file(true, CacheMode.WRITEBACK)) {
                assertThat(file.writeNow(0, buffer, 0, 512)).isFalse();
            }
        }
    }
}
