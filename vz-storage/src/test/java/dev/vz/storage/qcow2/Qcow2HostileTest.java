package dev.vz.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockResult;
import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.OpenPolicyException;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.RecordingFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that were made to harm. */
class Qcow2HostileTest {

    private static final int SIZE = 1 << 20;
    private static final int CLUSTER = 65536;

    private static byte[] image(Qcow2Options options, boolean withData) {
        var file = new RecordingFile();
        Qcow2Format.create(file, options);
        if (withData) {
            try (var disk = DiskImage.open(file, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
                new ModelDisk(options.size()).write(disk, 0, 200_000, 1);
                disk.writeCompressed(4 * CLUSTER, MemorySegment.ofArray(ModelDisk.pattern(3, CLUSTER)));
            }
        }
        return file.contents();
    }

    private static byte[] image() {
        return image(Qcow2Options.ofSize(SIZE), true);
    }

    private static DiskImage open(byte[] bytes) {
        return DiskImage.open(RecordingFile.of(bytes), ImageFormat.QCOW2, OpenOptions.DEFAULT);
    }

    private static ByteBuffer header(byte[] bytes) {
        return ByteBuffer.wrap(bytes);
    }

    private static int l2Table(byte[] bytes) {
        int l1 = (int) header(bytes).getLong(40);
        return (int) (header(bytes).getLong(l1) & Geometry.OFFSET_MASK);
    }

    @Test
    void aRawDiskWhoseFirstBytesTheGuestWroteStaysRaw(@TempDir Path folder) throws IOException {
        Path secret = Files.writeString(folder.resolve("secret"), "x".repeat(4096));
        Path raw = Files.write(folder.resolve("disk.raw"),
                image(Qcow2Options.ofSize(SIZE).withBacking(secret.toString(),
                        "raw"), false));
        byte[] before = Files.readAllBytes(raw);
        try (var disk = DiskImage.open(raw, ImageFormat.RAW, OpenOptions.DEFAULT)) {
            assertThat(ModelDisk.read(disk, 0, before.length)).isEqualTo(before);
            assertThat(disk.backing()).isEmpty();
        }
    }

    @Test
    void aBackingFileIsNotOpenedWithoutAGate() {
        byte[] bytes = image(Qcow2Options.ofSize(SIZE).withBacking("/etc/passwd", "raw"), false);
        assertThatThrownBy(() -> open(bytes)).isInstanceOf(OpenPolicyException.class).hasMessageContaining(
                "/etc/passwd");
    }

    @Test
    void aGateOnAFolderLetsNoNameOutOfIt(@TempDir Path folder) throws IOException {
        Path inside = Files.createDirectory(folder.resolve("inside"));
        Files.write(folder.resolve("outside.raw"), new byte[512]);
        Files.createSymbolicLink(inside.resolve("link.raw"), folder.resolve("outside.raw"));
        OpenOptions options = OpenOptions.DEFAULT.withGate(FileGate.within(inside));
        for (String name : new String[] {"../outside.raw", folder.resolve("outside.raw").toString(), "link.raw",
            "file:../outside.raw"}) {
            Path image = Files.write(inside.resolve("image.qcow2"), image(Qcow2Options.ofSize(SIZE).withBacking(name,
                    "raw"), false));
            assertThatThrownBy(() -> DiskImage.open(image, ImageFormat.QCOW2, options)).as(name).isInstanceOf(
                    OpenPolicyException.class).hasMessageContaining("not within");
        }
    }

    @Test
    void aDataFileIsNotOpenedWithoutAGate() {
        byte[] bytes = image(Qcow2Options.ofSize(SIZE).withDataFile("/etc/shadow", false), false);
        assertThatThrownBy(() -> open(bytes)).isInstanceOf(OpenPolicyException.class).hasMessageContaining(
                "/etc/shadow");
    }

    @Test
    void aBackingFileWithoutAStatedFormatIsNotGuessed(@TempDir Path folder) throws IOException {
        Files.write(folder.resolve("base.img"), new byte[512]);
        byte[] bytes = image(Qcow2Options.ofSize(SIZE).withBacking("base.img", "raw"), false);
        // The first extension states the format; an unknown type in its place leaves none.
        header(bytes).putInt(Qcow2Header.KNOWN_LENGTH, 0x12345678);
        Path image = Files.write(folder.resolve("image.qcow2"), bytes);
        assertThatThrownBy(() -> DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT.withGate(FileGate.within(
                folder)))).isInstanceOf(OpenPolicyException.class).hasMessageContaining("format is not stated");
    }

