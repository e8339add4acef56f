package dev.vz.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockDevice;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Random operations on an image of every kind: ours and qemu-img's reading of it agree with a model, and it checks clean. */
class Qcow2RoundTripTest {

    private static final long SIZE = 3 << 20;

    record Operation(int kind, long offset, int length, long seed) {}

    record Kind(Qcow2Options options, boolean backing, boolean dataFile, boolean smallCache) {}

    @Provide
    Arbitrary<Kind> kinds() {
        Arbitrary<Integer> clusters = Arbitraries.of(512, 1024, 4096, 16384, 65536, 1 << 20, 2 << 20);
        Arbitrary<Integer> widths = Arbitraries.of(1, 2, 4, 8, 16, 32, 64);
        Arbitrary<Boolean> coin = Arbitraries.of(true, false);
        return Combinators.combine(clusters, widths, Arbitraries.of(2, 3, 3), coin, coin, coin, Arbitraries.of(0, 0, 1,
                2), coin).as((cluster, width, version, extended, zstd, backing, data, small) -> {
                    Qcow2Options options = Qcow2Options.ofSize(SIZE + 512 * 3).withClusterSize(cluster);
                    if (version == 2) {
                        return new Kind(options.withVersion(2), backing, false, small);
                    }
                    options = options.withRefcountBits(width).withExtendedL2(extended && cluster >= 16384).withZstd(
                            zstd);
                    boolean dataFile = data != 0;
                    return new Kind(options, backing && data != 2, dataFile, small);
                });
    }

    @Provide
    Arbitrary<List<Operation>> operations() {
        return Combinators.combine(Arbitraries.integers().between(0, 9), Arbitraries.longs().between(0, SIZE),
                Arbitraries.integers().between(1, 200_000), Arbitraries.longs().between(1, 1_000_000), Arbitraries.of(1,
                        512, 4096, 65536))
                .as((kind, offset, length, seed, align) -> {
                    long start = offset / align * align;
                    long end = Math.min(SIZE, (offset + length) / align * align);
                    return new Operation(kind, start, (int) Math.max(0, end - start), seed);
                }).list().ofMinSize(1).ofMaxSize(25);
    }

    @Property(tries = 30, shrinking = ShrinkingMode.OFF)
    void whatIsWrittenHereReadsTheSameEverywhere(@ForAll("kinds") Kind kind, @ForAll("operations") List<Operation> ours,
            @ForAll("operations") List<Operation> theirs) throws IOException {
        Qemu.require();
        Path folder = Files.createTempDirectory("vz-qcow2");
        try {
            Path image = folder.resolve("image.qcow2");
            var model = new ModelDisk(kind.options().size());
            create(kind, folder, image, model);
            OpenOptions options = OpenOptions.DEFAULT.withGate(FileGate.within(folder));
            if (kind.smallCache()) {
                options = options.withBudget(new Budget(10, 32 << 20, 1));
            }
            try (var disk = DiskImage.open(image, ImageFormat.QCOW2, options)) {
                model.check(disk);
                for (Operation operation : ours) {
                    apply(operation, disk, model);
                }
                model.check(disk);
            }
            Qemu.check("qcow2", image);
            Path raw = model.toFile(folder.resolve("model.raw"));
            Qemu.compare("qcow2", image, "raw", raw);
            letQemuWrite(theirs, image, raw);
            try (var disk = DiskImage.open(image, ImageFormat.QCOW2, options)) {
                assertThat(ModelDisk.read(disk, 0, disk.info().size())).isEqualTo(Files.readAllBytes(raw));
                assertThat(((Qcow2Driver) disk.driver()).check().messages()).isEmpty();
            }
        } finally {
            delete(folder);
        }
    }

