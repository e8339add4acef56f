package dev.vz.storage.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.BlockDevice;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Chains that grow and shrink while they are in use, and moments of several disks. */
@Timeout(120)
class DiskChainTest {

    private static final int SIZE = 4 << 20;

    private static final JobControl CANCELLED = new JobControl() {
        @Override
        public void progress(long done, long total) {
            // Nobody waits for it.
        }

        @Override
        public boolean cancelled() {
            return true;
        }
    };

    @TempDir
    Path folder;

    private final IoEngine engine = IoEngine.threads(4);

    @AfterEach
    void stop() {
        engine.close();
    }

    private DiskChain chain(ModelDisk model) {
        var files = new ChainFiles(folder, engine);
        files.create("base.qcow2", SIZE);
        DiskChain chain = files.open();
        model.write(chain.device(), 0, SIZE / 2, 1);
        return chain;
    }

    private ChainFiles files() {
        return new ChainFiles(folder, engine);
    }

    private void reads(String image, ModelDisk model) {
        OpenOptions options = OpenOptions.DEFAULT.withReadOnly(true).withGate(FileGate.within(folder));
        try (DiskImage disk = DiskImage.open(folder.resolve(image), ImageFormat.QCOW2, options)) {
            model.check(disk);
        }
        Qemu.check("qcow2", folder.resolve(image));
    }

    @Test
    void aSnapshotKeepsItsMoment() {
        Qemu.require();
        var model = new ModelDisk(SIZE);
        var before = new ModelDisk(SIZE);
        try (DiskChain chain = chain(model)) {
            System.arraycopy(model.bytes(), 0, before.bytes(), 0, SIZE);
            chain.snapshot(files().overlay("one.qcow2"));
            model.write(chain.device(), 12_345, 100_000, 2);
            model.zero(chain.device(), 1 << 20, 70_000);
            model.check(chain.device());
            assertThat(files().top()).isEqualTo(folder.resolve("one.qcow2"));
        }
        reads("base.qcow2", before);
        reads("one.qcow2", model);
    }

    @Test
    void aCommitGoesOnWithTheImageBelow() {
        Qemu.require();
        var model = new ModelDisk(SIZE);
        try (DiskChain chain = chain(model)) {
            chain.snapshot(files().overlay("one.qcow2"));
            model.write(chain.device(), 12_345, 1_500_000, 3);
            model.zero(chain.device(), 100_000, 70_000);
            assertThatThrownBy(() -> chain.commit(CANCELLED)).isInstanceOf(LifecycleException.class);
            model.write(chain.device(), 3 << 20, 5000, 4);
            model.check(chain.device());
            assertThat(files().top()).isEqualTo(folder.resolve("one.qcow2"));
            chain.commit(JobControl.NONE);
            assertThat(files().top()).isEqualTo(folder.resolve("base.qcow2"));
            model.write(chain.device(), 3 << 20, 100, 5);
            model.check(chain.device());
            assertThatThrownBy(() -> chain.commit(JobControl.NONE)).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("no image below");
        }
        reads("base.qcow2", model);
    }

    @Test
    void aMiddleImageIsCommittedUnderItsUsers() throws Exception {
        Qemu.require();
        var model = new ModelDisk(SIZE);
        try (DiskChain chain = chain(model)) {
            chain.snapshot(files().overlay("one.qcow2"));
            model.write(chain.device(), 12_345, 1_500_000, 3);
            model.zero(chain.device(), 100_000, 70_000);
            chain.snapshot(files().overlay("two.qcow2"));
            model.write(chain.device(), 500_000, 300_000, 4);
            DiskImage middle = chain.top().backing().orElseThrow();
            assertThatThrownBy(() -> chain.commit(middle, CANCELLED)).isInstanceOf(LifecycleException.class);
            assertThatThrownBy(() -> chain.commit(chain.top(), JobControl.NONE))
                    .isInstanceOf(ConfigurationException.class).hasMessageContaining("no image of the chain below");
            model.check(chain.device());
            chain.commit(middle, JobControl.NONE);
            assertThat(chain.top().backing().orElseThrow().backing()).isEmpty();
            model.check(chain.device());
            model.write(chain.device(), 3 << 20, 5000, 5);
            chain.snapshot(files().overlay("three.qcow2"));
            model.write(chain.device(), 2 << 20, 5000, 6);
            model.check(chain.device());
        }
        java.nio.file.Files.delete(folder.resolve("one.qcow2"));
        reads("three.qcow2", model);
    }