    @Test
    void aChainThatLeadsBackToItselfIsRefused(@TempDir Path folder) {
        Path a = folder.resolve("a.qcow2");
        Path b = folder.resolve("b.qcow2");
        for (Path[] pair : new Path[][] {{a, b}, {b, a}}) {
            try (var file = HostFile.create(pair[0])) {
                Qcow2Format.create(file, Qcow2Options.ofSize(SIZE).withBacking(pair[1].getFileName().toString(),
                        "qcow2"));
            }
        }
        assertThatThrownBy(() -> DiskImage.open(a, ImageFormat.QCOW2, OpenOptions.DEFAULT.withGate(FileGate.within(
                folder)))).isInstanceOf(OpenPolicyException.class).hasMessageContaining("leads back to itself");
    }

    @Test
    void aChainDeeperThanTheBudgetIsRefused(@TempDir Path folder) {
        for (int i = 0; i < 6; i++) {
            try (var file = HostFile.create(folder.resolve(i + ".qcow2"))) {
                Qcow2Options options = Qcow2Options.ofSize(SIZE);
                Qcow2Format.create(file, i == 0 ? options : options.withBacking(i - 1 + ".qcow2", "qcow2"));
            }
        }
        OpenOptions options = OpenOptions.DEFAULT.withGate(FileGate.within(folder));
        DiskImage.open(folder.resolve("4.qcow2"), ImageFormat.QCOW2, options.withBudget(new Budget(5, 1 << 20, 1
                << 20))).close();
        assertThatThrownBy(() -> DiskImage.open(folder.resolve("5.qcow2"), ImageFormat.QCOW2, options.withBudget(
                new Budget(5, 1 << 20, 1 << 20)))).isInstanceOf(OpenPolicyException.class).hasMessageContaining(
                        "longer than 5");
    }

    @Test
    void oversizedTablesAreRefusedBeforeMemoryIsTaken() {
        for (int l1Size : new int[] {Integer.MAX_VALUE, -1, (32 << 20) / 8 + 1}) {
            byte[] bytes = image();
            header(bytes).putInt(36, l1Size);
            assertThatThrownBy(() -> open(bytes)).isInstanceOf(OpenPolicyException.class).hasMessageContaining("L1");
        }
        for (int clusters : new int[] {Integer.MAX_VALUE, -1, 513}) {
            byte[] bytes = image();
            header(bytes).putInt(56, clusters);
            assertThatThrownBy(() -> open(bytes)).isInstanceOf(OpenPolicyException.class).hasMessageContaining(
                    "refcount table");
        }
        byte[] snapshots = image();
        header(snapshots).putInt(60, 65537);
        assertThatThrownBy(() -> open(snapshots)).isInstanceOf(FormatException.class).hasMessageContaining(
                "nb_snapshots");
    }

    @Test
    void offsetsThatOverflowOrAreNotAlignedAreRefused() {
        for (int field : new int[] {40, 48}) {
            for (long offset : new long[] {-CLUSTER, Long.MAX_VALUE & -CLUSTER, 1L << 56, 3 * CLUSTER + 512, 0}) {
                byte[] bytes = image();
                header(bytes).putLong(field, offset);
                assertThatThrownBy(() -> open(bytes)).as("%d: %x", field, offset).isInstanceOf(FormatException.class);
            }
        }
    }

    @Test
    void aTinyImageOfAHugeDiskIsRefusedOrCostsLittle() {
        byte[] bytes = image(Qcow2Options.ofSize(0), false);
        header(bytes).putLong(24, Long.MAX_VALUE & -512);
        assertThatThrownBy(() -> open(bytes)).isInstanceOf(FormatException.class).hasMessageContaining("L1 entries");
        // As large as the tables' budget allows: 32 MiB of L1 entries for 2 PiB, none of them in the file.
        header(bytes).putInt(36, (32 << 20) / 8);
        header(bytes).putLong(24, (32L << 20) / 8 << 29);
        Assertions.assertTimeout(Duration.ofSeconds(30), () -> {
            try (var disk = open(bytes)) {
                assertThat(disk.status(0, disk.info().size()).zero()).isTrue();
                assertThat(ModelDisk.read(disk, disk.info().size() - 512, 512)).containsOnly(0);
            }
        });
    }

