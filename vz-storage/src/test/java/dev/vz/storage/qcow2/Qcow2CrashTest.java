package dev.vz.storage.qcow2;

import dev.vz.storage.image.CheckReport;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.CrashExplorer;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import dev.vz.storage.testing.RecordingFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Power may be lost at any moment: whatever part of the unflushed writes arrives, the image opens, is consistent except
 * for leaked clusters, and every sector reads as it was flushed or as one of the writes since.
 */
class Qcow2CrashTest {

    private static final int SIZE = 256 * 1024;
    private static final int SECTOR = 512;
    /** One state in so many is also judged by qemu-img, which takes a process each. */
    private static final int QEMU_EVERY = 40;

    /** All values that each sector may have after the mark of that number, until the next one. */
    private static final class History {
        final List<List<List<byte[]>>> epochs = new ArrayList<>();
        List<List<byte[]>> now = new ArrayList<>();

        History() {
            for (int i = 0; i < SIZE / SECTOR; i++) {
                now.add(new ArrayList<>(List.of(new byte[SECTOR])));
            }
        }

        void changed(ModelDisk model, long offset, long length) {
            for (long at = offset; at < offset + length; at += SECTOR) {
                now.get((int) at / SECTOR).add(sector(model.bytes(), (int) at));
            }
        }

        void flushed(ModelDisk model) {
            epochs.add(now);
            now = new ArrayList<>();
            for (int at = 0; at < SIZE; at += SECTOR) {
                now.add(new ArrayList<>(List.of(sector(model.bytes(), at))));
            }
        }

        private static byte[] sector(byte[] bytes, int at) {
            return Arrays.copyOfRange(bytes, at, at + SECTOR);
        }
    }

    @ParameterizedTest
    @CsvSource({"512, 64, false, false, 1", "4096, 16, false, false, 2", "4096, 1, false, true, 3",
        "16384, 16, true, false, 4", "65536, 16, false, false, 5"})
    void everyStateAfterACrashIsConsistentAndKeepsWhatWasFlushed(int cluster, int refcountBits, boolean extended,
            boolean smallCache, long seed, @TempDir Path folder) {
        Qemu.require();
        var file = new RecordingFile();
        Qcow2Format.create(file, Qcow2Options.ofSize(SIZE).withClusterSize(cluster).withRefcountBits(refcountBits)
                .withExtendedL2(extended));
        file.record();
        var history = new History();
        work(file, history, smallCache, new Random(seed));
        var seen = new AtomicInteger();
        int states = CrashExplorer.explore(file, 6, seed, (state, mark, next) -> {
            judge(state, history.epochs.get(next));
            if (seen.getAndIncrement() % QEMU_EVERY == 0) {
                judgeByQemu(state, folder);
            }
        });
        assertThat(states).isGreaterThan(100);
    }

    private static void work(RecordingFile file, History history, boolean smallCache, Random random) {
        var model = new ModelDisk(SIZE);
        OpenOptions options = OpenOptions.DEFAULT;
        if (smallCache) {
            options = options.withBudget(new Budget(10, 32 << 20, 1));
        }
        int mark = 0;
        try (var disk = DiskImage.open(file, ImageFormat.QCOW2, options)) {
            for (int i = 0; i < 40; i++) {
                long offset = random.nextInt(SIZE / SECTOR) * (long) SECTOR;
                int length = (1 + random.nextInt(48)) * SECTOR;
                length = (int) Math.min(length, SIZE - offset);
                switch (random.nextInt(6)) {
                    case 0 -> {
                        disk.flush();
                        history.flushed(model);
                        file.mark(mark++);
                    }
                    case 1 -> {
                        Arrays.fill(model.bytes(), (int) offset, (int) offset + length, (byte) 0);
                        history.changed(model, offset, length);
                        disk.writeZeroes(offset, length);
                    }
                    default -> {
                        byte[] data = ModelDisk.pattern(random.nextLong(), length);
                        System.arraycopy(data, 0, model.bytes(), (int) offset, length);
                        history.changed(model, offset, length);
                        disk.write(offset, java.lang.foreign.MemorySegment.ofArray(data));
                    }
                }
            }
            disk.flush();
            history.flushed(model);
            file.mark(mark);
        }
        history.flushed(model);
    }

    private static void judge(byte[] state, List<List<byte[]>> allowed) {
        try (var disk = DiskImage.open(RecordingFile.of(state), ImageFormat.QCOW2, OpenOptions.DEFAULT.withReadOnly(
                true))) {
            CheckReport report = ((Qcow2Driver) disk.driver()).check();
            assertThat(report.corruptions()).as("%s", report.messages()).isZero();
            byte[] contents = ModelDisk.read(disk, 0, SIZE);
            for (int at = 0; at < SIZE; at += SECTOR) {
                byte[] sector = History.sector(contents, at);
                if (allowed.get(at / SECTOR).stream().noneMatch(value -> Arrays.equals(value, sector))) {
                    fail("The sector at " + at + " reads as something that was neither flushed nor written since");
                }
            }
        }
    }

    private static void judgeByQemu(byte[] state, Path folder) {
        try {
            Path image = Files.write(folder.resolve("state.qcow2"), state);
            Qemu.Outcome outcome = Qemu.img("check", "-f", "qcow2", image);
            // 3: only leaked clusters.
            assertThat(outcome.status()).as(outcome.output()).isIn(0, 3);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
