package dev.vz.storage.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.storage.IoEngine;
import dev.vz.storage.testing.Qemu;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** kill -9 while sixty-four writers, snapshots, commits, streams and discards go on: nothing flushed is lost. */
@Timeout(1200)
class ChainKillTest {

    /** More often with {@code -Dvz.torture.kills=20}. */
    private static final int KILLS = Integer.getInteger("vz.torture.kills", 3);

    @TempDir
    Path folder;

    @Test
    void nothingFlushedIsLostWhenTheProcessIsKilled() throws Exception {
        Qemu.require();
        try (IoEngine engine = IoEngine.threads(4)) {
            var files = new ChainFiles(folder, engine);
            files.create("base.qcow2", ChainLoad.size(KilledChain.WRITERS));
            var random = new Random(17);
            long[][] flushed = new long[KilledChain.WRITERS][ChainLoad.SLOTS];
            long first = 0;
            for (int kill = 0; kill < KILLS; kill++) {
                int reports = runAndKill(first, flushed, 20 + random.nextInt(400));
                assertThat(reports).isPositive();
                assertThat(Qemu.img("check", "-f", "qcow2", files.top()).status()).as("clean or leaks").isIn(0, 3);
                try (DiskChain chain = files.open()) {
                    long newest = ChainLoad.checkAfterCrash(chain.device(), flushed);
                    // A multiple of the slots: every writer begins anew with its first sector.
                    first = (newest + ChainLoad.SLOTS) / ChainLoad.SLOTS * ChainLoad.SLOTS;
                }
            }
        }
    }

    private int runAndKill(long first, long[][] flushed, int enough) throws Exception {
        String path = Stream.of("jdk.module.path", "java.class.path").map(System::getProperty)
                .filter(value -> value != null && !value.isEmpty()).collect(Collectors.joining(":"));
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED", "-cp", classes() + ":" + path,
                KilledChain.class.getName(), folder.toString(), Long.toString(first))
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        int reports = 0;
        try (var lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                int space = line.indexOf(' ');
                long[] slots = flushed[Integer.parseInt(line.substring(0, space))];
                long next = Long.parseLong(line.substring(space + 1));
                for (long n = Math.max(first, next - ChainLoad.SLOTS); n < next; n++) {
                    slots[(int) (n % ChainLoad.SLOTS)] = n;
                }
                if (++reports == enough) {
                    // By its handle: killing it through the process object would close the stream unread.
                    process.toHandle().destroyForcibly();
                }
            }
        }
        assertThat(reports).as("the writers write until they are killed").isGreaterThanOrEqualTo(enough);
        process.waitFor();
        return reports;
    }

    /** Where this test's own classes are: patched into a module, they are on no path. */
    private static String classes() throws Exception {
        Path file = Path.of(ChainKillTest.class.getResource("ChainKillTest.class").toURI());
        return file.getParent().getParent().getParent().getParent().getParent().toString();
    }
}
