package dev.vz.storage.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.CheckReport;
import dev.vz.storage.image.CheckableDriver;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.OpenPolicyException;
import dev.vz.storage.parallels.ParallelsDriver;
import dev.vz.storage.parallels.ParallelsFormat;
import dev.vz.storage.qed.QedFormat;
import dev.vz.storage.testing.CrashExplorer;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import dev.vz.storage.testing.RecordingFile;
import dev.vz.storage.vdi.VdiDriver;
import dev.vz.storage.vdi.VdiFormat;
import dev.vz.storage.vhd.VhdFormat;
import dev.vz.storage.vhdx.VhdxFormat;
import dev.vz.storage.vmdk.VmdkFormat;
import dev.vz.storage.vmdk.VmdkOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every format but qcow2: what is written here reads the same in QEMU, and the other way round. */
class BlockTableFormatsTest {

    private static final long SIZE = (7 << 20) + 512 * 3;

    private static final VmdkFormat.ExtentFiles NO_EXTENTS = name -> {
        throw new AssertionError("One file is enough, but " + name + " was asked for");
    };

    /** {@code tableAt}: where the first entry that can name a place is; -1 if there is none. */
    record Kind(String name, ImageFormat format, int tableAt, BiConsumer<ImageFile, Long> create,
            List<String> theirOptions) {
        @Override
        public String toString() {
            return name;
        }
    }

    static final List<Kind> KINDS = List.of(
            new Kind("vdi dynamic", ImageFormat.VDI, 512, (file, size) -> VdiFormat.create(file, size, false),
                    List.of()),
            new Kind("vdi static", ImageFormat.VDI, 512, (file, size) -> VdiFormat.create(file, size, true),
                    List.of("-o",
                            "static=on")),
            new Kind("vhd dynamic", ImageFormat.VPC, 1536, (file, size) -> VhdFormat.create(file, size, false, Clock
                    .systemUTC()), List.of("-o", "subformat=dynamic,force_size=on")),
            new Kind("vhd fixed", ImageFormat.VPC, -1,
                    (file, size) -> VhdFormat.create(file, size, true, Clock.systemUTC()),
                    List.of("-o", "subformat=fixed,force_size=on")),
            new Kind("parallels", ImageFormat.PARALLELS, 64,
                    (file, size) -> ParallelsFormat.create(file, size, 1 << 20),
                    List.of("-o", "cluster_size=1M")),
            new Kind("parallels 64k", ImageFormat.PARALLELS, 64, (file, size) -> ParallelsFormat.create(file, size,
                    65536), List.of("-o", "cluster_size=64k")),
            new Kind("qed", ImageFormat.QED, 65536, (file, size) -> QedFormat.create(file, size, 65536, 4, null, null),
                    List.of()),
            new Kind("qed 4k", ImageFormat.QED, 4096, (file, size) -> QedFormat.create(file, size, 4096, 2, null, null),
                    List.of("-o", "cluster_size=4k,table_size=2")),
            new Kind("vmdk", ImageFormat.VMDK, 26 * 512, (file, size) -> VmdkFormat.create(file, "image",
                    VmdkOptions.ofSize(size), NO_EXTENTS), List.of()),
            new Kind("vmdk zeroed grains", ImageFormat.VMDK, 26 * 512, (file, size) -> VmdkFormat.create(file, "image",
                    VmdkOptions.ofSize(size).withZeroedGrains(true), NO_EXTENTS), List.of("-o", "zeroed_grain=on")),
            new Kind("vhdx", ImageFormat.VHDX, 3 << 20, (file, size) -> VhdxFormat.create(file, size, false, 1 << 20,
                    1 << 20), List.of("-o", "block_size=1M")),
            new Kind("vhdx fixed", ImageFormat.VHDX, 3 << 20, (file, size) -> VhdxFormat.create(file, size, true,
                    2 << 20, 1 << 20), List.of("-o", "block_size=2M,subformat=fixed")));

    static Stream<Kind> kinds() {
        return KINDS.stream();
    }

