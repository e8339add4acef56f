package dev.vz.linux.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.memory.MemoryFile;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BlockGeometryTest {

    @Test
    void agreesWithSysfsAndReachesTheDevice(@TempDir Path folder) throws Exception {
        Peers.root();
        Path losetup = Peers.program("losetup", "mount");
        byte[] ones = new byte[4 << 20];
        Arrays.fill(ones, (byte) 1);
        Path image = Files.write(folder.resolve("disk.img"), ones);
        Optional<Path> attached = attach(losetup, image);
        Peers.require(attached.isPresent(), "this host gives out no loop device");
        Path device = attached.orElseThrow();
        try (var file = FileDescriptor.open(device, OpenFlag.READ_WRITE)) {
            var geometry = BlockGeometry.of(file);
            assertThat(FileStatus.of(file).kind()).isEqualTo(FileStatus.Kind.BLOCK_DEVICE);
            assertThat(geometry.size()).isEqualTo(4 << 20);
            Path queue = Path.of("/sys/class/block", device.getFileName().toString(), "queue");
            assertThat(geometry.logicalBlockSize()).isEqualTo(number(queue.resolve("logical_block_size")));
            assertThat(geometry.physicalBlockSize()).isEqualTo(number(queue.resolve("physical_block_size")));
            assertThat(geometry.minimumIoSize()).isEqualTo(number(queue.resolve("minimum_io_size")));
            assertThat(geometry.optimalIoSize()).isEqualTo(number(queue.resolve("optimal_io_size")));

            BlockGeometry.writeZeroes(file, 4096, 8192);
            BlockGeometry.discard(file, 1 << 20, 1 << 20);
            FileSpace.sync(file);
            byte[] found = Files.readAllBytes(image);
            assertThat(found[4095]).isEqualTo((byte) 1);
            assertThat(found[4096]).isZero();
            assertThat(found[4096 + 8191]).isZero();
            assertThat(found[4096 + 8192]).isEqualTo((byte) 1);
            assertThatThrownBy(() -> BlockGeometry.writeZeroes(file, 0, 100)).isInstanceOf(HostException.class)
                    .hasMessageContaining("BLKZEROOUT").hasMessageContaining("EINVAL");
        } finally {
            run(losetup.toString(), "-d", device.toString());
        }
    }

    @Test
    void anOrdinaryFileHasNone() {
        try (var file = MemoryFile.create("no-device", 4096)) {
            for (Runnable request : new Runnable[] {() -> BlockGeometry.of(file.descriptor()),
                () -> BlockGeometry.discard(file.descriptor(), 0, 4096),
                () -> BlockGeometry.writeZeroes(file.descriptor(), 0, 4096)}) {
                assertThatThrownBy(request::run).isInstanceOfSatisfying(HostException.class,
                        failure -> assertThat(failure.errno()).isEqualTo(Errno.ENOTTY)).hasMessageContaining("BLK");
            }
        }
    }

    private static Optional<Path> attach(Path losetup, Path image) throws Exception {
        String output = run(losetup.toString(), "-f", "--show", image.toString());
        return output.startsWith("/dev/") ? Optional.of(Path.of(output)) : Optional.empty();
    }

    private static String run(String... command) throws Exception {
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return output;
    }

    private static int number(Path file) throws IOException {
        return Integer.parseInt(Files.readString(file).strip());
    }
}
