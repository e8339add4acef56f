package dev.vz.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.storage.DiskImage;
import dev.vz.storage.MapExtent;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.CheckReport;
import dev.vz.storage.image.CheckableDriver;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs of clusters are found many at a time: they are what looking at each one by itself would find. */
class Qcow2RunsTest {

    private static final int SIZE = 4 << 20;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"1, 9", "2, 9", "3, 12", "4, 16"})
    void adjoiningClustersAreOneExtent(long seed, int clusterBits) {
        Path image = written(seed, clusterBits);
        int cluster = 1 << clusterBits;
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            for (long at = 0; at < SIZE;) {
                MapExtent run = disk.map(at, SIZE - at);
                for (long next = at; next < at + run.length(); next += cluster) {
                    MapExtent one = disk.map(next, Math.min(cluster, SIZE - next));
                    assertThat(one.zero()).isEqualTo(run.zero());
                    assertThat(one.present()).isEqualTo(run.present());
                    if (run.data()) {
                        assertThat(one.fileOffset()).isEqualTo(run.fileOffset() + next - at);
                    }
                }
                at += run.length();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"5, 9", "6, 12", "7, 16"})
    void aCheckCountsAsQemuImgDoes(long seed, int clusterBits) {
        Qemu.require();
        Path image = written(seed, clusterBits);
        String theirs = Qemu.imgOk("check", "-f", "qcow2", "--output=json", image);
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            CheckReport ours = ((CheckableDriver) disk.driver()).check();
            assertThat(ours.messages()).isEmpty();
            assertThat(theirs).contains("\"allocated-clusters\": " + ours.allocatedClusters(),
                    "\"fragmented-clusters\": "
                            + ours.fragmentedClusters());
        }
    }

    private Path written(long seed, int clusterBits) {
        Path image = folder.resolve("image.qcow2");
        try (var file = HostFile.create(image)) {
            Qcow2Format.create(file, Qcow2Options.ofSize(SIZE).withClusterSize(1 << clusterBits));
        }
        var random = new Random(seed);
        var model = new ModelDisk(SIZE);
        int cluster = 1 << clusterBits;
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            for (int step = 0; step < 60; step++) {
                int length = cluster * (1 + random.nextInt(100));
                length = Math.min(length, SIZE / 2);
                int offset = random.nextInt((SIZE - length) / cluster + 1) * cluster;
                switch (random.nextInt(4)) {
                    case 0 -> disk.writeZeroes(offset, length);
                    case 1 -> disk.discard(offset, length);
                    default -> model.write(disk, offset, length, step);
                }
            }
        }
        return image;
    }
}
