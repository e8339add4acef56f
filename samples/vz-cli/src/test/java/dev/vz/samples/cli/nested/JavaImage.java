package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Peers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A Java runtime with the {@code vz} command linked in, small enough for an initial RAM disk, and a cache of loaded
 * classes that makes it start quickly on a slow processor.
 *
 * @param home  the runtime
 * @param cache the ahead-of-time cache, recorded by the same runtime
 */
record JavaImage(Path home, Path cache) {

    /** Few classes, short runs, a slow processor: the first compiler only, and the smallest collector. */
    static final List<String> OPTIONS = List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
            "-Xlog:disable", "-Xlog:all=error:stderr",
            "--enable-native-access=dev.vz.linux,dev.vz.kvm,dev.vz.emulator");
    /** What the JVM is told to run. */
    static final String MAIN = "dev.vz.samples.cli/dev.vz.samples.cli.Vz";

    private static final Pattern LIBRARY = Pattern.compile("(?:^|=>)\\s*(/\\S+) \\(0x");
    private static final long LIMIT_SECONDS = 120;

    /** Links the modules that were just packaged. */
    static JavaImage link(Path folder) throws IOException, InterruptedException {
        Path jdk = Path.of(System.getProperty("java.home"));
        Path jlink = jdk.resolve("bin/jlink");
        Peers.require(Files.isExecutable(jlink), jdk + " has no jlink (run the tests with a whole JDK)");
        Path home = folder.resolve("java");
        String modules = System.getProperty("vz.cli.jar") + ":" + System.getProperty("vz.cli.modules");
        run(List.of(jlink.toString(), "--module-path", modules, "--add-modules",
                "dev.vz.samples.cli", "--strip-debug", "--no-header-files", "--no-man-pages",
                "--generate-cds-archive", "--output", home.toString()));
        // The archive for large heaps only takes room.
        Files.deleteIfExists(home.resolve("lib/server/classes_nocoops.jsa"));
        Path cache = folder.resolve("vz.aot");
        var record = new ArrayList<>(List.of(home.resolve("bin/java").toString()));
        record.addAll(OPTIONS);
        record.addAll(List.of("-XX:AOTCacheOutput=" + cache, "--module", MAIN, "warm-up"));
        run(record);
        assertThat(cache).isRegularFile();
        return new JavaImage(home, cache);
    }

    /** The shared libraries of the host that the runtime and {@code program} load, the dynamic linker among them. */
    List<Path> librariesWith(Path program) throws IOException, InterruptedException {
        Path ldd = Peers.program("ldd", "libc-bin");
        var found = new ArrayList<Path>();
        for (Path file : List.of(home.resolve("bin/java"), home.resolve("lib/server/libjvm.so"),
                home.resolve("lib/libnio.so"), home.resolve("lib/libzip.so"), program)) {
            Matcher matcher = LIBRARY.matcher("");
            for (String line : run(List.of(ldd.toString(), file.toString())).split("\n")) {
                if (matcher.reset(line).find()) {
                    Path library = Path.of(matcher.group(1)).normalize();
                    if (!library.startsWith(home) && !found.contains(library)) {
                        found.add(library);
                    }
                }
            }
        }
        return found;
    }

    private static String run(List<String> command) throws IOException, InterruptedException {
        Path output = Files.createTempFile("vz-java-image", ".log");
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile())
                    .start();
            boolean ended = process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS);
            process.destroyForcibly();
            String text = Files.readString(output, StandardCharsets.UTF_8);
            assertThat(ended).as("%s ended within %d s: %s", command, LIMIT_SECONDS, text).isTrue();
            assertThat(process.exitValue()).as("%s: %s", command, text).isZero();
            return text;
        } finally {
            Files.delete(output);
        }
    }
}
