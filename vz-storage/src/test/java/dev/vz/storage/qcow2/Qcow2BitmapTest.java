package dev.vz.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.LifecycleException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.Qemu;
import dev.vz.storage.testing.RecordingFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Persistent bitmaps: what was written since is known, over closing and opening, here and in QEMU. */
class Qcow2BitmapTest {

    private static final long SIZE = 64 << 20;

    private static Qcow2Driver driver(DiskImage disk) {
        return (Qcow2Driver) disk.driver();
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 65536})
    void whatIsWrittenIsMarkedAndSoItIsAfterOpeningAgain(int clusterSize, @TempDir Path folder) {
        Qemu.require();
        Path image = folder.resolve("image");
        try (var file = HostFile.create(image)) {
            Qcow2Format.create(file, Qcow2Options.ofSize(SIZE).withClusterSize(clusterSize));
        }
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            driver(disk).addBitmap("since", 65536, true);
            driver(disk).addBitmap("other", 4096, false);
            disk.write(100_000, MemorySegment.ofArray(new byte[100_000]));
        }
        Qemu.check("qcow2", image);
        assertThat(Qemu.imgOk("info", image)).contains("name: since").contains("granularity: 65536").doesNotContain(
                "in-use");
        // What QEMU writes is marked, too.
        Qemu.io("qcow2", image, java.util.List.of("write -P 3 40M 64k"));
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            disk.writeZeroes(50 << 20, 1);
            ChangeBits since = driver(disk).bitmap("since");
            assertThat(since.contains(0)).isFalse();
            assertThat(since.contains(100_000)).isTrue();
            assertThat(since.contains(199_999)).isTrue();
            assertThat(since.contains(200_000 + 65536)).isFalse();
            assertThat(since.contains(40 << 20)).isTrue();
            assertThat(since.contains(50 << 20)).isTrue();
            assertThat(driver(disk).bitmap("other").contains(100_000)).isFalse();
            driver(disk).mergeBitmap("other", since);
            assertThat(driver(disk).bitmap("other").contains(100_000)).isTrue();
            driver(disk).clearBitmap("since");
            assertThat(driver(disk).bitmap("since").contains(100_000)).isFalse();
            assertThat(driver(disk).check().messages()).isEmpty();
        }
        Qemu.check("qcow2", image);
        Qemu.imgOk("bitmap", "--merge", "other", image, "since");
        Qemu.imgOk("bitmap", "--disable", image, "since");
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            assertThat(driver(disk).bitmap("since").contains(40 << 20)).isTrue();
            disk.write(0, MemorySegment.ofArray(new byte[512]));
            assertThat(driver(disk).bitmap("since").contains(0)).isFalse();
            driver(disk).removeBitmap("since");
            driver(disk).removeBitmap("other");
        }
        Qemu.check("qcow2", image);
        assertThat(Qemu.imgOk("info", image)).doesNotContain("bitmaps");
    }

    @Test
    void aBitmapThatWasNotStoredIsNotTakenForComplete() {
        var file = new RecordingFile();
        Qcow2Format.create(file, Qcow2Options.ofSize(SIZE));
        try (var disk = DiskImage.open(RecordingFile.of(file.contents()), ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            driver(disk).addBitmap("since", 65536, true);
            disk.write(0, MemorySegment.ofArray(new byte[512]));
            disk.flush();
            byte[] crashed = ((RecordingFile) disk.driver().file()).contents();
            try (var after = DiskImage.open(RecordingFile.of(crashed), ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
                assertThat(driver(after).bitmaps()).singleElement().matches(info -> !info.consistent());
                assertThatThrownBy(() -> driver(after).bitmap("since")).isInstanceOf(LifecycleException.class)
                        .hasMessageContaining("inconsistent");
                driver(after).removeBitmap("since");
                assertThat(driver(after).check().messages()).isEmpty();
            }
        }
    }
}
