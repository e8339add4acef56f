package dev.vz.storage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.storage.file.CacheMode;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.testing.ModelDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Storage that is taken because somebody said that he is going to write. */
class ExpectedWritesTest {

    private static final int MEBIBYTE = 1 << 20;

    @TempDir
    private Path folder;

    @Test
    void sayingSoChangesNeitherWhatIsReadNorTheSize() throws IOException {
        byte[] data = ModelDisk.pattern(1, MEBIBYTE);
        Path path = Files.write(folder.resolve("raw"), data);
        try (HostFile file = HostFile.open(path, false, CacheMode.WRITEBACK)) {
            file.expectWrite(MEBIBYTE / 2, MEBIBYTE / 2);
            file.expectWrite(MEBIBYTE, MEBIBYTE);
            file.expectWrite(3L * MEBIBYTE, 512);
            assertThat(file.size()).isEqualTo(MEBIBYTE);
        }
        assertThat(Files.readAllBytes(path)).isEqualTo(data);
    }

    @Test
    void whatCannotBeTakenIsTheWritesToTell() throws IOException {
        Path path = Files.write(folder.resolve("raw"), new byte[512]);
        try (HostFile file = HostFile.open(path, true, CacheMode.WRITEBACK)) {
            file.expectWrite(0, MEBIBYTE); // may not be written
            assertThat(file.size()).isEqualTo(512);
        }
        try (HostFile file = HostFile.open(path, false, CacheMode.WRITEBACK)) {
            file.expectWrite(Long.MAX_VALUE - MEBIBYTE, MEBIBYTE); // longer than a file can be
            file.expectWrite(0, MEBIBYTE);
            assertThat(file.size()).isEqualTo(512);
        }
        assertThat(Files.size(path)).isEqualTo(512);
    }
}
