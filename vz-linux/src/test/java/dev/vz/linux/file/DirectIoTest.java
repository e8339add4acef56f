package dev.vz.linux.file;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenFlag;
import dev.vz.testing.Peers;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectIoTest {

    @Test
    void alignedRequestsPassAndUnalignedOnesAreRefused(@TempDir Path folder) {
        FileDescriptor opened = null;
        try {
            opened = FileDescriptor.open(folder.resolve("direct"), 0600, OpenFlag.READ_WRITE, OpenFlag.CREATE,
                    OpenFlag.DIRECT);
        } catch (HostException refused) {
            assertThat(refused.errno()).isEqualTo(Errno.EINVAL);
        }
        Peers.require(opened != null, "the file system of the temporary folder knows no O_DIRECT");
        try (var file = opened; var arena = Arena.ofConfined()) {
            var status = FileStatus.of(file);
            Peers.require(status.directOffsetAlignment() > 0, "the kernel does not tell O_DIRECT alignments");
            assertThat(status.directMemoryAlignment()).isPositive();
            long unit = status.directOffsetAlignment();
            var buffer = arena.allocate(2 * unit, Math.max(unit, status.directMemoryAlignment()));
            buffer.fill((byte) 5);
            assertThat(FileIo.pwrite(file, unit, buffer, 0, unit)).isEqualTo(unit);
            assertThat(FileIo.pread(file, unit, buffer, unit, unit)).isEqualTo(unit);
            assertThat(FileIo.pwrite(file, 1, buffer, 0, unit)).isEqualTo(-Errno.EINVAL);
            assertThat(FileIo.pwrite(file, 0, buffer, 0, unit - 1)).isEqualTo(-Errno.EINVAL);
        }
    }
}