    @Test
    void unknownIncompatibleFeaturesAreNamed() {
        byte[] bytes = image();
        header(bytes).putLong(72, 1L << 17 | 1L << 63);
        assertThatThrownBy(() -> open(bytes)).isInstanceOf(CapabilityException.class).hasMessageContaining("bit 17")
                .hasMessageContaining("bit 63");
    }

    @Test
    void anUnknownExtensionAndUnknownCompatibleBitsSurviveAWrite() {
        byte[] bytes = image();
        header(bytes).putInt(Qcow2Header.KNOWN_LENGTH, 0x12345678);
        header(bytes).putLong(80, 1L << 40);
        header(bytes).putLong(88, 1L << 41);
        var file = RecordingFile.of(bytes);
        try (var disk = DiskImage.open(file, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            disk.resize(2 * SIZE);
        }
        ByteBuffer after = header(file.contents());
        assertThat(after.getInt(Qcow2Header.KNOWN_LENGTH)).isEqualTo(0x12345678);
        assertThat(after.getLong(80)).isEqualTo(1L << 40);
        assertThat(after.getLong(88)).as("autoclear bits of features that the writer does not know").isZero();
    }

    @Test
    void aCompressedClusterThatUnpacksToNothingOrToTooMuchIsDamaged() {
        byte[] bytes = image();
        int entry = l2Table(bytes) + 4 * 8;
        Geometry geometry = new Geometry(16, false, 13, 4);
        int data = (int) geometry.compressedOffset(header(bytes).getLong(entry));
        java.util.Arrays.fill(bytes, data, data + 16, (byte) 0xff);
        try (var disk = open(bytes)) {
            assertThatThrownBy(() -> ModelDisk.read(disk, 4 * CLUSTER, 512)).isInstanceOfSatisfying(
                    BlockDevice.BlockException.class, failure -> assertThat(failure.result()).isEqualTo(
                            BlockResult.CORRUPT));
        }
    }

    @Test
    void aCompressedBombCostsNoMoreThanItsCluster() {
        // Raw deflate of 1 GiB of zeros is about 1 MiB, far longer than a descriptor can name; what it names unpacks to
        // more than a cluster, of which exactly one cluster is taken.
        byte[] bytes = image();
        var deflater = new java.util.zip.Deflater(9, true);
        byte[] packed = new byte[512];
        deflater.setInput(new byte[16 << 20]);
        deflater.finish();
        deflater.deflate(packed);
        deflater.end();
        int entry = l2Table(bytes) + 4 * 8;
        int data = (int) new Geometry(16, false, 13, 4).compressedOffset(header(bytes).getLong(entry));
        System.arraycopy(packed, 0, bytes, data, Math.min(128, bytes.length - data));
        try (var disk = open(bytes)) {
            Assertions.assertTimeout(Duration.ofSeconds(30),
                    () -> assertThat(ModelDisk.read(disk, 4 * CLUSTER, CLUSTER))
                            .containsOnly(0));
        }
    }

    @Test
    void aClusterAtOffsetZeroIsNoData() {
        byte[] bytes = image();
        header(bytes).putLong(l2Table(bytes), Geometry.COPIED);
        try (var disk = open(bytes)) {
            assertThat(ModelDisk.read(disk, 0, 512)).containsOnly(0);
            new ModelDisk(SIZE).write(disk, 0, 512, 1);
        }
    }

    @Test
    void dataOnTopOfMetadataIsNeverWritten() {
        for (int victim : new int[] {0, 1, 2, 3}) {
            byte[] bytes = image();
            header(bytes).putLong(l2Table(bytes), (long) victim * CLUSTER + (victim == 0 ? CLUSTER : 0)
                    | Geometry.COPIED);
            var file = RecordingFile.of(bytes);
            try (var disk = DiskImage.open(file, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
                for (int attempt = 0; attempt < 2; attempt++) {
                    assertThatThrownBy(() -> new ModelDisk(SIZE).write(disk, 0, 512, 1)).isInstanceOfSatisfying(
                            BlockDevice.BlockException.class, failure -> assertThat(failure.result()).isEqualTo(
                                    BlockResult.CORRUPT));
                }
            }
            byte[] after = file.contents();
            assertThat(header(after).getLong(72) & Feature.CORRUPT).as("the image says that it is damaged").isNotZero();
            assertThatThrownBy(() -> open(after)).isInstanceOf(CorruptImageException.class);
        }
    }

    @Test
    void metadataThatNobodyCountsIsNotTakenForFreeSpace() {
        byte[] bytes = image();
        int block = (int) header(bytes).getLong((int) header(bytes).getLong(48));
        int l2Cluster = l2Table(bytes) / CLUSTER;
        header(bytes).putShort(block + l2Cluster * 2, (short) 0);
        var file = RecordingFile.of(bytes);
        try (var disk = DiskImage.open(file, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            assertThatThrownBy(() -> new ModelDisk(SIZE).write(disk, SIZE - CLUSTER, 512, 1)).isInstanceOf(
                    BlockDevice.BlockException.class);
        }
    }

    @Test
    void aDirtyImageIsRepairedBeforeItIsWrittenAndSaysSoOnlyAfterwards() {
        byte[] bytes = image();
        int block = (int) header(bytes).getLong((int) header(bytes).getLong(48));
        int l2Cluster = l2Table(bytes) / CLUSTER;
        header(bytes).putShort(block + l2Cluster * 2, (short) 0);
        header(bytes).putLong(72, Feature.DIRTY);
        var file = RecordingFile.of(bytes);
        file.record();
        try (var disk = DiskImage.open(file, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            assertThat(((Qcow2Driver) disk.driver()).check().messages()).isEmpty();
        }
        assertThat(header(file.contents()).getLong(72)).isZero();
        dev.vz.storage.testing.CrashExplorer.explore(file, 4, 1, (state, mark, next) -> {
            if (header(state).getLong(72) == 0) {
                try (var disk = DiskImage.open(RecordingFile.of(state), ImageFormat.QCOW2, OpenOptions.DEFAULT
                        .withReadOnly(true))) {
                    assertThat(((Qcow2Driver) disk.driver()).check().corruptions()).isZero();
                }
            }
        });
    }

    @Test
    void aFreedClusterIsNotPunchedAfterSomebodyElseTookIt() {
        var file = new RecordingFile();
        Qcow2Format.create(file, Qcow2Options.ofSize(SIZE).withClusterSize(512));
        var model = new ModelDisk(SIZE);
        try (var disk = DiskImage.open(file, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            for (int round = 0; round < 50; round++) {
                model.write(disk, round % 5 * 4096, 4096, round * 3 + 1);
                model.zero(disk, round % 5 * 4096 + 512, 2048);
                model.write(disk, (round + 2) % 5 * 4096, 1024, round * 3 + 2);
                if (round % 3 == 0) {
                    disk.flush();
                }
                model.check(disk);
            }
        }
    }

    /** Whatever bytes of an image are changed: an answer or a typed error, in bounded time. */
    @Property(tries = 400, shrinking = ShrinkingMode.OFF)
    void damagedMetadataEndsInTypedErrors(@ForAll @IntRange(min = 0, max = 4) int region,
            @ForAll @IntRange(min = 0, max = 511) int at, @ForAll long value, @ForAll boolean extended) {
        byte[] bytes = image(Qcow2Options.ofSize(SIZE).withExtendedL2(extended), true);
        int[] starts = {0, 0, (int) header(bytes).getLong(40), l2Table(bytes), (int) header(bytes).getLong((int) header(
                bytes).getLong(48))};
        int position = starts[region] + (region < 2 ? at % 120 : at % 64 * 8);
        header(bytes).putLong(position, value);
        Assertions.assertTimeout(Duration.ofSeconds(30), () -> {
            try (var disk = open(bytes)) {
                if (disk.info().size() >= SIZE) {
                    ModelDisk.read(disk, 0, SIZE);
                    new ModelDisk(SIZE).write(disk, 65536, 100_000, 5);
                    disk.flush();
                }
                ((Qcow2Driver) disk.driver()).check();
            } catch (VzException typed) {
                assertThat(typed.getMessage()).isNotBlank();
            }
        });
    }
}
