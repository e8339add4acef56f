package dev.vz.storage.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.block.MemoryBlockDevice;
import dev.vz.error.LifecycleException;
import dev.vz.storage.filter.ChangeTracker;
import dev.vz.storage.filter.FaultDevice;
import dev.vz.storage.filter.FilterClock;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Backups and mirrors of a disk that is in use. */
@Timeout(120)
class LiveJobsTest {

    private static final int SIZE = 4 << 20;
    private static final int SECTOR = 512;

    private static JobControl stopAfter(long bytes) {
        var seen = new AtomicLong();
        return new JobControl() {
            @Override
            public void progress(long done, long total) {
                seen.set(done);
            }

            @Override
            public boolean cancelled() {
                return seen.get() >= bytes;
            }
        };
    }

    private static boolean same(BlockDevice a, BlockDevice b) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment first = arena.allocate(SIZE);
            MemorySegment second = arena.allocate(SIZE);
            a.read(0, first);
            b.read(0, second);
            return first.mismatch(second) == -1;
        }
    }

    private static void fill(BlockDevice device, long seed) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment data = arena.allocate(SIZE);
            var random = new Random(seed);
            for (long i = 0; i < SIZE; i += 8) {
                data.set(ValueLayout.JAVA_LONG, i, random.nextLong());
            }
            device.write(0, data);
        }
    }

    @Test
    void anIncrementalBackupCopiesWhatChangedAndNothingElse() {
        try (var disk = new ChangeTracker(MemoryBlockDevice.ofSize(SIZE)); var backup = MemoryBlockDevice.ofSize(SIZE);
                Arena arena = Arena.ofShared()) {
            fill(disk, 1);
            ChangeTracker.Marks marks = disk.track(65536);
            DiskBackup.full(disk, backup, JobControl.NONE);
            assertThat(same(disk, backup)).isTrue();
            disk.write(100_000, arena.allocate(SECTOR).fill((byte) 1));
            disk.writeZeroes(3 << 20, 65536);
            disk.discard(0, SECTOR);
            assertThat(marks.marked()).isEqualTo(3 * 65536);
            var copied = new AtomicLong();
            DiskBackup.incremental(disk, marks, backup, new JobControl() {
                @Override
                public void progress(long done, long total) {
                    assertThat(total).isEqualTo(3 * 65536);
                    copied.set(done);
                }

                @Override
                public boolean cancelled() {
                    return false;
                }
            });
            assertThat(copied).hasValue(3 * 65536);
            assertThat(same(disk, backup)).isTrue();
            assertThat(marks.marked()).isZero();
        }
    }

    @Test
    void aBackupThatWasCancelledOrFailedGoesOnWhereItStopped() {
        var target = new FaultDevice(MemoryBlockDevice.ofSize(SIZE), FilterClock.system());
        try (var disk = new ChangeTracker(MemoryBlockDevice.ofSize(SIZE)); target) {
            ChangeTracker.Marks marks = disk.track(65536);
            fill(disk, 2);
            assertThatThrownBy(() -> DiskBackup.incremental(disk, marks, target, stopAfter(1 << 20)))
                    .isInstanceOf(LifecycleException.class).hasMessageContaining("cancelled");
            assertThat(marks.marked()).isEqualTo(SIZE - (1 << 20));
            target.add(FaultDevice.Rule.fail(BlockResult.NO_SPACE, Operation.WRITE).after(2, 1));
            assertThatThrownBy(() -> DiskBackup.incremental(disk, marks, target, JobControl.NONE))
                    .isInstanceOf(BlockDevice.BlockException.class);
            DiskBackup.incremental(disk, marks, target, JobControl.NONE);
            assertThat(same(disk, target)).isTrue();
        }
    }

    @Test
    void aMirrorIsTheSameAfterThePivotUnderLoad() throws Exception {
        var source = MemoryBlockDevice.ofSize(SIZE);
        fill(source, 3);
        var target = MemoryBlockDevice.ofSize(SIZE);
        var mirror = new DiskMirror(source, target);
        BlockDevice disk = mirror.device();
        var end = new AtomicBoolean();
        var failures = new ConcurrentLinkedQueue<Throwable>();
        var threads = new ArrayList<Thread>();
        for (int t = 0; t < 4; t++) {
            int mine = t;
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    work(disk, mine, end);
                } catch (Throwable failure) {
                    failures.add(failure);
                }
            }));
        }
        mirror.run(1 << 20, JobControl.NONE);
        mirror.pivot(JobControl.NONE);
        Thread.sleep(50);
        end.set(true);
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failures).isEmpty();
        assertThat(same(disk, target)).isTrue();
        assertThatThrownBy(() -> mirror.pivot(JobControl.NONE)).isInstanceOf(LifecycleException.class);
        mirror.close();
    }

    /** Writes and checks sectors that are its own, as every fourth one. */
    private static void work(BlockDevice disk, int mine, AtomicBoolean end) {
        var random = new Random(mine);
        var model = new byte[SIZE / SECTOR];
        var known = new boolean[SIZE / SECTOR];
        try (Arena arena = Arena.ofShared()) {
            MemorySegment data = arena.allocate(SECTOR);
            while (!end.get()) {
                int sector = random.nextInt(SIZE / SECTOR / 4) * 4 + mine;
                if (random.nextBoolean()) {
                    model[sector] = (byte) random.nextInt();
                    known[sector] = true;
                    disk.write((long) sector * SECTOR, data.fill(model[sector]));
                } else if (known[sector]) {
                    disk.read((long) sector * SECTOR, data);
                    assertThat(data.get(ValueLayout.JAVA_BYTE, 300)).isEqualTo(model[sector]);
                }
            }
            for (int sector = mine; sector < model.length; sector += 4) {
                if (known[sector]) {
                    disk.read((long) sector * SECTOR, data);
                    assertThat(data.get(ValueLayout.JAVA_BYTE, 300)).isEqualTo(model[sector]);
                }
            }
        }
    }

    @Test
    void aPivotThatFailsLeavesTheUsersWhereTheyAre() {
        var source = MemoryBlockDevice.ofSize(SIZE);
        var target = new FaultDevice(MemoryBlockDevice.ofSize(SIZE), FilterClock.system());
        try (var mirror = new DiskMirror(source, target); Arena arena = Arena.ofShared()) {
            mirror.run(0, JobControl.NONE);
            mirror.device().write(0, arena.allocate(SECTOR).fill((byte) 9));
            target.add(FaultDevice.Rule.fail(BlockResult.IO_ERROR, Operation.WRITE));
            assertThatThrownBy(() -> mirror.pivot(JobControl.NONE)).isInstanceOf(BlockDevice.BlockException.class);
            mirror.device().write(SECTOR, arena.allocate(SECTOR).fill((byte) 8));
            target.clear();
            mirror.pivot(JobControl.NONE);
            MemorySegment back = arena.allocate(2 * SECTOR);
            mirror.device().read(0, back);
            assertThat(back.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 9);
            assertThat(back.get(ValueLayout.JAVA_BYTE, SECTOR)).isEqualTo((byte) 8);
        }
    }
}
