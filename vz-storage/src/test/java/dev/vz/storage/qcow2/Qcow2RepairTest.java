package dev.vz.storage.qcow2;

import dev.vz.storage.image.CheckReport;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a check finds, and what a repair makes of it, in the eyes of qemu-img. */
class Qcow2RepairTest {

    private static final int SIZE = 1 << 20;

    @TempDir
    private Path folder;
    private Path image;
    private final ModelDisk model = new ModelDisk(SIZE);

    @BeforeEach
    void imageWithData() {
        Qemu.require();
        image = folder.resolve("image.qcow2");
        try (var file = HostFile.create(image)) {
            Qcow2Format.create(file, Qcow2Options.ofSize(SIZE));
        }
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            model.write(disk, 0, 400_000, 1);
        }
    }

    private interface Damage {
        void to(ByteBuffer bytes, int refcountBlock, int l2Table);
    }

    private void damage(Damage damage) throws Exception {
        byte[] bytes = Files.readAllBytes(image);
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        int block = (int) buffer.getLong((int) buffer.getLong(48));
        int l2 = (int) (buffer.getLong((int) buffer.getLong(40)) & Geometry.OFFSET_MASK);
        damage.to(buffer, block, l2);
        Files.write(image, bytes);
    }

    private CheckReport repair(boolean all) {
        try (var file = HostFile.open(image, false)) {
            return Qcow2Driver.repair(file, all, Budget.DEFAULT);
        }
    }

    private void requireSound() {
        Qemu.check("qcow2", image);
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            model.check(disk);
        }
    }

    @Test
    void aLeakedClusterIsFoundAndGivenBack() throws Exception {
        damage((bytes, block, l2) -> bytes.putShort(block + 200 * 2, (short) 3));
        try (var file = HostFile.open(image, false)) {
            file.resize(210L * 65536); // qemu-img looks no further than the file reaches
        }
        assertThat(Qemu.img("check", "-f", "qcow2", image).status()).isEqualTo(3);
        CheckReport report = repair(false);
        assertThat(report.leaksFixed()).isEqualTo(1);
        assertThat(report.corruptions()).isZero();
        assertThat(report.messages()).singleElement().asString()
                .contains("Repairing cluster 200 refcount=3 reference=0");
        requireSound();
    }

    @Test
    void refcountsThatAreTooSmallAreOnlyCorrectedWhenAskedFor() throws Exception {
        damage((bytes, block, l2) -> {
            bytes.putShort(block + l2 / 65536 * 2, (short) 0);
            bytes.putLong(72, Feature.CORRUPT);
        });
        assertThat(repair(false).corruptions()).isPositive();
        assertThat(Qemu.img("check", "-f", "qcow2", image).status()).isEqualTo(2);
        CheckReport report = repair(true);
        assertThat(report.corruptions()).isZero();
        assertThat(report.corruptionsFixed()).isPositive();
        requireSound();
    }

    @Test
    void copiedFlagsThatContradictRefcountsAreCorrected() throws Exception {
        damage((bytes, block, l2) -> bytes.putLong(l2 + 8, bytes.getLong(l2 + 8) & ~Geometry.COPIED));
        assertThat(Qemu.img("check", "-f", "qcow2", image).status()).isEqualTo(2);
        assertThat(repair(true).corruptionsFixed()).isEqualTo(1);
        requireSound();
    }

    @Test
    void aCheckCountsClustersLikeQemuImg() {
        String theirs = Qemu.imgOk("check", "--output=json", "-f", "qcow2", image);
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT.withReadOnly(true))) {
            CheckReport ours = ((Qcow2Driver) disk.driver()).check();
            assertThat(theirs).contains("\"total-clusters\": " + ours.totalClusters()).contains(
                    "\"allocated-clusters\": " + ours.allocatedClusters()).contains(
                            "\"image-end-offset\": " + ours
                                    .imageEndOffset());
            assertThat(ours.fragmentedClusters()).isZero();
            assertThat(ours.clean()).isTrue();
        }
    }
}
