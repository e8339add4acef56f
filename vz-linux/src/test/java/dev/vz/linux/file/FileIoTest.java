package dev.vz.linux.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.memory.MemoryFile;
import dev.vz.testing.Allocations;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileIoTest {

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    @Test
    void readsAndWritesAtPositionsAndWithinSegments(@TempDir Path folder) throws Exception {
        try (var arena = Arena.ofConfined();
                var file = FileDescriptor.open(folder.resolve("data"), 0600, OpenFlag.READ_WRITE, OpenFlag.CREATE)) {
            var text = arena.allocateFrom("abcdefgh");
            assertThat(FileIo.pwrite(file, 10, text, 2, 4)).isEqualTo(4);
            var back = arena.allocate(16);
            assertThat(FileIo.pread(file, 0, back, 1, 15)).isEqualTo(14);
            assertThat(back.getString(11)).isEqualTo("cdef");
            assertThat(FileIo.pread(file, 14, back, 0, 16)).isZero();
            assertThat(FileIo.write(file, text, 0, 8)).isEqualTo(8);
            assertThat(Files.readString(folder.resolve("data"))).isEqualTo("abcdefgh\0\0cdef");
            assertThat(FileIo.read(file, back, 0, 16)).isEqualTo(6);
        }
    }

    @Test
    void refusesWhatIsNotWithinTheSegment() {
        try (var arena = Arena.ofConfined(); var file = MemoryFile.create("io", 4096)) {
            var small = arena.allocate(8);
            assertThatThrownBy(() -> FileIo.pread(file.descriptor(), 0, small, 4, 8))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> FileIo.pread(file.descriptor(), 0, MemorySegment.ofArray(new byte[8]), 0, 8))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void returnsErrorNumbersAndThrowsFromTheFullForms() {
        try (var arena = Arena.ofConfined();
                var file = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ);
                var full = FileDescriptor.open(Path.of("/dev/full"), OpenFlag.READ_WRITE)) {
            var data = arena.allocate(8);
            assertThat(FileIo.pwrite(file, 0, data, 0, 8)).isEqualTo(-Errno.EBADF);
            assertThat(FileIo.pread(full, -1, data, 0, 8)).isEqualTo(-Errno.EINVAL);
            assertThatThrownBy(() -> FileIo.pwriteFully(full, 0, data)).isInstanceOf(HostException.class)
                    .hasMessageContaining("ENOSPC").hasMessageContaining("/dev/full").hasMessageContaining("8 bytes");
            assertThat(FileIo.preadFully(file, 0, data)).isZero();
        }
    }

    @Property(tries = 200)
    void vectorsAreReadAndWrittenInOrder(@ForAll @Size(min = 1, max = 8) int[] seeds,
            @ForAll @IntRange(max = 5000) int at) {
        try (var arena = Arena.ofConfined(); var file = MemoryFile.create("vectors", 0)) {
            var out = new IoVectors(8);
            var in = new IoVectors(8);
            MemorySegment[] read = new MemorySegment[seeds.length];
            long total = 0;
            for (int i = 0; i < seeds.length; i++) {
                int length = Math.floorMod(seeds[i], 3000);
                MemorySegment piece = arena.allocate(length + 10L);
                piece.fill((byte) seeds[i]);
                out.add(piece, 3, length);
                read[i] = arena.allocate(Math.max(length, 1)).asSlice(0, length);
                in.add(read[i]);
                total += length;
            }
            assertThat(out.bytes()).isEqualTo(total);
            assertThat(FileIo.pwritev(file.descriptor(), at, out, 0)).isEqualTo(total);
            assertThat(FileIo.preadv(file.descriptor(), at, in, 0)).isEqualTo(total);
            for (int i = 0; i < seeds.length; i++) {
                for (long n = 0; n < read[i].byteSize(); n++) {
                    assertThat(read[i].get(BYTE, n)).isEqualTo((byte) seeds[i]);
                }
            }
        }
    }

    @Property(tries = 200)
    void advancingDropsExactlyWhatWasTransferred(@ForAll @Size(min = 1, max = 6) int[] seeds, @ForAll int cut) {
        try (var arena = Arena.ofConfined(); var file = MemoryFile.create("advance", 0)) {
            var vectors = new IoVectors(6);
            var expected = new java.io.ByteArrayOutputStream();
            for (int i = 0; i < seeds.length; i++) {
                byte[] bytes = new byte[Math.floorMod(seeds[i], 50)];
                java.util.Arrays.fill(bytes, (byte) (i + 1));
                expected.writeBytes(bytes);
                MemorySegment piece = arena.allocate(Math.max(1, bytes.length));
                MemorySegment.copy(bytes, 0, piece, BYTE, 0, bytes.length);
                vectors.add(piece, 0, bytes.length);
            }
            int dropped = Math.floorMod(cut, expected.size() + 1);
            vectors.advance(dropped);
            byte[] rest = java.util.Arrays.copyOfRange(expected.toByteArray(), dropped, expected.size());
            assertThat(vectors.bytes()).isEqualTo(rest.length);
            assertThat(FileIo.writev(file.descriptor(), vectors)).isEqualTo(rest.length);
            var back = arena.allocate(rest.length + 1L);
            assertThat(FileIo.preadFully(file.descriptor(), 0, back)).isEqualTo(rest.length);
            assertThat(back.asSlice(0, rest.length).toArray(BYTE)).isEqualTo(rest);
        }
    }

    @Test
    void vectorsCheckWhatIsPutIntoThem() {
        assertThatThrownBy(() -> new IoVectors(0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new IoVectors(1025)).isInstanceOf(ConfigurationException.class);
        try (var arena = Arena.ofConfined()) {
            var vectors = new IoVectors(1);
            var piece = arena.allocate(8);
            assertThatThrownBy(() -> vectors.add(MemorySegment.ofArray(new byte[8])))
                    .isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> vectors.add(piece, 4, 5)).isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> vectors.add(piece, Long.MAX_VALUE, 1)).isInstanceOf(ConfigurationException.class);
            vectors.add(piece);
            assertThatThrownBy(() -> vectors.add(piece)).hasMessageContaining("full");
            assertThatThrownBy(() -> vectors.advance(9)).isInstanceOf(ConfigurationException.class);
            vectors.clear();
            assertThat(vectors.count()).isZero();
            assertThat(vectors.bytes()).isZero();
        }
    }

    @Test
    void aNegativePositionDoesNotMeanTheFilesOwn() {
        try (var arena = Arena.ofConfined(); var file = MemoryFile.create("position", 16)) {
            var vectors = new IoVectors(1);
            vectors.add(arena.allocate(8));
            assertThat(FileIo.preadv(file.descriptor(), -1, vectors, 0)).isEqualTo(-Errno.EINVAL);
            assertThat(FileIo.pwritev(file.descriptor(), -1, vectors, 0)).isEqualTo(-Errno.EINVAL);
        }
    }

    @Test
    void flagsOfSingleCallsReachTheKernel(@TempDir Path folder) {
        try (var arena = Arena.ofConfined();
                var file = FileDescriptor.open(folder.resolve("flags"), 0600, OpenFlag.READ_WRITE, OpenFlag.CREATE)) {
            var vectors = new IoVectors(1);
            vectors.add(arena.allocate(4096).fill((byte) 3));
            assertThat(FileIo.pwritev(file, 0, vectors, FileIo.DATA_SYNC)).isEqualTo(4096);
            assertThat(FileIo.preadv(file, 0, vectors, FileIo.NO_WAIT)).as("in the page cache").isEqualTo(4096);
            assertThat(FileIo.preadv(file, 0, vectors, 1 << 30)).isEqualTo(-Errno.EOPNOTSUPP);
        }
    }

    @Test
    @Tag("allocation")
    void allocatesNothing() {
        try (var arena = Arena.ofConfined(); var shared = Arena.ofShared(); var file = MemoryFile.create("hot", 8192)) {
            var descriptor = file.descriptor();
            var confined = arena.allocate(512);
            var sharable = shared.allocate(512);
            var vectors = new IoVectors(2);
            assertThat(Allocations.perCall(20_000, () -> {
                vectors.clear();
                vectors.add(confined, 0, 100);
                vectors.add(sharable, 0, 100);
                long moved = FileIo.pwrite(descriptor, 64, confined, 16, 100)
                        + FileIo.pread(descriptor, 0, sharable, 0, 100)
                        + FileIo.pwritev(descriptor, 0, vectors, 0) + FileIo.preadv(descriptor, 0, vectors, 0);
                if (moved != 600) {
                    throw new AssertionError("moved " + moved);
                }
            })).isZero();
        }
    }
}
