package dev.vz.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Writers go on while snapshots come and go, clusters are discarded and the disk grows. */
class Qcow2ConcurrencyTest {

    private static final int SIZE = 4 << 20;
    private static final int WRITERS = 32;

    @Test
    void writersLoseNothingWhileSnapshotsComeAndGo(@TempDir Path folder) throws Exception {
        Qemu.require();
        Path base = folder.resolve("base.qcow2");
        Path top = folder.resolve("top.qcow2");
        for (Path path : new Path[] {base, top}) {
            Qcow2Options options = Qcow2Options.ofSize(SIZE).withClusterSize(4096);
            try (var file = HostFile.create(path)) {
                Qcow2Format.create(file, path.equals(base) ? options : options.withBacking("base.qcow2", "qcow2"));
            }
        }
        var model = new ModelDisk(SIZE);
        try (var disk = DiskImage.open(base, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            model.write(disk, 0, SIZE, 1);
        }
        try (var engine = IoEngine.threads(6);
                var disk = DiskImage.open(top, ImageFormat.QCOW2, OpenOptions.DEFAULT.withGate(FileGate.within(folder))
                        .withEngine(engine))) {
            var failures = new ConcurrentLinkedQueue<Throwable>();
            var done = new CountDownLatch(WRITERS);
            for (int writer = 0; writer < WRITERS; writer++) {
                int mine = writer;
                Thread.ofVirtual().start(() -> {
                    try {
                        write(disk, model, mine);
                    } catch (Throwable failure) {
                        failures.add(failure);
                    } finally {
                        done.countDown();
                    }
                });
            }
            var driver = (Qcow2Driver) disk.driver();
            var kept = new ArrayList<String>();
            var random = new Random(3);
            long size = SIZE;
            while (!done.await(10, TimeUnit.MILLISECONDS)) {
                switch (random.nextInt(4)) {
                    case 0 -> kept.add(driver.createSnapshot("s").id());
                    case 1 -> {
                        if (!kept.isEmpty()) {
                            driver.deleteSnapshot(kept.removeFirst());
                        }
                    }
                    case 2 -> disk.flush();
                    default -> {
                        size += 65536;
                        disk.resize(size);
                        disk.discard(SIZE, size - SIZE);
                    }
                }
            }
            assertThat(failures).isEmpty();
            model.resize(size);
            model.check(disk);
            assertThat(driver.check().messages()).isEmpty();
        }
        Qemu.check("qcow2", top);
    }

    /** Writes sectors that are this writer's alone, of clusters that are everybody's. */
    private static void write(DiskImage disk, ModelDisk model, int mine) {
        var random = new Random(mine);
        for (int i = 0; i < 200; i++) {
            int offset = (random.nextInt(SIZE / 512 / WRITERS) * WRITERS + mine) * 512;
            byte[] data = ModelDisk.pattern(random.nextLong(), 512);
            disk.write(offset, MemorySegment.ofArray(data));
            System.arraycopy(data, 0, model.bytes(), offset, 512);
        }
    }
}
