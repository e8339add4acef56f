package dev.vz.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.VzException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.luks.LuksHeader;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import dev.vz.storage.testing.RecordingFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** qcow2 images encrypted with LUKS: QEMU opens ours and we open QEMU's, with the passphrase and not without. */
class Qcow2EncryptionTest {

    private static final long SIZE = 3 << 20;
    private static final String SECRET = "secret,id=s,data=hunter2";

    private static byte[] passphrase(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static OpenOptions with(String text) {
        return OpenOptions.DEFAULT.withKeys(image -> passphrase(text));
    }

    private static void create(dev.vz.storage.file.ImageFile file, Qcow2Options options) {
        Qcow2Format.create(file, options, new Qcow2Format.Encryption(passphrase("hunter2"), 1000));
    }

    private static void work(DiskImage disk, ModelDisk model, long seed) {
        var random = new Random(seed);
        for (int i = 0; i < 20; i++) {
            int length = 1 + random.nextInt(100_000);
            long offset = random.nextLong(SIZE - length);
            if (i % 5 == 4) {
                model.zero(disk, offset, length);
            } else {
                model.write(disk, offset, length, random.nextLong());
            }
        }
        model.check(disk);
    }

    private static String options(Path image) {
        return "driver=qcow2,encrypt.key-secret=s,file.filename=" + image;
    }

    @Test
    void qemuReadsWhatIsEncryptedHere(@TempDir Path folder) {
        Qemu.require();
        Path image = folder.resolve("image");
        try (var file = HostFile.create(image)) {
            create(file, Qcow2Options.ofSize(SIZE));
        }
        var model = new ModelDisk(SIZE);
        for (int round = 0; round < 2; round++) {
            try (var disk = DiskImage.open(image, ImageFormat.QCOW2, with("hunter2"))) {
                model.check(disk);
                work(disk, model, round);
            }
        }
        Qemu.imgOk("check", "--object", SECRET, "--image-opts", options(image));
        Qemu.imgOk("compare", "--object", SECRET, "--image-opts", options(image), "driver=raw,file.filename=" + model
                .toFile(folder.resolve("raw")));
    }

    @Test
    void whatQemuEncryptsIsReadAndWrittenHere(@TempDir Path folder) {
        Qemu.require();
        Path image = folder.resolve("image");
        Path raw = folder.resolve("raw");
        var model = new ModelDisk(SIZE);
        model.write(dev.vz.block.MemoryBlockDevice.ofSize(SIZE), 70_000, 500_000, 5);
        model.toFile(raw);
        Qemu.imgOk("convert", "--object", SECRET, "-f", "raw", "-O", "qcow2", "-o",
                "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=200,cluster_size=4k", raw, image);
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, with("hunter2"))) {
            model.check(disk);
            work(disk, model, 9);
        }
        Qemu.imgOk("check", "--object", SECRET, "--image-opts", options(image));
        Qemu.imgOk("compare", "--object", SECRET, "--image-opts", options(image), "driver=raw,file.filename=" + model
                .toFile(raw));
    }

    @Test
    void withoutTheRightPassphraseNothingIsReadAndTheFileDoesNotHoldTheData() {
        var file = new RecordingFile();
        create(file, Qcow2Options.ofSize(SIZE));
        try (var disk = DiskImage.open(RecordingFile.of(file.contents()), ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            assertThat(((Qcow2Driver) disk.driver()).check().clean()).isTrue();
            assertThatThrownBy(() -> disk.write(0, java.lang.foreign.MemorySegment.ofArray(new byte[512])))
                    .hasRootCauseInstanceOf(ConfigurationException.class).hasMessageContaining("passphrase");
        }
        try (var disk = DiskImage.open(RecordingFile.of(file.contents()), ImageFormat.QCOW2, with("hunter3"))) {
            assertThatThrownBy(() -> ((Qcow2Driver) disk.driver()).unlock()).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("Invalid password");
        }
        byte[] secret = "a secret that must not be seen!!".repeat(64).getBytes(StandardCharsets.US_ASCII);
        try (var disk = DiskImage.open(file, ImageFormat.QCOW2, with("hunter2"))) {
            disk.write(4096, java.lang.foreign.MemorySegment.ofArray(secret));
            assertThat(ModelDisk.read(disk, 4096, secret.length)).isEqualTo(secret);
        }
        assertThat(new String(file.contents(), StandardCharsets.ISO_8859_1)).doesNotContain("must not be seen");
    }

    @Property(tries = 100, shrinking = ShrinkingMode.OFF)
    void aDamagedHeaderEndsInATypedError(@ForAll @IntRange(min = 0, max = LuksHeader.LENGTH - 4) int at,
            @ForAll @IntRange(min = 0, max = 1 << 12) int value) {
        var file = new RecordingFile();
        create(file, Qcow2Options.ofSize(1 << 20));
        byte[] bytes = file.contents();
        int header = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("LUKS\u00ba\u00be");
        ByteBuffer.wrap(bytes).putInt(header + at, value);
        try (var disk = DiskImage.open(RecordingFile.of(bytes), ImageFormat.QCOW2, with("hunter2"))) {
            ((Qcow2Driver) disk.driver()).unlock();
        } catch (VzException typed) {
            assertThat(typed.getMessage()).isNotBlank();
        }
    }
}
