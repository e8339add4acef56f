package dev.vz.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.Qemu;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that writes is killed at random moments: nothing that it had flushed is lost, and the image is sound. */
class Qcow2KillTest {

    private static final int KILLS = 3;

    @Test
    void nothingFlushedIsLostWhenTheWriterIsKilled(@TempDir Path folder) throws Exception {
        Qemu.require();
        Path image = folder.resolve("image.qcow2");
        try (var file = HostFile.create(image)) {
            Qcow2Format.create(file, Qcow2Options.ofSize(2 * KilledWriter.SIZE).withClusterSize(4096));
        }
        long seed = 11;
        var random = new Random(seed);
        byte[][] sectors = new byte[KilledWriter.SIZE / 512][];
        Arrays.fill(sectors, new byte[512]);
        int index = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            int flushed = runAndKill(image, seed, index, 2 + random.nextInt(30));
            for (; index < flushed; index++) {
                KilledWriter.Write write = KilledWriter.Write.of(seed, index);
                sectors[write.sector()] = write.data();
            }
            // Written, but not said to be flushed: at most one round, and the flush of another.
            int possible = flushed + 3 * KilledWriter.PER_FLUSH;
            assertThat(Qemu.img("check", "-f", "qcow2", image).status()).as("clean or leaks").isIn(0, 3);
            try (var disk = DiskImage.open(image, ImageFormat.QCOW2, OpenOptions.DEFAULT)) {
                byte[] contents = ModelDisk.read(disk, 0, KilledWriter.SIZE);
                for (int sector = 0; sector < sectors.length; sector++) {
                    byte[] found = Arrays.copyOfRange(contents, sector * 512, sector * 512 + 512);
                    if (!Arrays.equals(found, sectors[sector])) {
                        int at = sector;
                        assertThat(Stream.iterate(flushed, n -> n < possible, n -> n + 1).map(n -> KilledWriter.Write
                                .of(seed, n)).anyMatch(write -> write.sector() == at
                                        && Arrays.equals(write.data(),
                                                found)))
                                .as("sector %d is what was flushed or written later", sector).isTrue();
                        sectors[sector] = found;
                    }
                }
            }
            index = possible;
        }
    }

    private static int runAndKill(Path image, long seed, int first, int flushes) throws Exception {
        String path = Stream.of("jdk.module.path", "java.class.path").map(System::getProperty).filter(
                value -> value != null && !value.isEmpty()).collect(Collectors.joining(":"));
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED", "-cp", classes() + ":" + path,
                KilledWriter.class.getName(), image.toString(), Long.toString(seed), Integer.toString(first))
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        int last = first;
        try (var lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (int i = 0; i < flushes; i++) {
                String line = lines.readLine();
                assertThat(line).as("the writer writes until it is killed").isNotNull();
                last = Integer.parseInt(line);
            }
            // By its handle: killing it through the process object would close the stream unread.
            process.toHandle().destroyForcibly();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                last = Integer.parseInt(line);
            }
        }
        process.waitFor();
        return last;
    }

    /** Where this test's own classes are: patched into a module, they are on no path. */
    private static String classes() throws Exception {
        var own = Qcow2KillTest.class.getResource("Qcow2KillTest.class");
        Path file = Path.of(own.toURI());
        return file.getParent().getParent().getParent().getParent().getParent().toString();
    }
}
