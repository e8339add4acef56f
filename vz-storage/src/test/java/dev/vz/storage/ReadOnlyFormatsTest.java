package dev.vz.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.VzException;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import dev.vz.storage.testing.RecordingFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.zip.Deflater;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** DMG, cloop and Bochs: images put together here by their layouts read the same in QEMU and here. */
class ReadOnlyFormatsTest {

    record Sample(ImageFormat format, byte[] image, byte[] disk) {
        @Override
        public String toString() {
            return format.label();
        }
    }

    static List<Sample> samples() {
        return List.of(cloop(), bochs(), dmg(0x80000006));
    }

    /** Without bzip2 in the DMG: for QEMU that is a module, which Debian does not ship. */
    static List<Sample> samplesForQemu() {
        return List.of(cloop(), bochs(), dmg(0x80000005));
    }

    private static byte[] deflated(byte[] data) {
        var deflater = new Deflater();
        deflater.setInput(data);
        deflater.finish();
        byte[] packed = new byte[data.length + 1024];
        int length = deflater.deflate(packed);
        deflater.end();
        return Arrays.copyOf(packed, length);
    }

    private static byte[] content(int length) {
        byte[] disk = new byte[length];
        for (int at = 0; at < length; at += 8192) {
            byte[] part = at % 24576 == 0 ? new byte[8192] : ModelDisk.pattern(at, 8192);
            System.arraycopy(part, 0, disk, at, Math.min(8192, length - at));
        }
        return disk;
    }

    private static Sample cloop() {
        int block = 16384;
        byte[] disk = content(block * 5);
        var data = new ByteArrayOutputStream();
        ByteBuffer head = ByteBuffer.allocate(136 + 6 * 8);
        head.put(dev.vz.storage.cloop.CloopDriver.START.getBytes(StandardCharsets.US_ASCII));
        head.putInt(128, block).putInt(132, 5);
        for (int i = 0; i < 6; i++) {
            head.putLong(136 + i * 8, head.capacity() + data.size());
            if (i < 5) {
                data.writeBytes(deflated(Arrays.copyOfRange(disk, i * block, (i + 1) * block)));
            }
        }
        return new Sample(ImageFormat.CLOOP, joined(head.array(), data.toByteArray()), disk);
    }

    private static Sample bochs() {
        int extent = 8192;
        byte[] disk = content(extent * 9);
        ByteBuffer head = ByteBuffer.allocate(512 + 9 * 4).order(ByteOrder.LITTLE_ENDIAN);
        head.put("Bochs Virtual HD Image".getBytes(StandardCharsets.US_ASCII));
        head.put(32, "Redolog".getBytes(StandardCharsets.US_ASCII));
        head.put(48, "Growing".getBytes(StandardCharsets.US_ASCII));
        head.putInt(64, 0x00020000).putInt(68, 512).putInt(72, 9).putInt(76, 2).putInt(80, extent).putLong(88,
                disk.length);
        var data = new ByteArrayOutputStream();
        int stored = 0;
        for (int i = 0; i < 9; i++) {
            byte[] part = Arrays.copyOfRange(disk, i * extent, (i + 1) * extent);
            if (Arrays.equals(part, new byte[extent])) {
                head.putInt(512 + i * 4, -1);
                continue;
            }
            head.putInt(512 + i * 4, stored++);
            byte[] bitmap = new byte[512];
            // Some sectors were never written, and what is in their place does not count.
            bitmap[0] = (byte) 0xfb;
            bitmap[1] = (byte) 0x7f;
            Arrays.fill(disk, i * extent + 2 * 512, i * extent + 3 * 512, (byte) 0);
            Arrays.fill(disk, i * extent + 15 * 512, i * extent + 16 * 512, (byte) 0);
            data.writeBytes(bitmap);
            data.writeBytes(part);
        }
        return new Sample(ImageFormat.BOCHS, joined(head.array(), data.toByteArray()), disk);
    }

