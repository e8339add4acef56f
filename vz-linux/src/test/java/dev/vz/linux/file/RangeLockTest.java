package dev.vz.linux.file;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RangeLockTest {

    @Test
    void twoOpeningsOfOneFileExcludeEachOther(@TempDir Path folder) throws Exception {
        Path path = Files.write(folder.resolve("image"), new byte[1000]);
        try (var first = FileDescriptor.open(path, OpenFlag.READ_WRITE);
                var second = FileDescriptor.open(path, OpenFlag.READ_WRITE)) {
            assertThat(RangeLock.tryLock(first, 100, 1, true)).isTrue();
            assertThat(RangeLock.isLockedByOther(second, 0, 0, false)).isTrue();
            assertThat(RangeLock.isLockedByOther(first, 0, 0, true)).isFalse();
            assertThat(RangeLock.tryLock(second, 0, 101, true)).isFalse();
            assertThat(RangeLock.tryLock(second, 0, 100, true)).isTrue();
            assertThat(RangeLock.tryLock(first, 100, 1, false)).as("made shared").isTrue();
            assertThat(RangeLock.tryLock(second, 100, 1, false)).isTrue();
            assertThat(RangeLock.tryLock(second, 100, 1, true)).isFalse();
            RangeLock.unlock(first, 100, 1);
            assertThat(RangeLock.tryLock(second, 100, 1, true)).isTrue();
            second.close();
            assertThat(RangeLock.tryLock(first, 0, 0, true)).as("gone with its opening").isTrue();
        }
    }
}
