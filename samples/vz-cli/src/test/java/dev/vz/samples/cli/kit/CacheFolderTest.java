package dev.vz.samples.cli.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.HostException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheFolderTest {

    @TempDir
    Path folder;

    @Test
    void theEnvironmentNamesTheFolder() {
        assertThat(CacheFolder.of(Map.of("VZ_CACHE", "/a", "XDG_CACHE_HOME", "/b", "HOME", "/c")).path())
                .isEqualTo(Path.of("/a"));
        assertThat(CacheFolder.of(Map.of("XDG_CACHE_HOME", "/b", "HOME", "/c")).path()).isEqualTo(Path.of("/b/vz"));
        assertThat(CacheFolder.of(Map.of("XDG_CACHE_HOME", "relative", "HOME", "/c")).path())
                .as("a relative XDG_CACHE_HOME is ignored").isEqualTo(Path.of("/c/.cache/vz"));
    }

    @Test
    void anItemIsMadeOnceHoweverManyAskForItAtTheSameTime() throws Exception {
        var cache = new CacheFolder(folder);
        var made = new AtomicInteger();
        var together = new CyclicBarrier(8);
        try (var threads = Executors.newFixedThreadPool(8)) {
            var results = new ArrayList<Future<Path>>();
            for (int i = 0; i < 8; i++) {
                results.add(threads.submit(() -> {
                    together.await();
                    return cache.item("item", writes("content", made), () -> {});
                }));
            }
            for (Future<Path> result : results) {
                assertThat(result.get().resolve("file")).hasContent("content");
            }
        }
        assertThat(made).hasValue(1);
    }

    @Test
    void aMakerThatFailsLeavesNothingBehindAndTheNextOneMayTry() throws IOException {
        var cache = new CacheFolder(folder);
        assertThatThrownBy(() -> cache.item("item", draft -> {
            writes("half", new AtomicInteger()).accept(draft);
            throw new IllegalStateException("no network");
        }, () -> {})).hasMessage("no network");
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left.map(path -> path.getFileName().toString())).containsExactly("item.lock");
        }
        assertThat(cache.item("item", writes("whole", new AtomicInteger()), () -> {}).resolve("file"))
                .hasContent("whole");
    }

    @Test
    void anotherProcessThatHoldsTheLockIsWaitedFor() throws Exception {
        var cache = new CacheFolder(folder);
        Path lock = Files.createFile(folder.resolve("item.lock"));
        // Locks of one JVM do not exclude each other across channels, so the other side has to be another process.
        Path program = Files.writeString(folder.resolve("Holder.java"), """
                import java.nio.channels.FileChannel;
                import java.nio.file.Path;
                import java.nio.file.StandardOpenOption;

                void main(String[] arguments) throws Exception {
                    var channel = FileChannel.open(Path.of(arguments[0]), StandardOpenOption.WRITE);
                    var lock = channel.lock();
                    IO.println("locked " + lock.isValid());
                    System.in.read();
                }
                """);
        Process other = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", program.toString(),
                lock.toString()).start();
        try {
            assertThat(other.inputReader().readLine()).isEqualTo("locked true");
            var waits = new AtomicInteger();
            cache.item("item", writes("content", new AtomicInteger()), () -> {
                waits.incrementAndGet();
                // Only now is the other process told to let go.
                other.destroy();
            });
            assertThat(waits).hasValue(1);
        } finally {
            other.destroyForcibly();
        }
    }

    @Test
    void aFolderThatCannotBeWrittenIsNamedTogetherWithTheRemedy() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        assertThatThrownBy(() -> new CacheFolder(file.resolve("cache")).item("item", draft -> {}, () -> {}))
                .isInstanceOf(HostException.class).hasMessageContaining(file.toString())
                .hasMessageContaining("VZ_CACHE");
    }

    private static Consumer<Path> writes(String content, AtomicInteger counter) {
        return draft -> {
            counter.incrementAndGet();
            try {
                Files.writeString(draft.resolve("file"), content);
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        };
    }
}
