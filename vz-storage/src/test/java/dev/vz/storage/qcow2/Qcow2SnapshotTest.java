package dev.vz.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Internal snapshots keep what the disk was, whoever makes, applies and deletes them. */
class Qcow2SnapshotTest {

    private static final int SIZE = 1 << 20;

    private static Path create(Path folder, Qcow2Options options) {
        Path image = folder.resolve("image.qcow2");
        try (var file = HostFile.create(image)) {
            Qcow2Format.create(file, options);
        }
        return image;
    }

    private static DiskImage open(Path image) {
        return DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT);
    }

    @ParameterizedTest
    @CsvSource({"512, 16, false, 3, 1", "4096, 4, false, 3, 2", "65536, 16, false, 2, 3", "16384, 64, true, 3, 4",
        "65536, 8, true, 3, 5"})
    void everySnapshotReadsAsTheDiskWasWhenItWasTaken(int cluster, int refcountBits, boolean extended, int version,
            long seed, @TempDir Path folder) throws Exception {
        Qemu.require();
        Qcow2Options options = version == 2 ? Qcow2Options.ofSize(SIZE).withVersion(2)
                : Qcow2Options.ofSize(SIZE).withRefcountBits(refcountBits).withExtendedL2(extended && cluster >= 16384);
        Path image = create(folder, options.withClusterSize(cluster));
        var random = new Random(seed);
        var model = new ModelDisk(SIZE);
        Map<String, byte[]> kept = new HashMap<>();
        for (int round = 0; round < 8; round++) {
            try (var disk = open(image)) {
                var driver = (Qcow2Driver) disk.driver();
                for (int i = 0; i < 6; i++) {
                    change(disk, model, random);
                }
                if (kept.size() < 4) {
                    kept.put(driver.createSnapshot("at " + round).id(), model.bytes().clone());
                }
                change(disk, model, random);
                if (round % 3 == 2) {
                    String id = kept.keySet().iterator().next();
                    driver.applySnapshot(id);
                    System.arraycopy(kept.get(id), 0, model.bytes(), 0, SIZE);
                    change(disk, model, random);
                }
                if (round % 4 == 3) {
                    String id = kept.keySet().iterator().next();
                    driver.deleteSnapshot(id);
                    kept.remove(id);
                }
                model.check(disk);
                assertThat(driver.check().messages()).isEmpty();
            }
            Qemu.check("qcow2", image);
            for (var snapshot : kept.entrySet()) {
                Path raw = folder.resolve("snapshot.raw");
                Qemu.imgOk("convert", "-f", "qcow2", "-O", "raw", "-l", "snapshot.id=" + snapshot.getKey(), image, raw);
                assertThat(Files.readAllBytes(raw)).as("snapshot %s", snapshot.getKey()).isEqualTo(snapshot.getValue());
            }
        }
    }

    private static void change(DiskImage disk, ModelDisk model, Random random) {
        long offset = random.nextInt(SIZE / 512 - 100) * 512L;
        int length = (1 + random.nextInt(100)) * 512;
        switch (random.nextInt(4)) {
            case 0 -> model.zero(disk, offset, length);
            case 1 -> {
                int unit = disk.driver().unitSize();
                long start = offset / unit * unit;
                byte[] data = ModelDisk.pattern(random.nextLong() * 3, (int) Math.min(unit, SIZE - start));
                disk.writeCompressed(start, MemorySegment.ofArray(data));
                System.arraycopy(data, 0, model.bytes(), (int) start, data.length);
            }
            default -> model.write(disk, offset, length, random.nextLong());
        }
    }

    @Test
    void snapshotsThatQemuMadeAreListedAppliedAndDeleted(@TempDir Path folder) throws Exception {
        Qemu.require();
        Path image = folder.resolve("image.qcow2");
        Qemu.imgOk("create", "-q", "-f", "qcow2", image, SIZE);
        Qemu.io("qcow2", image, java.util.List.of("write -P 17 0 300k"));
        Qemu.imgOk("snapshot", "-c", "before", image);
        Qemu.io("qcow2", image, java.util.List.of("write -P 34 100k 500k"));
        Qemu.imgOk("snapshot", "-c", "after", image);
        try (var disk = open(image)) {
            var driver = (Qcow2Driver) disk.driver();
            assertThat(driver.snapshots()).extracting(Snapshot::name).containsExactly("before", "after");
            assertThat(driver.snapshots()).extracting(Snapshot::diskSize).containsOnly((long) SIZE);
            driver.applySnapshot("before");
            byte[] read = ModelDisk.read(disk, 0, SIZE);
            assertThat(read[200 << 10]).isEqualTo((byte) 17);
            assertThat(read[400 << 10]).isZero();
            driver.deleteSnapshot("before");
            assertThatThrownBy(() -> driver.deleteSnapshot("before")).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("no snapshot 'before'");
        }
        Qemu.check("qcow2", image);
        assertThat(Qemu.imgOk("snapshot", "-l", image)).contains("after").doesNotContain("before");
        Qemu.imgOk("snapshot", "-a", "after", image);
        try (var disk = open(image)) {
            assertThat(ModelDisk.read(disk, 400 << 10, 1)).containsExactly(34);
        }
    }

    @Test
    void refcountsThatAreTooNarrowRefuseASnapshotAndLeaveTheImageAsItWas(@TempDir Path folder) {
        Qemu.require();
        Path image = create(folder, Qcow2Options.ofSize(SIZE).withRefcountBits(1));
        try (var disk = open(image)) {
            var model = new ModelDisk(SIZE);
            model.write(disk, 0, 100_000, 1);
            assertThatThrownBy(() -> ((Qcow2Driver) disk.driver()).createSnapshot("one")).isInstanceOf(
                    ConfigurationException.class).hasMessageContaining("1 bits");
            model.check(disk);
        }
        Qemu.check("qcow2", image);
    }

    @Test
    void aRefcountLargerThanALongIsNotTakenForAFreeCluster(@TempDir Path folder) throws Exception {
        Path image = create(folder, Qcow2Options.ofSize(SIZE).withRefcountBits(64));
        var model = new ModelDisk(SIZE);
        try (var disk = open(image)) {
            model.write(disk, 0, 4096, 1);
        }
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(image));
        int table = (int) (bytes.getLong((int) bytes.getLong(40)) & Geometry.OFFSET_MASK);
        int block = (int) bytes.getLong((int) bytes.getLong(48));
        int cluster = (int) ((bytes.getLong(table) & Geometry.OFFSET_MASK) >>> 16);
        bytes.putLong(block + cluster * Long.BYTES, -1);
        byte[] damaged = bytes.array().clone();
        Files.write(image, damaged);
        try (var disk = open(image)) {
            var driver = (Qcow2Driver) disk.driver();
            assertThatThrownBy(() -> driver.createSnapshot("one more")).isInstanceOf(ConfigurationException.class);
            assertThat(driver.snapshots()).isEmpty();
            model.check(disk);
        }
    }
}
