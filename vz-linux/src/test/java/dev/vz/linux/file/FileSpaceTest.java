package dev.vz.linux.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.memory.MemoryFile;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileSpaceTest {

    private static final long BLOCK = 65536;

    @Test
    void findsDataAndHoles() {
        try (var file = MemoryFile.create("map", 4 * BLOCK); var arena = Arena.ofConfined()) {
            var descriptor = file.descriptor();
            assertThat(FileSpace.nextData(descriptor, 0)).isEqualTo(-1);
            assertThat(FileSpace.nextHole(descriptor, 0)).isZero();
            FileIo.pwriteFully(descriptor, 2 * BLOCK, arena.allocate(BLOCK));
            assertThat(FileSpace.nextData(descriptor, 0)).isEqualTo(2 * BLOCK);
            assertThat(FileSpace.nextHole(descriptor, 2 * BLOCK)).isEqualTo(3 * BLOCK);
            FileSpace.punchHole(descriptor, 2 * BLOCK, BLOCK);
            assertThat(FileSpace.nextData(descriptor, 0)).isEqualTo(-1);
            assertThat(FileSpace.nextHole(descriptor, 5 * BLOCK)).isEqualTo(-1);
        }
    }

    @Test
    void growsShrinksZeroesAndAllocates(@TempDir Path folder) {
        try (var file = FileDescriptor.open(folder.resolve("file"), 0600, OpenFlag.READ_WRITE, OpenFlag.CREATE);
                var arena = Arena.ofConfined()) {
            FileSpace.resize(file, 4 * BLOCK);
            assertThat(FileStatus.of(file).allocatedBytes()).isZero();
            FileSpace.allocate(file, 0, BLOCK);
            // A file system in many pieces takes a block more to say where they are.
            assertThat(FileStatus.of(file).allocatedBytes()).isBetween((long) BLOCK, BLOCK + 8192L);
            var ones = arena.allocate(BLOCK).fill((byte) 1);
            FileIo.pwriteFully(file, 0, ones);
            FileSpace.zeroRange(file, 0, BLOCK);
            FileIo.preadFully(file, 0, ones);
            assertThat(ones.mismatch(arena.allocate(BLOCK))).isEqualTo(-1);
            FileSpace.writeBack(file, 0, BLOCK, true);
            FileSpace.syncData(file);
            FileSpace.sync(file);
            FileSpace.resize(file, 100);
            assertThat(FileStatus.of(file).size()).isEqualTo(100);
        }
    }

    @Test
    void takesStorageWithoutChangingTheSize(@TempDir Path folder) {
        try (var file = FileDescriptor.open(folder.resolve("file"), 0600, OpenFlag.READ_WRITE, OpenFlag.CREATE)) {
            FileSpace.resize(file, 100);
            FileSpace.reserve(file, BLOCK, BLOCK);
            assertThat(FileStatus.of(file).size()).isEqualTo(100);
            assertThat(FileStatus.of(file).allocatedBytes()).isGreaterThanOrEqualTo(BLOCK);
        }
    }

    @Test
    void refusalsNameTheOperationAndTheFile() {
        try (var event = EventFd.nonBlocking();
                var file = MemoryFile.create("bad", 0);
                var place = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.PATH)) {
            assertThatThrownBy(() -> FileSpace.resize(event.descriptor(), 5)).isInstanceOf(HostException.class)
                    .hasMessageContaining("ftruncate to 5 bytes").hasMessageContaining("eventfd");
            assertThatThrownBy(() -> FileSpace.allocate(file.descriptor(), 0, -1)).isInstanceOf(HostException.class)
                    .hasMessageContaining("EINVAL");
            assertThatThrownBy(() -> FileSpace.nextData(place, 0)).hasMessageContaining("SEEK_DATA");
            assertThatThrownBy(() -> FileSpace.resize(file.descriptor(), -1))
                    .isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    void statusTellsKindsApart(@TempDir Path folder) throws Exception {
        Path path = Files.write(folder.resolve("regular"), new byte[5000]);
        try (var regular = FileDescriptor.open(path, OpenFlag.READ);
                var directory = FileDescriptor.open(folder, OpenFlag.READ, OpenFlag.DIRECTORY);
                var character = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ);
                var event = EventFd.nonBlocking()) {
            var status = FileStatus.of(regular);
            assertThat(status.kind()).isEqualTo(FileStatus.Kind.REGULAR);
            assertThat(status.size()).isEqualTo(5000);
            assertThat(status.allocatedBytes()).isGreaterThanOrEqualTo(4096);
            assertThat(status.inode()).isEqualTo(Files.getAttribute(path, "unix:ino"));
            assertThat(status.permissions()).isEqualTo((int) Files.getAttribute(path, "unix:mode") & 07777);
            assertThat(FileStatus.of(directory).kind()).isEqualTo(FileStatus.Kind.DIRECTORY);
            assertThat(FileStatus.of(character).kind()).isEqualTo(FileStatus.Kind.CHARACTER_DEVICE);
            assertThat(FileStatus.of(character).specialDevice()).isEqualTo(1L << 32 | 3);
            assertThat(FileStatus.of(event.descriptor()).kind()).isEqualTo(FileStatus.Kind.OTHER);
        }
    }
}