    private static void checkByQemu(Kind kind, Path image) {
        // qemu-img has no check for VHD.
        if (kind.format() != ImageFormat.VPC) {
            Qemu.check(kind.format().label(), image);
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void whatIsWrittenHereReadsTheSameInQemu(Kind kind, @TempDir Path folder) throws Exception {
        Qemu.require();
        Path image = folder.resolve("image");
        try (var file = HostFile.create(image)) {
            kind.create().accept(file, SIZE);
        }
        roundTrip(kind, folder, image, 1);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void whatQemuMakesIsReadAndWrittenHere(Kind kind, @TempDir Path folder) throws Exception {
        Qemu.require();
        Path image = folder.resolve("image");
        var arguments = new ArrayList<Object>(List.of("create", "-q", "-f", kind.format().label()));
        arguments.addAll(kind.theirOptions());
        arguments.addAll(List.of(image, SIZE));
        Qemu.imgOk(arguments.toArray());
        roundTrip(kind, folder, image, 2);
    }

    private static void roundTrip(Kind kind, Path folder, Path image, long seed) throws Exception {
        String label = kind.format().label();
        var random = new Random(seed);
        var model = new ModelDisk(SIZE);
        Path raw = folder.resolve("model.raw");
        for (int round = 0; round < 3; round++) {
            try (var disk = DiskImage.open(image, kind.format(), OpenOptions.DEFAULT)) {
                assertThat(disk.info().size()).isEqualTo(SIZE);
                model.check(disk);
                for (int i = 0; i < 12; i++) {
                    long offset = random.nextLong(SIZE - 300_000);
                    int length = 1 + random.nextInt(300_000);
                    if (random.nextInt(4) == 0) {
                        model.zero(disk, offset, length);
                    } else {
                        model.write(disk, offset, length, random.nextLong());
                    }
                }
                model.write(disk, SIZE - 700, 700, round * 3 + 1);
                model.check(disk);
                if (round == 1) {
                    disk.flush();
                    model.write(disk, 100, 100, 4);
                }
            }
            checkByQemu(kind, image);
            Qemu.compare(label, image, "raw", model.toFile(raw));
            var commands = new ArrayList<String>();
            for (int i = 0; i < 4; i++) {
                commands.add("write -P %d %d %d".formatted(random.nextInt(255) + 1, random.nextInt(12000) * 512L, 512L
                        * (1 + random.nextInt(500))));
            }
            Qemu.io(label, image, commands);
            Qemu.io("raw", raw, commands);
            System.arraycopy(Files.readAllBytes(raw), 0, model.bytes(), 0, (int) SIZE);
        }
        try (var disk = DiskImage.open(image, kind.format(), OpenOptions.DEFAULT.withReadOnly(true))) {
            model.check(disk);
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void afterACrashTheImageOpensAndWhatWasFlushedIsThere(Kind kind, @TempDir Path folder) {
        Qemu.require();
        var file = new RecordingFile();
        kind.create().accept(file, 3L << 20);
        file.record();
        var model = new ModelDisk(3 << 20);
        List<byte[]> flushed = new ArrayList<>();
        flushed.add(model.bytes().clone());
        try (var disk = DiskImage.open(file, kind.format(), OpenOptions.DEFAULT)) {
            for (int i = 0; i < 3; i++) {
                // Each sector is written once, so a flushed one has but one value.
                model.write(disk, i * 700_000L, 5000, i + 1);
                disk.flush();
                flushed.add(model.bytes().clone());
                file.mark(i);
            }
        }
        var seen = new AtomicInteger();
        int states = CrashExplorer.explore(file, 1, 1, (state, mark, next) -> {
            try (var disk = DiskImage.open(RecordingFile.of(state), kind.format(), OpenOptions.DEFAULT)) {
                if (disk.driver() instanceof CheckableDriver checkable) {
                    CheckReport report = checkable.check();
                    assertThat(report.corruptions()).as("%s", report.messages()).isZero();
                }
                byte[] sure = flushed.get(next);
                byte[] read = ModelDisk.read(disk, 0, sure.length);
                for (int i = 0; i < mark + 1; i++) {
                    int from = i * 700_000;
                    assertThat(Arrays.equals(read, from, from + 5000, sure, from, from + 5000)).as("write %d", i)
                            .isTrue();
                }
            }
            if (seen.getAndIncrement() % 5 == 0) {
                judgedByQemu(kind, state, folder.resolve("state"));
            }
        });
        assertThat(states).isGreaterThan(8);
    }

    /** Opened for writing here and closed, the image is in order for qemu-img, but for space that nothing uses. */
    private static void judgedByQemu(Kind kind, byte[] state, Path image) {
        try {
            Files.write(image, state);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        DiskImage.open(image, kind.format(), OpenOptions.DEFAULT).close();
        if (kind.format() == ImageFormat.VPC) {
            Qemu.imgOk("convert", "-f", "vpc", "-O", "raw", image, image.resolveSibling("raw"));
        } else {
            Qemu.Outcome outcome = Qemu.img("check", "-f", kind.format().label(), image);
            assertThat(outcome.status()).as(outcome.output()).isIn(0, 3);
        }
    }

    @Test
    void blocksThatClaimOnePlaceOrNoneAreFoundAndForgotten() {
        for (Kind kind : KINDS) {
            var file = new RecordingFile();
            kind.create().accept(file, 8L << 20);
            var model = new ModelDisk(8 << 20);
            try (var disk = DiskImage.open(file, kind.format(), OpenOptions.DEFAULT)) {
                // In a static image all blocks are there from the start.
                if (!(disk.driver() instanceof CheckableDriver checkable) || kind.name().equals("vdi static")
                        || !(disk.driver() instanceof VdiDriver || disk.driver() instanceof ParallelsDriver)) {
                    continue;
                }
                model.write(disk, 0, 1 << 20, 1);
                model.write(disk, 1 << 20, 1 << 20, 2);
                disk.flush();
                assertThat(checkable.check().clean()).as(kind.name()).isTrue();
            }
            byte[] bytes = file.contents();
            ByteBuffer table = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            table.putInt(kind.tableAt() + 4, table.getInt(kind.tableAt()));
            table.putInt(kind.tableAt() + 8, 0x00700000);
            var damaged = RecordingFile.of(bytes);
            try (var disk = DiskImage.open(damaged, kind.format(), OpenOptions.DEFAULT.withAsFound(true))) {
                var checkable = (CheckableDriver) disk.driver();
                assertThat(checkable.check().corruptions()).as(kind.name()).isEqualTo(2);
                assertThatThrownBy(() -> model.write(disk, 7 << 20, 512, 3)).as(kind.name()).hasMessageContaining(
                        "repair it first");
                CheckReport report = checkable.repair(true);
                assertThat(report.corruptionsFixed()).as(kind.name()).isEqualTo(2);
                assertThat(checkable.check().corruptions()).as(kind.name()).isZero();
                model.write(disk, 7 << 20, 512, 3);
                assertThat(ModelDisk.read(disk, 0, 4096)).isEqualTo(Arrays.copyOf(model.bytes(), 4096));
            }
            try (var disk = DiskImage.open(RecordingFile.of(damaged.contents()), kind.format(), OpenOptions.DEFAULT)) {
                assertThat(((CheckableDriver) disk.driver()).check().corruptions()).as(kind.name()).isZero();
            }
        }
    }

    @Test
    void aParallelsImageThatNobodyClosedIsSaidToBeUncleanAndCanBeRepaired(@TempDir Path folder) throws Exception {
        Qemu.require();
        var file = new RecordingFile();
        ParallelsFormat.create(file, 4 << 20, 65536);
        var disk = DiskImage.open(file, ImageFormat.PARALLELS, OpenOptions.DEFAULT);
        new ModelDisk(4 << 20).write(disk, 0, 65536, 1);
        disk.flush();
        byte[] crashed = file.contents();
        disk.close();
        // Space behind the last cluster that nothing uses.
        crashed = Arrays.copyOf(crashed, crashed.length + 3 * 65536);
        Path image = Files.write(folder.resolve("image"), crashed);
        assertThat(Qemu.img("check", "-f", "parallels", image).output()).contains("not closed correctly", "1 errors",
                "3 leaked clusters");
        try (var found = DiskImage.open(image, ImageFormat.PARALLELS, OpenOptions.DEFAULT.withAsFound(true))) {
            var driver = (ParallelsDriver) found.driver();
            assertThat(driver.unclean()).isTrue();
            assertThat(driver.check()).extracting(CheckReport::corruptions, CheckReport::leaks).containsExactly(1L, 3L);
            assertThat(driver.repair(true)).extracting(CheckReport::corruptionsFixed, CheckReport::leaksFixed)
                    .containsExactly(1L, 3L);
            assertThat(driver.check().clean()).isTrue();
        }
        Qemu.check("parallels", image);
    }

    @Test
    void aBlockMapEntryPastTheEndIsAnErrorAndNoRead() {
        for (Kind kind : KINDS) {
            var file = new RecordingFile();
            kind.create().accept(file, 4L << 20);
            byte[] bytes = file.contents();
            if (kind.tableAt() < 0) {
                continue;
            }
            ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(kind.tableAt(), 0x7f7f7f7f);
            Assertions.assertTimeout(Duration.ofSeconds(30), () -> assertThatThrownBy(() -> {
                try (var disk = DiskImage.open(RecordingFile.of(bytes), kind.format(), OpenOptions.DEFAULT)) {
                    ModelDisk.read(disk, 0, 512);
                }
            }).as(kind.name()).isInstanceOf(VzException.class));
        }
    }

    @Test
    void aDifferencingVhdThatNamesNoParentIsRefused() {
        var file = new RecordingFile();
        VhdFormat.create(file, 1 << 20, false, Clock.systemUTC());
        byte[] bytes = file.contents();
        ByteBuffer footer = ByteBuffer.wrap(bytes);
        int sum = footer.getInt(64);
        footer.putInt(60, 4);
        footer.putInt(64, sum - 1);
        assertThatThrownBy(() -> DiskImage.open(RecordingFile.of(bytes), ImageFormat.VPC, OpenOptions.DEFAULT))
                .isInstanceOf(FormatException.class).hasMessageContaining("names no parent");
        footer.putInt(64, sum);
        assertThatThrownBy(() -> DiskImage.open(RecordingFile.of(bytes), ImageFormat.VPC, OpenOptions.DEFAULT))
                .isInstanceOf(FormatException.class).hasMessageContaining("checksum");
    }

    @Test
    void anOversizedTableIsRefusedBeforeMemoryIsTaken() {
        var vdi = new RecordingFile();
        VdiFormat.create(vdi, 1 << 20, false);
        byte[] bytes = vdi.contents();
        ByteBuffer header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(384, 0x1fff_ff00);
        header.putInt(344, 0x7fff_fe00);
        assertThatThrownBy(() -> DiskImage.open(RecordingFile.of(bytes), ImageFormat.VDI, OpenOptions.DEFAULT))
                .isInstanceOf(OpenPolicyException.class).hasMessageContaining("budget");
        var parallels = new RecordingFile();
        ParallelsFormat.create(parallels, 1 << 20, 65536);
        byte[] other = parallels.contents();
        ByteBuffer.wrap(other).order(ByteOrder.LITTLE_ENDIAN).putInt(32, 0x1fff_ff00).putInt(48, 0);
        assertThatThrownBy(() -> DiskImage.open(RecordingFile.of(other), ImageFormat.PARALLELS, OpenOptions.DEFAULT))
                .isInstanceOf(OpenPolicyException.class).hasMessageContaining("budget");
    }

    /** Whatever bytes of a header or table are changed: an answer or a typed error, in bounded time. */
    @Property(tries = 150, shrinking = ShrinkingMode.OFF)
    void damagedHeadersEndInTypedErrors(@ForAll @IntRange(min = 0, max = 11) int which,
            @ForAll @IntRange(min = 0, max = 1600) int near, @ForAll @IntRange(min = 0, max = 8) int place,
            @ForAll int value) {
        Kind kind = KINDS.get(which);
        var file = new RecordingFile();
        kind.create().accept(file, 1L << 20);
        byte[] bytes = file.contents();
        // The structures of VHDX are far apart.
        int[] starts = {0, 64 << 10, 128 << 10, 192 << 10, 1 << 20, 2 << 20, (2 << 20) + (64 << 10), 3 << 20, kind
                .tableAt()};
        int at = Math.max(0, kind.format() == ImageFormat.VHDX ? starts[place] + near : near);
        ByteBuffer.wrap(bytes).putInt(Math.min(at, bytes.length - 4), value);
        Assertions.assertTimeout(Duration.ofSeconds(30), () -> {
            try (var disk = DiskImage.open(RecordingFile.of(bytes), kind.format(), OpenOptions.DEFAULT)) {
                if (disk.info().size() >= 100_000 && disk.info().size() <= 64 << 20) {
                    ModelDisk.read(disk, 0, 100_000);
                }
            } catch (VzException typed) {
                assertThat(typed.getMessage()).isNotBlank();
            }
        });
    }

    /** A VHDX image that was not closed has a log, which is repeated at the next opening: whatever it says. */
    @Property(tries = 120, shrinking = ShrinkingMode.OFF)
    void aDamagedLogEndsInATypedErrorOrIsNotRepeated(@ForAll @IntRange(min = 0, max = 12_300) int at, @ForAll int value,
            @ForAll boolean sumIsRight) {
        var file = new RecordingFile();
        VhdxFormat.create(file, 3L << 20, false, 1 << 20, 1 << 20);
        byte[] bytes;
        try (var disk = DiskImage.open(file, ImageFormat.VHDX, OpenOptions.DEFAULT)) {
            new ModelDisk(3 << 20).write(disk, 0, 4096, 1);
            disk.flush();
            bytes = file.contents();
        }
        int log = 1 << 20;
        ByteBuffer entry = ByteBuffer.wrap(bytes, log, 8192).slice().order(ByteOrder.LITTLE_ENDIAN);
        assertThat(entry.getInt(0)).as("the log has an entry").isEqualTo(0x65676f6c);
        ByteBuffer.wrap(bytes).putInt(log + at, value);
        if (sumIsRight && entry.getInt(8) == 8192) {
            entry.putInt(4, 0);
            var sum = new java.util.zip.CRC32C();
            sum.update(entry.duplicate().position(0).limit(8192));
            entry.putInt(4, (int) sum.getValue());
        }
        Assertions.assertTimeout(Duration.ofSeconds(30), () -> {
            try (var disk = DiskImage.open(RecordingFile.of(bytes), ImageFormat.VHDX, OpenOptions.DEFAULT)) {
                ModelDisk.read(disk, 0, 100_000);
            } catch (VzException typed) {
                assertThat(typed.getMessage()).isNotBlank();
            }
        });
    }
}
