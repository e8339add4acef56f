package dev.vz.storage.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.CheckableDriver;
import dev.vz.storage.image.ClearableDriver;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.ImpliedFile;
import dev.vz.storage.image.LinkedDriver;
import dev.vz.storage.image.OpenPolicyException;
import dev.vz.storage.job.DiskCommit;
import dev.vz.storage.job.JobControl;
import dev.vz.storage.testing.CrashExplorer;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.RecordingFile;
import dev.vz.storage.vhd.VhdFormat;
import dev.vz.storage.vhdx.VhdxFormat;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** VHD and VHDX images over a parent, which qemu-img does not know: sector bitmaps, parent locators, links. */
class DifferencingImagesTest {

    private static final long SIZE = 9 << 20;

    /** Both formats, each with a way to make an image and one over another. */
    enum Kind {
        VHD(ImageFormat.VPC) {
            @Override
            void create(ImageFile file, long size) {
                VhdFormat.create(file, size, false, Clock.systemUTC());
            }

            @Override
            void createOver(ImageFile file, long size, String parent, String link) {
                VhdFormat.createOver(file, size, parent, link, Instant.EPOCH, Clock.systemUTC());
            }
        },
        VHDX(ImageFormat.VHDX) {
            @Override
            void create(ImageFile file, long size) {
                VhdxFormat.create(file, size, false, 1 << 20, 1 << 20);
            }

            @Override
            void createOver(ImageFile file, long size, String parent, String link) {
                VhdxFormat.createOver(file, size, 2 << 20, 1 << 20, parent, link);
            }
        };

        final ImageFormat format;

        Kind(ImageFormat format) {
            this.format = format;
        }

        abstract void create(ImageFile file, long size);

        abstract void createOver(ImageFile file, long size, String parent, String link);
    }

    private static DiskImage open(Kind kind, Path image) {
        return DiskImage.open(image, kind.format, OpenOptions.DEFAULT.withGate(FileGate.within(image.getParent())));
    }

    private static Path base(Kind kind, Path folder) {
        Path image = folder.resolve("base");
        try (var file = HostFile.create(image)) {
            kind.create(file, SIZE);
        }
        return image;
    }

    private static Path over(Kind kind, Path parent, String name) {
        Path image = parent.resolveSibling(name);
        String link;
        try (var below = open(kind, parent)) {
            link = ((LinkedDriver) below.driver()).link();
        }
        try (var file = HostFile.create(image)) {
            kind.createOver(file, SIZE, String.valueOf(parent.getFileName()), link);
        }
        return image;
    }

    private static void scribble(DiskImage disk, ModelDisk model, Random random, int writes) {
        for (int i = 0; i < writes; i++) {
            int length = 1 + random.nextInt(random.nextBoolean() ? 3000 : 300_000);
            long offset = random.nextLong(SIZE - length);
            if (random.nextInt(5) == 0) {
                model.zero(disk, offset, length);
            } else {
                model.write(disk, offset, length, random.nextLong());
            }
            if (random.nextInt(6) == 0) {
                disk.flush();
            }
        }
    }