    private static Sample dmg(int fourthType) {
        byte[] disk = content(5 * 8192);
        Arrays.fill(disk, 0, 8192, (byte) 0);
        int[] types = {0, 1, 0x80000005, fourthType, 0x80000005};
        var data = new ByteArrayOutputStream();
        ByteBuffer table = ByteBuffer.allocate(204 + 6 * 40);
        table.putInt(0, 0x6d697368).putInt(4, 1).putLong(16, disk.length / 512).putInt(200, 6);
        for (int i = 0; i < 5; i++) {
            byte[] part = Arrays.copyOfRange(disk, i * 8192, (i + 1) * 8192);
            byte[] stored = switch (types[i]) {
                case 0 -> new byte[0];
                case 1 -> part;
                case 0x80000006 -> bzip2(part);
                default -> deflated(part);
            };
            table.putInt(204 + i * 40, types[i]).putLong(212 + i * 40, i * 16L).putLong(220 + i * 40, 16).putLong(228
                    + i * 40, data.size()).putLong(236 + i * 40, stored.length);
            data.writeBytes(stored);
        }
        table.putInt(204 + 5 * 40, -1).putLong(212 + 5 * 40, 80);
        byte[] list = ("<?xml version=\"1.0\"?><plist><dict><key>resource-fork</key><dict><key>blkx</key><array><dict>"
                + "<key>Data</key><data>" + Base64.getMimeEncoder().encodeToString(table.array())
                + "</data></dict></array></dict></dict></plist>").getBytes(StandardCharsets.UTF_8);
        ByteBuffer trailer = ByteBuffer.allocate(512);
        trailer.put("koly".getBytes(StandardCharsets.US_ASCII)).putInt(4, 4).putInt(8, 512).putLong(32, data.size())
                .putLong(216, data.size()).putLong(224, list.length).putLong(492, disk.length / 512);
        return new Sample(ImageFormat.DMG, joined(joined(data.toByteArray(), list), trailer.array()), disk);
    }

    private static byte[] bzip2(byte[] data) {
        var bytes = new ByteArrayOutputStream();
        try (var out = new BZip2CompressorOutputStream(bytes)) {
            out.write(data);
        } catch (IOException impossible) {
            throw new AssertionError(impossible);
        }
        return bytes.toByteArray();
    }

    private static byte[] joined(byte[] a, byte[] b) {
        byte[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    @ParameterizedTest
    @MethodSource("samples")
    void aDiskReadsAsItWasPutTogether(Sample sample) {
        try (var disk = DiskImage.open(RecordingFile.of(sample.image()), sample.format(), OpenOptions.DEFAULT)) {
            assertThat(ModelDisk.read(disk, 0, sample.disk().length)).isEqualTo(sample.disk());
            assertThat(ModelDisk.read(disk, 8190, 9000)).isEqualTo(Arrays.copyOfRange(sample.disk(), 8190, 17190));
            assertThatThrownBy(() -> disk.write(0, java.lang.foreign.MemorySegment.ofArray(new byte[512])))
                    .hasMessageContaining("READ_ONLY");
        }
    }

    @ParameterizedTest
    @MethodSource("samplesForQemu")
    void itReadsTheSameInQemu(Sample sample, @TempDir Path folder) throws Exception {
        Qemu.require();
        Path image = Files.write(folder.resolve("image"), sample.image());
        Path raw = Files.write(folder.resolve("raw"), sample.disk());
        Qemu.compare(sample.format().label(), image, "raw", raw);
    }

    @Property(tries = 300, shrinking = ShrinkingMode.OFF)
    void damageEndsInTypedErrors(@ForAll @IntRange(min = 0, max = 2) int which,
            @ForAll @IntRange(min = 0, max = 700) int near, @ForAll boolean fromEnd, @ForAll int value) {
        Sample sample = samples().get(which);
        byte[] image = sample.image().clone();
        int at = fromEnd ? image.length - 4 - near : near;
        ByteBuffer.wrap(image).putInt(Math.clamp(at, 0, image.length - 4), value);
        Assertions.assertTimeout(Duration.ofSeconds(30), () -> {
            try (var disk = DiskImage.open(RecordingFile.of(image), sample.format(), OpenOptions.DEFAULT)) {
                long length = Math.min(disk.info().size(), 40_000);
                assertThat(ModelDisk.read(disk, 0, length)).hasSize((int) length);
            } catch (VzException typed) {
                assertThat(typed.getMessage()).isNotBlank();
            }
        });
    }
}
