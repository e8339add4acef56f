package dev.vz.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The state of a machine lies in its disk's image, behind the disk. */
class Qcow2StateTest {

    private static final int SIZE = 1 << 20;

    @TempDir
    private Path folder;
    private final ModelDisk model = new ModelDisk(SIZE);

    @Test
    void qemuReadsTheStateAndTheDiskDoesNotShowIt() {
        Qemu.require();
        Path image = imageWithState();
        Qemu.check("qcow2", image);
        Qemu.io("qcow2", image, List.of("read -b -P 7 5000000000 5120"));
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            model.check(disk);
            MemorySegment state = Arena.ofAuto().allocate(6000);
            disk.readState(4_999_999_500L, state);
            assertThat(state.get(ValueLayout.JAVA_BYTE, 499)).isZero();
            assertThat(state.get(ValueLayout.JAVA_BYTE, 500)).isEqualTo((byte) 7);
            assertThat(state.get(ValueLayout.JAVA_BYTE, 5619)).isEqualTo((byte) 7);
            assertThat(state.get(ValueLayout.JAVA_BYTE, 5620)).isZero();
        }
    }

    @Test
    void aLargerDiskDoesNotShowWhatLayBehindIt() {
        Qemu.require();
        Path image = imageWithState();
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            disk.resize(8L << 30);
            assertThat(disk.map(SIZE, (8L << 30) - SIZE).zero()).isTrue();
            MemorySegment then = Arena.ofAuto().allocate(512).fill((byte) 1);
            disk.read((512L << 20) + 5_000_000_000L, then);
            assertThat(then.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
        }
        Qemu.check("qcow2", image);
    }

    @Test
    void nothingBeforeItIsWritten() {
        Path image = imageWithState();
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            MemorySegment state = Arena.ofAuto().allocate(512);
            assertThatThrownBy(() -> disk.writeState(-512, state)).isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> disk.readState(-512, state)).isInstanceOf(ConfigurationException.class);
            model.check(disk);
        }
    }

    @Test
    void aRawImageHasNoRoomForIt() throws Exception {
        Path image = Files.write(folder.resolve("disk.raw"), new byte[SIZE]);
        try (var disk = DiskImage.open(image, ImageFormat.RAW, OpenOptions.DEFAULT)) {
            MemorySegment state = Arena.ofAuto().allocate(512);
            assertThatThrownBy(() -> disk.writeState(0, state)).isInstanceOf(CapabilityException.class)
                    .hasMessageContaining("qcow2");
        }
    }

    private Path imageWithState() {
        Path image = folder.resolve("image.qcow2");
        try (var file = HostFile.create(image)) {
            Qcow2Format.create(file, Qcow2Options.ofSize(SIZE));
        }
        try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
            model.write(disk, 0, SIZE, 1);
            disk.writeState(5_000_000_000L, Arena.ofAuto().allocate(5120).fill((byte) 7));
        }
        return image;
    }
}