    @Test
    void aStreamedImageNeedsNothingBelowIt() {
        Qemu.require();
        var model = new ModelDisk(SIZE);
        try (DiskChain chain = chain(model)) {
            chain.snapshot(files().overlay("one.qcow2"));
            chain.snapshot(files().overlay("two.qcow2"));
            model.write(chain.device(), 99_999, 10, 6);
            assertThatThrownBy(() -> chain.stream(CANCELLED)).isInstanceOf(LifecycleException.class);
            chain.stream(JobControl.NONE);
            model.check(chain.device());
            assertThat(chain.top().backing()).isEmpty();
            chain.device().discard(0, 65536);
            model.zero(chain.device(), 0, 65536);
            model.check(chain.device());
        }
        reads("two.qcow2", model);
        try (DiskImage alone = DiskImage.open(folder.resolve("two.qcow2"), ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            assertThat(alone.driver().backing()).isEmpty();
        }
    }

    @Test
    void aCheckpointIsOneMomentOfAllDisks() throws Exception {
        var other = folder.resolve("other");
        java.nio.file.Files.createDirectory(other);
        var second = new ChainFiles(other, engine);
        second.create("base.qcow2", SIZE);
        files().create("base.qcow2", SIZE);
        try (DiskChain a = files().open(); DiskChain b = second.open()) {
            var end = new AtomicBoolean();
            var written = new Semaphore(0);
            Thread writer = Thread.ofVirtual().start(() -> {
                MemorySegment sector = Arena.ofAuto().allocate(512);
                for (long n = 1; !end.get(); n++) {
                    sector.set(ValueLayout.JAVA_LONG, 0, n);
                    a.device().write(0, sector);
                    b.device().write(0, sector);
                    written.release();
                }
            });
            for (int i = 0; i < 20; i++) {
                awaitWrites(written);
                DiskImage frozenA = a.top();
                DiskImage frozenB = b.top();
                DiskCheckpoint.take(List.of(new DiskCheckpoint.Part(b, second.overlay("s" + i + ".qcow2")),
                        new DiskCheckpoint.Part(a, files().overlay("s" + i + ".qcow2"))));
                assertThat(number(frozenA) - number(frozenB)).as("b follows a").isIn(0L, 1L);
            }
            DiskImage before = a.top();
            assertThatThrownBy(() -> DiskCheckpoint.take(List.of(
                    new DiskCheckpoint.Part(a, files().overlay("never.qcow2")),
                    new DiskCheckpoint.Part(b, below -> {
                        throw new ConfigurationException("no room for another image");
                    })))).isInstanceOf(ConfigurationException.class).hasMessageContaining("no room");
            assertThat(a.top()).isSameAs(before);
            awaitWrites(written);
            end.set(true);
            writer.join();
            assertThat(number(a.device())).isEqualTo(number(b.device())).isPositive();
        }
    }

    /** Waits until the writer has gone on by a little. */
    private static void awaitWrites(Semaphore written) throws InterruptedException {
        written.drainPermits();
        assertThat(written.tryAcquire(3, 60, TimeUnit.SECONDS)).isTrue();
    }

    private static long number(BlockDevice disk) {
        MemorySegment sector = Arena.ofAuto().allocate(512);
        disk.read(0, sector);
        return sector.get(ValueLayout.JAVA_LONG, 0);
    }

    /** Longer with {@code -Dvz.torture.seconds=600}. */
    @Test
    @Timeout(1200)
    void sixtyFourWritersLoseNothingWhileTheChainChanges() throws Exception {
        Qemu.require();
        int writers = 64;
        long until = System.nanoTime() + 1_000_000_000L * Integer.getInteger("vz.torture.seconds", 4);
        files().create("base.qcow2", ChainLoad.size(writers));
        var random = new Random(5);
        ChainLoad load;
        try (DiskChain chain = files().open()) {
            load = ChainLoad.start(chain.device(), writers, 0, 50, (writer, next) -> {});
            int depth = 0;
            for (int i = 0; System.nanoTime() < until && !load.failed(); i++) {
                switch (depth >= 4 ? 1 + random.nextInt(3) : random.nextInt(5)) {
                    case 0, 3 -> {
                        if (depth < 6) {
                            chain.snapshot(files().overlay(i + ".qcow2"));
                            depth++;
                        }
                    }
                    case 1 -> {
                        if (depth > 0) {
                            Path merged = files().top();
                            chain.commit(JobControl.NONE);
                            java.nio.file.Files.delete(merged);
                            depth--;
                        }
                    }
                    case 4 -> {
                        if (depth > 1) {
                            DiskImage middle = chain.top().backing().orElseThrow();
                            chain.commit(middle, JobControl.NONE);
                            java.nio.file.Files.delete(Path.of(middle.driver().file().name()));
                            depth--;
                        }
                    }
                    default -> {
                        if (depth > 1) {
                            chain.stream(JobControl.NONE);
                            depth = 0;
                        }
                    }
                }
            }
            load.finish();
        }
        Qemu.check("qcow2", files().top());
        try (DiskChain again = files().open()) {
            load.check(again.device());
        }
    }
}
