package dev.vz.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.error.HostException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.FailingFile;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.RecordingFile;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The host refuses one change of the file: each one in turn, in runs of their own. */
class Qcow2FailureTest {

    private static final int SIZE = 1 << 20;
    private static final int AT = 5000;
    private static final int LENGTH = 9000;

    /** Makes an image whose L2 tables a snapshot shares, so that the next write has to move one. */
    private static String prepare(RecordingFile file, ModelDisk model) {
        Qcow2Format.create(file, Qcow2Options.ofSize(SIZE).withClusterSize(4096));
        try (var disk = DiskImage.open(file, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            model.write(disk, 0, 100_000, 1);
            return ((Qcow2Driver) disk.driver()).createSnapshot("shared").id();
        }
    }

    /** Whether the write and the flush that follows it succeeded. */
    private static boolean succeeds(DiskImage disk, ModelDisk after) {
        try {
            after.write(disk, AT, LENGTH, 2);
            disk.flush();
            return true;
        } catch (HostException refused) {
            return false;
        }
    }

    @Test
    void aFailedRelocationOfAnL2TableLeavesTheOldOneInPlace() {
        int number = 0;
        while (failAt(number)) {
            number++;
        }
        assertThat(number).as("changes that one write and its flush make").isGreaterThan(3);
    }

    private static boolean failAt(int number) {
        var file = new RecordingFile();
        var before = new ModelDisk(SIZE);
        String snapshot = prepare(file, before);
        byte[] wanted = before.bytes().clone();
        System.arraycopy(ModelDisk.pattern(2, LENGTH), 0, wanted, AT, LENGTH);
        var failing = new FailingFile(file);
        boolean failed;
        try (var disk = DiskImage.open(failing, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            failing.failAt(number);
            boolean succeeded = succeeds(disk, new ModelDisk(SIZE));
            failed = failing.hasFailed();
            failing.failAt(-1);
            assertThat(succeeded).as("change %d failed: %s", number, failed).isNotEqualTo(failed);
            byte[] read = ModelDisk.read(disk, 0, SIZE);
            for (int at = 0; at < SIZE; at += 512) {
                assertThat(Arrays.equals(read, at, at + 512, wanted, at, at + 512) || Arrays.equals(read, at, at + 512,
                        before.bytes(), at, at + 512)).as("sector at %d after change %d failed", at, number).isTrue();
            }
            assertThat(succeeds(disk, new ModelDisk(SIZE))).as("the same again after change %d failed", number)
                    .isTrue();
            assertThat(ModelDisk.read(disk, 0, SIZE)).isEqualTo(wanted);
        }
        try (var disk = DiskImage.open(RecordingFile.of(file.contents()), ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            var driver = (Qcow2Driver) disk.driver();
            assertThat(driver.check().corruptions()).as("after change %d failed: %s", number, driver.check().messages())
                    .isZero();
            assertThat(ModelDisk.read(disk, 0, SIZE)).isEqualTo(wanted);
            driver.applySnapshot(snapshot);
            assertThat(ModelDisk.read(disk, 0, SIZE)).isEqualTo(before.bytes());
        }
        return failed;
    }
}
