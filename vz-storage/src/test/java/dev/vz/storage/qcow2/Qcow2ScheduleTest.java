package dev.vz.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.HostException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.InterceptedFile;
import dev.vz.storage.testing.InterceptedFile.Call;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.RecordingFile;
import dev.vz.storage.testing.Steps;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several queues on one image, let go file call by file call in orders that seeds choose. */
@Timeout(300)
class Qcow2ScheduleTest {

    private static final int CLUSTER = 4096;
    private static final int SECTOR = 512;
    private static final int SIZE = 64 * CLUSTER;
    /** More with {@code -Dvz.schedules=1000}. */
    private static final int SCHEDULES = Integer.getInteger("vz.schedules", 15);

    private static DiskImage disk(InterceptedFile.Interceptor interceptor) {
        var file = new RecordingFile();
        Qcow2Format.create(file, Qcow2Options.ofSize(SIZE).withClusterSize(CLUSTER));
        return DiskImage.open(new InterceptedFile(file, interceptor), ImageFormat.QCOW2, OpenOptions.DEFAULT);
    }

    private static DiskImage stepped() {
        return disk((call, position, length) -> Steps.pause());
    }

    private static void write(DiskImage disk, ModelDisk model, long offset, int length, long seed) {
        model.write(disk, offset, length, seed);
    }

    @Test
    void twoQueuesThatWriteOneClusterOfASnapshotBothFindTheirBytes() {
        for (int seed = 0; seed < SCHEDULES; seed++) {
            var model = new ModelDisk(SIZE);
            try (DiskImage disk = stepped()) {
                write(disk, model, 0, 4 * CLUSTER, 1);
                byte[] before = model.bytes().clone();
                var driver = (Qcow2Driver) disk.driver();
                String snapshot = driver.createSnapshot("before").id();
                var steps = new Steps(seed);
                for (int queue = 0; queue < 3; queue++) {
                    int mine = queue;
                    steps.add(() -> {
                        for (int cluster = 0; cluster < 3; cluster++) {
                            write(disk, model, cluster * CLUSTER + mine * SECTOR, SECTOR, 100 + mine);
                        }
                    });
                }
                steps.run();
                model.check(disk);
                assertThat(driver.check().messages()).as("seed %d", seed).isEmpty();
                driver.applySnapshot(snapshot);
                assertThat(ModelDisk.read(disk, 0, SIZE)).as("the snapshot, seed %d", seed).isEqualTo(before);
            }
        }
    }

    @Test
    void aClusterThatWasGivenBackAndTakenAgainIsNotPunchedLate() {
        for (int seed = 0; seed < SCHEDULES; seed++) {
            var model = new ModelDisk(SIZE);
            try (DiskImage disk = stepped()) {
                write(disk, model, 0, 8 * CLUSTER, 1);
                var steps = new Steps(seed);
                steps.add(() -> {
                    for (int cluster = 0; cluster < 4; cluster++) {
                        disk.discard((long) cluster * CLUSTER, CLUSTER);
                    }
                    disk.flush();
                });
                for (int queue = 1; queue < 3; queue++) {
                    int mine = queue;
                    steps.add(() -> {
                        for (int i = 0; i < 4; i++) {
                            write(disk, model, (8L + mine * 8 + i) * CLUSTER, CLUSTER, mine * 10 + i);
                            disk.flush();
                        }
                    });
                }
                steps.run();
                Arrays.fill(model.bytes(), 0, 4 * CLUSTER, (byte) 0);
                model.check(disk);
                assertThat(((Qcow2Driver) disk.driver()).check().messages()).as("seed %d", seed).isEmpty();
            }
        }
    }

    @Test
    void queuesThatWriteDiscardAndFlushWhileSnapshotsComeAndGoAgreeWithAModel() {
        for (int seed = 0; seed < SCHEDULES; seed++) {
            var model = new ModelDisk(SIZE);
            try (DiskImage disk = stepped()) {
                var driver = (Qcow2Driver) disk.driver();
                var steps = new Steps(seed);
                for (int queue = 0; queue < 3; queue++) {
                    int mine = queue;
                    var random = new Random(seed * 10L + queue);
                    steps.add(() -> {
                        for (int i = 0; i < 6; i++) {
                            change(disk, model, mine, random);
                        }
                    });
                }
                steps.add(() -> {
                    String first = driver.createSnapshot("first").id();
                    driver.createSnapshot("second");
                    driver.deleteSnapshot(first);
                });
                steps.run();
                model.check(disk);
                assertThat(driver.check().messages()).as("seed %d", seed).isEmpty();
            }
        }
    }

    /** Sectors of this queue's in clusters that are everybody's, clusters of its own, or a flush. */
    private static void change(DiskImage disk, ModelDisk model, int mine, Random random) {
        long own = (16L + mine * 8 + random.nextInt(8)) * CLUSTER;
        switch (random.nextInt(4)) {
            case 0 -> write(disk, model, random.nextInt(16) * CLUSTER + mine * 2 * SECTOR, 2 * SECTOR, random
                    .nextLong());
            case 1 -> write(disk, model, own, CLUSTER, random.nextLong());
            case 2 -> model.zero(disk, own, CLUSTER);
            default -> disk.flush();
        }
    }

    @Test
    void aMoveOfAnL2TableThatFailsLeavesTheOldOneInItsPlace() {
        var left = new AtomicInteger(Integer.MAX_VALUE);
        var model = new ModelDisk(SIZE);
        try (DiskImage disk = disk((call, position, length) -> {
            if (call == Call.CHANGE && left.getAndDecrement() <= 0) {
                throw new HostException("writing " + length + " bytes at " + position, "the test's file", 28, "ENOSPC",
                        "nothing: the test wants it");
            }
        })) {
            write(disk, model, 0, 8 * CLUSTER, 1);
            var driver = (Qcow2Driver) disk.driver();
            driver.createSnapshot("shares the L2 table");
            disk.flush();
            byte[] before = model.bytes().clone();
            // The write has to move the table first: each of its own writes fails once, until it gets through.
            boolean moved = false;
            for (int enough = 0; !moved && enough < 20; enough++) {
                left.set(enough);
                try {
                    write(disk, model, CLUSTER, CLUSTER, 2);
                    moved = true;
                } catch (HostException refused) {
                    left.set(Integer.MAX_VALUE);
                    assertThat(ModelDisk.read(disk, 0, SIZE)).as("after %d writes", enough).isEqualTo(before);
                    assertThat(driver.check().corruptions()).as("after %d writes", enough).isZero();
                }
            }
            left.set(Integer.MAX_VALUE);
            assertThat(moved).isTrue();
            model.check(disk);
            disk.flush();
            assertThat(driver.check().corruptions()).isZero();
        }
    }

    @Test
    void aTaskThatFailsIsTold() {
        var steps = new Steps(1);
        var one = new Object();
        var other = new Object();
        steps.add(() -> inOrder(one, other));
        steps.add(() -> {
            throw new IllegalStateException("the task's own");
        });
        assertThatThrownBy(steps::run).isInstanceOf(AssertionError.class).hasRootCauseMessage("the task's own");
    }

    private static void inOrder(Object first, Object second) {
        synchronized (first) {
            Steps.pause();
            synchronized (second) {
                Steps.pause();
            }
        }
    }
}
