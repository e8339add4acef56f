package dev.vz.storage.vmdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.OpenPolicyException;
import dev.vz.storage.job.DiskCopy;
import dev.vz.storage.job.JobControl;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** VMDK in its layouts: several files, flat, compressed in a stream, over a parent. */
class VmdkLayoutsTest {

    private static final long SIZE = (2L << 30) + (5 << 20) + 512;

    private static Path make(Path folder, VmdkOptions options) {
        Path image = folder.resolve("disk.vmdk");
        try (var file = HostFile.create(image)) {
            VmdkFormat.create(file, "disk.vmdk", options, name -> HostFile.create(folder.resolve(name)));
        }
        return image;
    }

    private static DiskImage open(Path image) {
        return DiskImage.open(image, ImageFormat.VMDK,
                OpenOptions.DEFAULT.withGate(FileGate.within(image.getParent())));
    }

    private static final long[] PLACES = {0, 65_000, 1 << 30, (2L << 30) - 100_000, (2L << 30) - 512, SIZE - 200_000};

    @ParameterizedTest
    @ValueSource(strings = {"monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "monolithicSparse"})
    void everyLayoutReadsInQemuAsItWasWrittenAcrossExtents(String subformat, @TempDir Path folder) {
        Qemu.require();
        Path ours = make(folder, VmdkOptions.ofSize(SIZE).withSubformat(subformat));
        Path raw = folder.resolve("model.raw");
        try (var disk = open(ours); var file = HostFile.create(raw)) {
            file.resize(SIZE);
            assertThat(disk.info().size()).isEqualTo(SIZE);
            var random = new Random(7);
            for (long place : PLACES) {
                byte[] data = ModelDisk.pattern(random.nextLong(), 150_000);
                disk.write(place, java.lang.foreign.MemorySegment.ofArray(data));
                file.write(place, java.lang.foreign.MemorySegment.ofArray(data));
            }
        }
        Qemu.check("vmdk", ours);
        Qemu.compare("vmdk", ours, "raw", raw);
        Path theirs = folder.resolve("theirs.vmdk");
        Qemu.imgOk("convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=" + subformat, raw, theirs);
        try (var a = open(ours); var b = open(theirs)) {
            for (long place : PLACES) {
                assertThat(ModelDisk.read(b, place, 150_000)).isEqualTo(ModelDisk.read(a, place, 150_000));
            }
        }
    }

    @Test
    void aStreamIsWrittenGrainByGrainAndReadBothWays(@TempDir Path folder) {
        Qemu.require();
        long size = (3 << 20) + 512;
        var model = new ModelDisk(size);
        var random = new Random(3);
        Path raw = folder.resolve("model.raw");
        for (int i = 0; i < 6; i++) {
            byte[] data = ModelDisk.pattern(random.nextLong(), 200_000);
            System.arraycopy(data, 0, model.bytes(), random.nextInt((int) size - 200_000), 200_000);
        }
        model.toFile(raw);
        Path ours = make(folder, VmdkOptions.ofSize(size).withSubformat("streamOptimized"));
        try (var source = DiskImage.open(raw, ImageFormat.RAW, OpenOptions.DEFAULT); var target = open(ours)) {
            DiskCopy.run(source, target, new DiskCopy.Options(1, true, 4096), JobControl.NONE);
            assertThatThrownBy(() -> target.write(0, java.lang.foreign.MemorySegment.ofArray(new byte[512])))
                    .hasRootCauseInstanceOf(CapabilityException.class).hasMessageContaining("stream-optimized");
        }
        Qemu.compare("vmdk", ours, "raw", raw);
        Path theirs = folder.resolve("theirs.vmdk");
        Qemu.imgOk("convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", raw, theirs);
        try (var disk = open(theirs)) {
            model.check(disk);
        }
    }

    @Test
    void anImageOverAParentShowsItAndRefusesOneThatWasWrittenSince(@TempDir Path folder) {
        Qemu.require();
        Path parent = folder.resolve("parent.vmdk");
        Qemu.imgOk("create", "-q", "-f", "vmdk", parent, "4M");
        Qemu.io("vmdk", parent, java.util.List.of("write -P 7 1M 1M"));
        long cid;
        try (var disk = open(parent)) {
            cid = ((VmdkDriver) disk.driver()).cid();
        }
        Path child = make(folder, VmdkOptions.ofSize(4 << 20).withParent("parent.vmdk", cid));
        try (var disk = open(child)) {
            assertThat(ModelDisk.read(disk, (1 << 20) + 5, 1)).containsExactly(7);
            disk.write((1 << 20) + 100, java.lang.foreign.MemorySegment.ofArray(new byte[] {9}));
            assertThat(ModelDisk.read(disk, (1 << 20) + 99, 3)).containsExactly(7, 9, 7);
        }
        Qemu.io("vmdk", child, java.util.List.of("read -P 7 1M 100", "read -P 9 1048676 1"));
        Qemu.io("vmdk", parent, java.util.List.of("write -P 8 0 512"));
        assertThatThrownBy(() -> open(child)).isInstanceOf(FormatException.class).hasMessageContaining("written since");
    }

    @Test
    void anExtentOutsideTheFolderIsNotOpened(@TempDir Path folder) throws Exception {
        Path image = folder.resolve("disk.vmdk");
        Path secret = Files.writeString(folder.resolveSibling("secret-" + folder.getFileName()), "x".repeat(4096));
        try {
            Files.writeString(image, """
                    # Disk DescriptorFile
                    version=1
                    CID=12345678
                    parentCID=ffffffff
                    createType="monolithicFlat"
                    RW 8 FLAT "%s" 0
                    """.formatted(secret));
            assertThatThrownBy(() -> open(image)).isInstanceOf(OpenPolicyException.class);
            assertThatThrownBy(() -> DiskImage.open(image, ImageFormat.VMDK, OpenOptions.DEFAULT)).isInstanceOf(
                    OpenPolicyException.class);
        } finally {
            Files.delete(secret);
        }
    }

    @Property(tries = 200, shrinking = ShrinkingMode.OFF)
    void aDescriptorIsUnderstoodOrRefusedWithATypedError(@ForAll @StringLength(max = 200) String text) {
        for (String body : new String[] {text, "createType=\"vmfs\"\n" + text, "createType=\"x\"\nRW " + text}) {
            try {
                assertThat(Descriptor.parse(Descriptor.START + "\n" + body, "name").createType()).isNotNull();
            } catch (VzException typed) {
                assertThat(typed.getMessage()).contains("name");
            }
        }
    }
}
