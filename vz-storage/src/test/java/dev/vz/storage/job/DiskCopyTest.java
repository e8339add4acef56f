package dev.vz.storage.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.parallels.ParallelsFormat;
import dev.vz.storage.image.CheckReport;
import dev.vz.storage.qcow2.Qcow2Driver;
import dev.vz.storage.qcow2.Qcow2Format;
import dev.vz.storage.qcow2.Qcow2Options;
import dev.vz.storage.qed.QedFormat;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import dev.vz.storage.vdi.VdiFormat;
import dev.vz.storage.vhd.VhdFormat;
import dev.vz.storage.vhdx.VhdxFormat;
import dev.vz.storage.vmdk.VmdkFormat;
import dev.vz.storage.vmdk.VmdkOptions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Copies read as what they are copies of, in every format and in the eyes of qemu-img. */
class DiskCopyTest {

    private static final int SIZE = 24 << 20;

    @TempDir
    private Path folder;
    private Path source;
    private final ModelDisk model = new ModelDisk(SIZE);

    @BeforeEach
    void halfEmptyDisk() {
        source = make("source.raw", file -> file.resize(SIZE));
        try (var disk = DiskImage.open(source, ImageFormat.RAW, OpenOptions.DEFAULT)) {
            for (int i = 0; i < 5; i++) {
                model.write(disk, i * 4_500_000L, 2_000_000, i * 7 + 1);
            }
            model.write(disk, 12_000_000, 1_000_000, 3);
        }
    }

    private Path make(String name, Consumer<ImageFile> create) {
        Path path = folder.resolve(name);
        try (var file = HostFile.create(path)) {
            create.accept(file);
        }
        return path;
    }

