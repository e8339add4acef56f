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

    private static final int GRAIN = 4096;

    /** A space-efficient extent with a grain of each kind; {@code entry}: what the first grain's says. */
    private static Path seSparse(Path folder, long entry) throws Exception {
        var bytes = java.nio.ByteBuffer.allocate(512 * 400).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        // magic, version, capacity, grain size, grain table size, flags
        long[] start = {0xcafebabeL, 0x2_0000_0001L, 8L * 5000, 8, 64, 0};
        for (int i = 0; i < start.length; i++) {
            bytes.putLong(i * 8, start[i]);
        }
        // volatile header, grain directory, grain tables, grains: sectors and how many
        long[][] places = {{10, 1, 1}, {16, 2, 1}, {18, 64, 128}, {24, 256, 64}};
        for (long[] place : places) {
            bytes.putLong((int) place[0] * 8, place[1]);
            bytes.putLong((int) place[0] * 8 + 8, place[2]);
        }
        bytes.putLong(512, 0xcafecafeL);
        bytes.putLong(2 * 512, 0x1000_0000_0000_0001L); // the second of the tables; the next 16 MiB have none
        int table = (64 + 64) * 512;
        bytes.putLong(table, entry);
        bytes.putLong(table + 8, 0x2000_0000_0000_0000L);
        bytes.putLong(table + 16, 0x1000_0000_0000_0000L);
        bytes.putLong(table + 32, 0x3003_0000_0000_0000L);
        for (int i = 0; i < 6 * GRAIN; i++) {
            bytes.put(256 * 512 + i, (byte) (i / GRAIN + 1));
        }
        Files.write(folder.resolve("extent.vmdk"), bytes.array());
        return Files.writeString(folder.resolve("disk.vmdk"), """
                # Disk DescriptorFile
                version=1
                CID=12345678
                parentCID=ffffffff
                createType="seSparse"
                RW 40000 SESPARSE "extent.vmdk"
                """);
    }

    private static DiskImage openForReading(Path image) {
        return DiskImage.open(image, ImageFormat.VMDK, OpenOptions.DEFAULT.withReadOnly(true).withGate(FileGate.within(
                image.getParent())));
    }

    @Test
    void aSpaceEfficientExtentIsReadAsQemuReadsIt(@TempDir Path folder) throws Exception {
        Qemu.require();
        Path image = seSparse(folder, 0x3001_0000_0000_0000L);
        Path raw = folder.resolve("raw");
        Qemu.imgOk("convert", "-f", "vmdk", "-O", "raw", image, raw);
        byte[] theirs = Files.readAllBytes(raw);
        try (var disk = openForReading(image)) {
            assertThat(ModelDisk.read(disk, 0, theirs.length)).isEqualTo(theirs);
            assertThat(ModelDisk.read(disk, 4 * GRAIN, 1)).containsExactly(4);
        }
        assertThatThrownBy(() -> open(image)).isInstanceOf(CapabilityException.class)
                .hasMessageContaining("for writing");
    }

    @Property(tries = 60, shrinking = ShrinkingMode.OFF)
    void aDamagedSpaceEfficientExtentEndsInATypedError(@ForAll @net.jqwik.api.constraints.IntRange(max = 2600) int near,
            @ForAll long value) throws Exception {
        Path folder = Files.createTempDirectory("sesparse");
        try {
            Path image = seSparse(folder, value);
            byte[] bytes = Files.readAllBytes(folder.resolve("extent.vmdk"));
            java.nio.ByteBuffer.wrap(bytes).putInt(near > 1600 ? 128 * 512 + near - 1600 : near, (int) value);
            Files.write(folder.resolve("extent.vmdk"), bytes);
            try (var disk = openForReading(image)) {
                ModelDisk.read(disk, 0, 100_000);
            } catch (VzException typed) {
                assertThat(typed.getMessage()).isNotBlank();
            }
        } finally {
            Files.delete(folder.resolve("extent.vmdk"));
            Files.delete(folder.resolve("disk.vmdk"));
            Files.delete(folder);
        }
    }
}