    /** With small clusters an L1 table is longer than what one refcount block counts. */
    @ParameterizedTest
    @CsvSource({"1024, 16, 8589934592", "512, 64, 1073741824", "512, 16, 4294967296"})
    void aTableLongerThanARefcountBlockCountsFindsItsPlace(int clusterSize, int refcountBits, long size,
            @TempDir Path folder) {
        Qemu.require();
        Path image = folder.resolve("image.qcow2");
        Assertions.assertTimeoutPreemptively(Duration.ofSeconds(30), () -> {
            try (var file = HostFile.create(image)) {
                Qcow2Format.create(file, Qcow2Options.ofSize(size).withClusterSize(clusterSize).withRefcountBits(
                        refcountBits));
            }
        });
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            disk.write(size - 70_000, MemorySegment.ofArray(ModelDisk.pattern(5, 70_000)));
            assertThat(((Qcow2Driver) disk.driver()).check().messages()).isEmpty();
        }
        Qemu.check("qcow2", image);
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            assertThat(ModelDisk.read(disk, size - 70_000, 70_000)).isEqualTo(ModelDisk.pattern(5, 70_000));
        }
    }

    private static void create(Kind kind, Path folder, Path image, ModelDisk model) {
        Qcow2Options options = kind.options();
        if (kind.backing()) {
            Path base = folder.resolve("base.raw");
            var below = new ModelDisk(1_500_160);
            try (var file = HostFile.create(base)) {
                file.resize(below.bytes().length);
            }
            try (var disk = DiskImage.open(base, ImageFormat.RAW, OpenOptions.DEFAULT)) {
                below.write(disk, 70_000, 900_000, 7);
                below.write(disk, 1_400_000, 100_160, 9);
            }
            System.arraycopy(below.bytes(), 0, model.bytes(), 0, below.bytes().length);
            options = options.withBacking("base.raw", "raw");
        }
        if (kind.dataFile()) {
            // qemu-img takes a relative name from its own working folder.
            options = options.withDataFile(folder.resolve("data.raw").toString(), false);
            try (var file = HostFile.create(folder.resolve("data.raw"))) {
                file.resize(options.size());
            }
        }
        try (var file = HostFile.create(image)) {
            Qcow2Format.create(file, options);
        }
    }

    private static void apply(Operation operation, DiskImage disk, ModelDisk model) {
        switch (operation.kind()) {
            case 0 -> model.zero(disk, operation.offset(), operation.length());
            case 1 -> disk.flush();
            case 2 -> {
                // What a discard leaves is zeros or the old bytes: settle it by writing zeros.
                disk.discard(operation.offset(), operation.length());
                model.zero(disk, operation.offset(), operation.length());
            }
            case 3 -> assertThat(ModelDisk.read(disk, operation.offset(), operation.length())).isEqualTo(
                    java.util.Arrays.copyOfRange(model.bytes(), (int) operation.offset(), (int) operation.offset()
                            + operation.length()));
            case 4 -> compress(operation, disk, model);
            default -> model.write(disk, operation.offset(), operation.length(), operation.seed());
        }
    }

    private static void compress(Operation operation, DiskImage disk, ModelDisk model) {
        int unit = disk.driver().unitSize();
        long offset = operation.offset() / unit * unit;
        int length = (int) Math.min(unit * 2L, disk.info().size() - offset);
        byte[] data = ModelDisk.pattern(operation.seed(), length);
        disk.writeCompressed(offset, java.lang.foreign.MemorySegment.ofArray(data));
        System.arraycopy(data, 0, model.bytes(), (int) offset, length);
    }

    private static void letQemuWrite(List<Operation> operations, Path image, Path raw) {
        var commands = new ArrayList<String>();
        for (Operation operation : operations) {
            long offset = operation.offset() & -512;
            int length = operation.length() & -512;
            if (length > 0) {
                commands.add(switch (operation.kind()) {
                    case 0, 1 -> "write -z -u " + offset + " " + length;
                    case 2 -> "write -z " + offset + " " + length;
                    default -> "write -P " + operation.seed() % 256 + " " + offset + " " + length;
                });
            }
        }
        if (!commands.isEmpty()) {
            Qemu.io("qcow2", image, commands);
            Qemu.io("raw", raw, commands);
        }
    }

    private static void delete(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }
}
