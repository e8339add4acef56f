package dev.vz.linux.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.file.FileStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.EnumSet;
import org.junit.jupiter.api.Test;

class MemoryFileTest {

    private static final long PAGE = MappedMemory.PAGE;

    @Test
    void startsUnsealedAndZeroed() {
        try (var file = MemoryFile.create("fresh", 3 * PAGE)) {
            assertThat(file.size()).isEqualTo(3 * PAGE);
            assertThat(file.seals()).isEmpty();
            assertThat(FileStatus.of(file.descriptor()).allocatedBytes()).isZero();
        }
    }

    @Test
    void aSealAgainstShrinkingIsKept() {
        try (var file = MemoryFile.create("sealed", 2 * PAGE)) {
            file.seal(EnumSet.of(Seal.SHRINK));
            file.resize(4 * PAGE);
            assertThatThrownBy(() -> file.resize(PAGE)).isInstanceOfSatisfying(HostException.class,
                    failure -> assertThat(failure.errno()).isEqualTo(Errno.EPERM))
                    .hasMessageContaining("ftruncate to 4096 bytes").hasMessageContaining("memfd:sealed");
            file.seal(EnumSet.of(Seal.GROW, Seal.SEAL));
            assertThatThrownBy(() -> file.resize(8 * PAGE)).hasMessageContaining("EPERM");
            assertThatThrownBy(() -> file.seal(EnumSet.of(Seal.WRITE))).hasMessageContaining("F_ADD_SEALS")
                    .hasMessageContaining("EPERM");
            assertThat(file.seals()).containsExactlyInAnyOrder(Seal.SHRINK, Seal.GROW, Seal.SEAL);
        }
    }

    @Test
    void aSealAgainstWritingWaitsForTheLastWriter() {
        try (var file = MemoryFile.create("constant", PAGE); var arena = Arena.ofConfined()) {
            try (var memory = MappedMemory.map(file.mapping(0))) {
                memory.segment().set(ValueLayout.JAVA_INT, 0, 42);
                assertThatThrownBy(() -> file.seal(EnumSet.of(Seal.WRITE))).hasMessageContaining("EBUSY");
            }
            file.seal(EnumSet.of(Seal.WRITE));
            var word = arena.allocate(4);
            assertThat(FileIo.pwrite(file.descriptor(), 0, word, 0, 4)).isEqualTo(-Errno.EPERM);
            assertThat(FileIo.pread(file.descriptor(), 0, word, 0, 4)).isEqualTo(4);
            assertThat(word.get(ValueLayout.JAVA_INT, 0)).isEqualTo(42);
            assertThatThrownBy(() -> MappedMemory.map(file.mapping(0))).hasMessageContaining("EPERM");
        }
    }

    @Test
    void punchedPagesAreGivenBackAndReadAsZeroInEveryMapping() {
        try (var file = MemoryFile.create("holes", 8 * PAGE);
                var one = MappedMemory.map(file.mapping(0));
                var other = MappedMemory.map(file.mapping(0))) {
            one.segment().fill((byte) 7);
            assertThat(other.segment().get(ValueLayout.JAVA_BYTE, 5 * PAGE)).isEqualTo((byte) 7);
            file.punchHole(PAGE, 6 * PAGE);
            assertThat(other.segment().get(ValueLayout.JAVA_BYTE, 5 * PAGE)).isZero();
            assertThat(one.segment().get(ValueLayout.JAVA_BYTE, 7 * PAGE)).isEqualTo((byte) 7);
            file.punchHole(0, 8 * PAGE);
            assertThat(FileStatus.of(file.descriptor()).allocatedBytes()).isZero();
            file.allocate(0, 8 * PAGE);
            assertThat(FileStatus.of(file.descriptor()).allocatedBytes()).isEqualTo(8 * PAGE);
        }
    }

    @Test
    void onlyMemoryFilesHaveSeals() {
        try (var file = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ)) {
            assertThatThrownBy(() -> MemoryFile.seals(file)).isInstanceOf(HostException.class)
                    .hasMessageContaining("EINVAL");
        }
    }

    @Test
    void namesAndSizesAreChecked() {
        assertThatThrownBy(() -> MemoryFile.create("x".repeat(250), PAGE)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> MemoryFile.create("negative", -1)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> MemoryFile.create("odd", PAGE, 3 * PAGE)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> MemoryFile.create("huge", 1L << 40, 1L << 40)).isInstanceOf(HostException.class)
                .hasMessageContaining("pages of 1099511627776 bytes");
        MemoryFile.create("x".repeat(249), PAGE).close();
    }
}