    private void copy(Path target, ImageFormat format, DiskCopy.Options options, JobControl control) {
        try (var from = DiskImage.open(source, ImageFormat.RAW, OpenOptions.DEFAULT.withReadOnly(true));
                var to = DiskImage.open(target, format, OpenOptions.DEFAULT)) {
            DiskCopy.run(from, to, options, control);
            assertThat(DiskComparison.firstDifference(from, to, JobControl.NONE)).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = {"DMG", "CLOOP", "BOCHS"})
    void everyFormatTakesTheWholeDisk(ImageFormat format) {
        Qemu.require();
        Path target = make("target", file -> {
            switch (format) {
                case RAW -> file.resize(SIZE);
                case QCOW2 -> Qcow2Format.create(file, Qcow2Options.ofSize(SIZE));
                case VDI -> VdiFormat.create(file, SIZE, false);
                case VPC -> VhdFormat.create(file, SIZE, false, Clock.systemUTC());
                case PARALLELS -> ParallelsFormat.create(file, SIZE, 65536);
                case VMDK -> VmdkFormat.create(file, "target", VmdkOptions.ofSize(SIZE), DiskCopyTest::noExtent);
                case VHDX -> VhdxFormat.create(file, SIZE, false, 1 << 20, 1 << 20);
                case QED -> QedFormat.create(file, SIZE, 65536, 4, null, null);
                case DMG, CLOOP, BOCHS -> throw new AssertionError(format + " can only be read");
            }
        });
        copy(target, format, DiskCopy.Options.DEFAULT, JobControl.NONE);
        Qemu.compare("raw", source, format.label(), target);
    }

    private static ImageFile noExtent(String name) {
        throw new AssertionError("One file is enough, but " + name + " was asked for");
    }

    @Test
    void aStreamOptimizedVmdkTakesACompressedCopy() {
        Qemu.require();
        Path target = make("target.vmdk", file -> VmdkFormat.create(file, "target.vmdk", VmdkOptions.ofSize(SIZE)
                .withSubformat("streamOptimized"), DiskCopyTest::noExtent));
        copy(target, ImageFormat.VMDK, new DiskCopy.Options(1, true, 4096), JobControl.NONE);
        Qemu.check("vmdk", target);
        Qemu.compare("raw", source, "vmdk", target);
    }

    /** The first disk ends in the midst of a cluster, where the second goes on. */
    @ParameterizedTest
    @CsvSource({"1", "4"})
    void disksOneBehindTheOtherAreCompressedThoughTheyShareAUnit(int threads) throws Exception {
        Qemu.require();
        int length = (5 << 20) - 1024;
        Path part = make("part.raw", file -> file.resize(length));
        Path both = make("both.raw", file -> file.resize(2L * length));
        Path target = make("both.qcow2", file -> Qcow2Format.create(file, Qcow2Options.ofSize(2L * length)));
        try (var arena = Arena.ofConfined();
                var first = DiskImage.open(part, ImageFormat.RAW, OpenOptions.DEFAULT);
                var expected = DiskImage.open(both, ImageFormat.RAW, OpenOptions.DEFAULT);
                var to = DiskImage.open(target, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            MemorySegment numbers = arena.allocate(length, Integer.BYTES).fill((byte) 0x5A);
            for (int at = 0; at < length; at += 512) {
                numbers.set(ValueLayout.JAVA_INT, at, at);
            }
            first.write(0, numbers);
            for (int i = 0; i < 2; i++) {
                DiskCopy.run(first, expected, (long) i * length, new DiskCopy.Options(1, false, 4096), JobControl.NONE);
                DiskCopy.run(first, to, (long) i * length, new DiskCopy.Options(threads, true, 4096), JobControl.NONE);
            }
            assertThat(DiskComparison.firstDifference(expected, to, JobControl.NONE)).isEmpty();
        }
        Qemu.check("qcow2", target);
        Qemu.compare("raw", both, "qcow2", target);
        try (var disk = DiskImage.open(target, ImageFormat.QCOW2, OpenOptions.DEFAULT.withReadOnly(true))) {
            CheckReport report = ((Qcow2Driver) disk.driver()).check();
            assertThat(report.compressedClusters()).isGreaterThan(100);
        }
    }

    @ParameterizedTest
    @CsvSource({"false, 1", "false, 4", "true, 1", "true, 4"})
    void compressedCopiesAreSmallerAndReadTheSame(boolean zstd, int threads) throws Exception {
        Qemu.require();
        Path target = make("target.qcow2", file -> Qcow2Format.create(file, Qcow2Options.ofSize(SIZE).withZstd(zstd)));
        copy(target, ImageFormat.QCOW2, new DiskCopy.Options(threads, true, 4096), JobControl.NONE);
        Qemu.check("qcow2", target);
        Qemu.compare("raw", source, "qcow2", target);
        assertThat(Files.size(target)).isLessThan(11 << 20);
        try (var disk = DiskImage.open(target, ImageFormat.QCOW2, OpenOptions.DEFAULT.withReadOnly(true))) {
            CheckReport report = ((Qcow2Driver) disk.driver()).check();
            assertThat(report.compressedClusters()).isGreaterThan(10);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 512, 65536})
    void zerosOfTheStatedLengthAreLeftOut(int sparseUnit) throws Exception {
        Path full = make("zeros.raw", file -> file.allocate(0, SIZE));
        try (var disk = DiskImage.open(full, ImageFormat.RAW, OpenOptions.DEFAULT)) {
            disk.write(0, java.lang.foreign.MemorySegment.ofArray(new byte[SIZE]));
        }
        source = full;
        Path target = make("target.qcow2", file -> Qcow2Format.create(file, Qcow2Options.ofSize(SIZE)));
        copy(target, ImageFormat.QCOW2, new DiskCopy.Options(2, false, sparseUnit), JobControl.NONE);
        assertThat(Files.size(target) > SIZE).isEqualTo(sparseUnit == 0);
    }

    @Test
    void aFormatWithoutCompressedUnitsRefusesACompressedCopy() {
        Path target = make("target.raw", file -> file.resize(SIZE));
        assertThatThrownBy(() -> copy(target, ImageFormat.RAW, new DiskCopy.Options(1, true, 4096), JobControl.NONE))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("cannot be written compressed");
    }

    @Test
    void anOverlayIsFlattened() {
        Qemu.require();
        Path overlay = make("overlay.qcow2", file -> Qcow2Format.create(file, Qcow2Options.ofSize(SIZE).withBacking(
                "source.raw", "raw")));
        Path flat = make("flat.qcow2", file -> Qcow2Format.create(file, Qcow2Options.ofSize(SIZE)));
        try (var top = DiskImage.open(overlay, ImageFormat.QCOW2,
                OpenOptions.DEFAULT.withGate(FileGate.within(folder)));
                var to = DiskImage.open(flat, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            model.write(top, 1_000_000, 500_000, 77);
            model.zero(top, 4_600_000, 500_000);
            DiskCopy.run(top, to, new DiskCopy.Options(4, false, 4096), JobControl.NONE);
            model.check(to);
        }
        Qemu.check("qcow2", flat);
        Qemu.compare("qcow2", overlay, "qcow2", flat);
    }

    @Test
    void aCopyTellsHowFarItIsAndStopsWhenAsked() {
        Path target = make("target.qcow2", file -> Qcow2Format.create(file, Qcow2Options.ofSize(SIZE)));
        List<Long> seen = new ArrayList<>();
        copy(target, ImageFormat.QCOW2, DiskCopy.Options.DEFAULT, control(seen, Integer.MAX_VALUE));
        assertThat(seen).isSorted().endsWith((long) SIZE).hasSize(6);
        seen.clear();
        assertThatThrownBy(() -> copy(target, ImageFormat.QCOW2, DiskCopy.Options.DEFAULT, control(seen, 2)))
                .isInstanceOf(LifecycleException.class).hasMessageContaining("cancelled after 8388608");
    }

    private static JobControl control(List<Long> seen, int pieces) {
        return new JobControl() {
            @Override
            public void progress(long done, long total) {
                seen.add(done);
            }

            @Override
            public boolean cancelled() {
                return seen.size() >= pieces;
            }
        };
    }

    @Test
    void theFirstByteThatDiffersIsFoundAndALongerDiskIsZerosOrDiffers() {
        Path other = make("other.raw", file -> file.resize(SIZE + 512));
        try (var a = DiskImage.open(source, ImageFormat.RAW, OpenOptions.DEFAULT);
                var b = DiskImage.open(other, ImageFormat.RAW, OpenOptions.DEFAULT)) {
            b.write(0, java.lang.foreign.MemorySegment.ofArray(model.bytes()));
            assertThat(DiskComparison.firstDifference(a, b, JobControl.NONE)).isEmpty();
            new ModelDisk(SIZE + 512).write(b, SIZE + 100, 1, 1);
            assertThat(DiskComparison.firstDifference(a, b, JobControl.NONE)).hasValue(SIZE + 100);
            new ModelDisk(SIZE).write(a, 3_333_333, 1, 1);
            assertThat(DiskComparison.firstDifference(b, a, JobControl.NONE)).hasValue(3_333_333);
        }
    }
}
