package dev.vz.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** The descriptors and mappings of this process, to be counted before and after. */
public final class OpenDescriptors {

    private OpenDescriptors() {}

    /** A piece of a test. */
    @FunctionalInterface
    public interface Action {
        void run() throws Exception;
    }

    /** Runs {@code action} once to load its classes, then 100 times, and expects no descriptor and no mapping left. */
    public static void expectNoneLeftBy(Action action) throws Exception {
        action.run();
        var before = open();
        long mappingsBefore = mappings();
        for (int i = 0; i < 100; i++) {
            action.run();
        }
        assertThat(moreThan(before)).as("descriptors left open").isEmpty();
        // The JVM maps memory of its own meanwhile (code, metaspace), but not a hundred times.
        assertThat(mappings()).as("mappings").isLessThan(mappingsBefore + 50);
    }

    /**
     * What is open now and was not {@code before}, for good: a thread of the JVM that asks a control group for its limits, or one
     * that is told of a process's end, has a file open for a moment.
     */
    public static Map<String, String> moreThan(Map<String, String> before) throws IOException, InterruptedException {
        Map<String, String> more = open();
        more.values().removeAll(before.values());
        for (int i = 0; i < 500 && !more.isEmpty(); i++) {
            Thread.sleep(10);
            more.values().retainAll(open().values());
        }
        return more;
    }

    /** Number and target of every open descriptor. */
    public static Map<String, String> open() throws IOException {
        var found = new TreeMap<String, String>();
        try (var entries = Files.list(Path.of("/proc/self/fd"))) {
            for (Path entry : entries.toList()) {
                try {
                    found.put(entry.getFileName().toString(),
                            entry.getFileName() + " " + Files.readSymbolicLink(entry));
                } catch (java.nio.file.NoSuchFileException listing) {
                    // the descriptor with which the folder itself was read
                    continue;
                }
            }
        }
        return found;
    }

    /** Number of mappings. */
    public static long mappings() {
        try {
            return Files.readAllLines(Path.of("/proc/self/maps")).size();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