    @Property(tries = 8, shrinking = ShrinkingMode.OFF)
    void aChainOfThreeReadsAsItWasWritten(@ForAll Kind kind, @ForAll long seed) throws IOException {
        Path folder = Files.createTempDirectory("differencing");
        try {
            var random = new Random(seed);
            var model = new ModelDisk(SIZE);
            Path image = base(kind, folder);
            for (String next : List.of("middle", "top", "")) {
                for (int round = 0; round < 2; round++) {
                    try (var disk = open(kind, image)) {
                        model.check(disk);
                        scribble(disk, model, random, 8);
                        model.check(disk);
                        if (disk.driver() instanceof CheckableDriver checkable) {
                            assertThat(checkable.check().messages()).isEmpty();
                        }
                    }
                }
                image = next.isEmpty() ? image : over(kind, image, next);
            }
            try (var disk = open(kind, image)) {
                model.check(disk);
            }
        } finally {
            try (var files = Files.list(folder)) {
                files.forEach(file -> file.toFile().delete());
            }
            Files.delete(folder);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void onlyTheSectorsThatWereWrittenAreInTheImage(Kind kind, @TempDir Path folder) {
        var model = new ModelDisk(SIZE);
        Path base = base(kind, folder);
        try (var disk = open(kind, base)) {
            model.write(disk, 0, 4 << 20, 1);
        }
        Path top = over(kind, base, "top");
        try (var disk = open(kind, top)) {
            model.write(disk, 1024, 512, 2);
            model.write(disk, 5000, 100, 3);
            model.write(disk, (4 << 20) - 512, 1024, 4);
        }
        try (var disk = open(kind, top)) {
            List<List<Long>> own = new ArrayList<>();
            for (long at = 0; at < SIZE;) {
                var extent = disk.map(at, SIZE - at);
                if (extent.depth() == 0 && extent.present()) {
                    own.add(List.of(at, extent.length()));
                }
                at += extent.length();
            }
            assertThat(own).containsExactly(List.of(1024L, 512L), List.of(4608L, 512L), List.of((4L << 20) - 512, 512L),
                    List.of(4L << 20, 512L));
            model.check(disk);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void libvhdiReadsTheSame(Kind kind, @TempDir Path folder) throws Exception {
        Path python = Path.of("/usr/bin/python3");
        Peers.require(Files.exists(python) && new ProcessBuilder(python.toString(), "-c", "import pyvhdi").start()
                .waitFor() == 0, "python3-libvhdi is not installed");
        var model = new ModelDisk(SIZE);
        Path base = base(kind, folder);
        try (var disk = open(kind, base)) {
            scribble(disk, model, new Random(5), 10);
        }
        Path top = over(kind, base, "top");
        try (var disk = open(kind, top)) {
            if (kind == Kind.VHD) {
                // Of a VHD bitmap, it takes sectors behind a run that ends within a byte for zeros, so runs are of whole ones.
                for (int i = 0; i < 20; i++) {
                    model.write(disk, i * 450_560L, 4096 * (1 + i % 9), i);
                }
            } else {
                scribble(disk, model, new Random(6), 20);
            }
        }
        Path read = folder.resolve("read");
        Process process = new ProcessBuilder(python.toString(), "-c", """
                import pyvhdi, sys
                base, top = pyvhdi.file(), pyvhdi.file()
                base.open(sys.argv[1])
                top.open(sys.argv[2])
                assert top.get_parent_identifier() == base.get_identifier()
                print(top.get_parent_filename())
                top.set_parent(base)
                with open(sys.argv[3], "wb") as out:
                    out.write(top.read_buffer_at_offset(top.get_media_size(), 0))
                """, base.toString(), top.toString(), read.toString()).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        if (kind == Kind.VHD) { // it tells no names of VHDX parents
            assertThat(said.strip()).endsWith("base");
        }
        assertThat(Arrays.mismatch(Files.readAllBytes(read), model.bytes())).as("first byte that differs").isEqualTo(
                -1);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void anotherParentThanTheOneItWasMadeOverIsNoticed(Kind kind, @TempDir Path folder) throws Exception {
        Path base = base(kind, folder);
        Path top = over(kind, base, "top");
        open(kind, top).close();
        Files.delete(base);
        base(kind, folder);
        assertThatThrownBy(() -> open(kind, top)).isInstanceOf(FormatException.class).hasMessageContaining(
                "is not the parent of");
    }

    @Test
    void aVhdxParentThatWasWrittenSinceIsNoticed(@TempDir Path folder) {
        Path base = base(Kind.VHDX, folder);
        Path top = over(Kind.VHDX, base, "top");
        try (var disk = open(Kind.VHDX, base)) {
            new ModelDisk(SIZE).write(disk, 0, 512, 1);
        }
        assertThatThrownBy(() -> open(Kind.VHDX, top)).isInstanceOf(FormatException.class).hasMessageContaining(
                "was written since");
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aParentLocatorThatLeavesTheFolderIsNotFollowed(Kind kind, @TempDir Path folder) throws Exception {
        Path inner = Files.createDirectory(folder.resolve("inner"));
        Path outside = base(kind, folder);
        for (String name : List.of("../base", outside.toString(), "a/../../base")) {
            Path image = inner.resolve("image");
            try (var file = HostFile.create(image)) {
                kind.createOver(file, SIZE, name, kind == Kind.VHD ? "00000000-0000-0000-0000-000000000000"
                        : "{00000000-0000-0000-0000-000000000000}");
            }
            assertThatThrownBy(() -> open(kind, image)).as(name).isInstanceOf(VzException.class);
            assertThatThrownBy(() -> DiskImage.open(image, kind.format, OpenOptions.DEFAULT)).as(name).isInstanceOf(
                    OpenPolicyException.class);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aCommitGivesTheParentWhatTheImageHeldAndTheChainStaysOne(Kind kind, @TempDir Path folder) {
        var model = new ModelDisk(SIZE);
        Path base = base(kind, folder);
        try (var disk = open(kind, base)) {
            scribble(disk, model, new Random(7), 6);
        }
        Path top = over(kind, base, "top");
        try (var disk = open(kind, top)) {
            scribble(disk, model, new Random(8), 6);
            String link;
            try (var below = open(kind, base)) {
                DiskCommit.run(disk, below, 1, JobControl.NONE);
                link = ((LinkedDriver) below.driver()).link();
            }
            ((LinkedDriver) disk.driver()).relink(link);
            ((ClearableDriver) disk.driver()).clear();
        }
        try (var disk = open(kind, top)) {
            model.check(disk);
            assertThat(disk.map(0, SIZE).depth()).isEqualTo(1);
            scribble(disk, model, new Random(9), 4);
        }
        try (var disk = open(kind, top)) {
            model.check(disk);
        }
    }

    private static FileGate gate(Kind kind, byte[] parent) {
        return (ImpliedFile wanted, boolean writable) -> new FileGate.Grant(RecordingFile.of(parent), kind.format);
    }

    private static RecordingFile overInMemory(Kind kind, byte[] parent) {
        String link;
        try (var below = DiskImage.open(RecordingFile.of(parent.clone()), kind.format, OpenOptions.DEFAULT)) {
            link = ((LinkedDriver) below.driver()).link();
        }
        var file = new RecordingFile();
        kind.createOver(file, 3 << 20, "base", link);
        return file;
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void afterACrashWhatWasFlushedIsThereAndTheRestIsTheParents(Kind kind) {
        var model = new ModelDisk(3 << 20);
        var below = new RecordingFile();
        kind.create(below, 3 << 20);
        try (var disk = DiskImage.open(below, kind.format, OpenOptions.DEFAULT)) {
            model.write(disk, 0, 3 << 20, 1);
        }
        byte[] parent = below.contents();
        RecordingFile file = overInMemory(kind, parent);
        file.record();
        List<byte[]> flushed = new ArrayList<>(List.of(model.bytes().clone()));
        try (var disk = DiskImage.open(file, kind.format, OpenOptions.DEFAULT.withGate(gate(kind, parent)))) {
            for (int i = 0; i < 4; i++) {
                model.write(disk, i * 700_416L / 2, 5120, i + 2);
                disk.flush();
                flushed.add(model.bytes().clone());
                file.mark(i);
            }
        }
        int states = CrashExplorer.explore(file, 1, 1, (state, mark, next) -> {
            try (var disk = DiskImage.open(RecordingFile.of(state), kind.format, OpenOptions.DEFAULT.withGate(gate(kind,
                    parent)))) {
                byte[] read = ModelDisk.read(disk, 0, 3 << 20);
                byte[] old = flushed.get(mark + 1);
                byte[] wanted = flushed.get(Math.min(next < 0 ? mark + 1 : next + 1, flushed.size() - 1));
                for (int at = 0; at < read.length; at += 512) {
                    boolean known = Arrays.equals(read, at, at + 512, old, at, at + 512) || Arrays.equals(read, at, at
                            + 512, wanted, at, at + 512);
                    assertThat(known).as("sector at %d after mark %d", at, mark).isTrue();
                }
            }
        });
        assertThat(states).isGreaterThan(8);
    }

    /** Whatever bytes of the header, the locator or the tables are changed: an answer or a typed error. */
    @Property(tries = 150, shrinking = ShrinkingMode.OFF)
    void damagedLocatorsEndInTypedErrors(@ForAll Kind kind, @ForAll @IntRange(min = 0, max = 2600) int near,
            @ForAll @IntRange(min = 0, max = 3) int place, @ForAll int value) {
        var below = new RecordingFile();
        kind.create(below, 3 << 20);
        byte[] parent = below.contents();
        byte[] bytes = overInMemory(kind, parent).contents();
        int[] starts = kind == Kind.VHD ? new int[] {0, 512, 1024, 1024}
                : new int[] {2 << 20, (2 << 20) + (68 << 10), 3 << 20, (2 << 20) + (64 << 10)};
        int at = Math.min(starts[place] + near, bytes.length - 4);
        ByteBuffer.wrap(bytes).order(ByteOrder.BIG_ENDIAN).putInt(at, value);
        if (kind == Kind.VHD) {
            VhdSums.repair(bytes); // so that more than the checksums is tried
        }
        Assertions.assertTimeout(Duration.ofSeconds(30), () -> {
            try (var disk = DiskImage.open(RecordingFile.of(bytes), kind.format, OpenOptions.DEFAULT.withGate(gate(kind,
                    parent)))) {
                if (disk.info().size() >= 100_000 && disk.info().size() <= 64 << 20) {
                    ModelDisk.read(disk, 0, 100_000);
                    new ModelDisk(disk.info().size()).write(disk, 700, 1000, 1);
                }
            } catch (VzException typed) {
                assertThat(typed.getMessage()).isNotBlank();
            }
        });
    }

    /** Makes the checksums of a changed VHD image right again. */
    private static final class VhdSums {
        static void repair(byte[] bytes) {
            sum(bytes, 0, 512, 64);
            sum(bytes, 512, 1024, 36);
        }

        private static void sum(byte[] bytes, int from, int length, int field) {
            int sum = 0;
            for (int i = 0; i < length; i++) {
                sum += i >= field && i < field + 4 ? 0 : bytes[from + i] & 0xff;
            }
            ByteBuffer.wrap(bytes).putInt(from + field, ~sum);
        }
    }
}
