package dev.vz.samples.cli.kit;

import dev.vz.error.HostException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where fetched things are kept between runs: {@code VZ_CACHE}, else {@code XDG_CACHE_HOME/vz}, else
 * {@code ~/.cache/vz}.
 *
 * <p>
 * What lies in it is complete: an item is made in a folder of its own beside it and renamed into place, by one process
 * at a time. Any part may be deleted while no {@code vz} runs. Thread-safe.
 *
 * @param path the folder; made when first written to
 */
public record CacheFolder(Path path) {

    /** File locks hold between processes; between threads of this one, this does. */
    private static final ReentrantLock WITHIN_PROCESS = new ReentrantLock();

    /** The one that this environment names. */
    public static CacheFolder of(Map<String, String> environment) {
        String own = environment.getOrDefault("VZ_CACHE", "");
        if (!own.isEmpty()) {
            return new CacheFolder(Path.of(own).toAbsolutePath());
        }
        String caches = environment.getOrDefault("XDG_CACHE_HOME", "");
        // The XDG Base Directory Specification: a relative path is to be ignored.
        if (caches.startsWith("/")) {
            return new CacheFolder(Path.of(caches, "vz"));
        }
        return new CacheFolder(Path.of(environment.getOrDefault("HOME", "/tmp"), ".cache", "vz").toAbsolutePath());
    }

    /**
     * The folder {@code name}, made by {@code maker} if it is not there yet.
     *
     * @param maker   fills the empty folder that it is given; what it throws leaves nothing behind
     * @param waiting run once if another process is at it and this one has to wait
     * @throws HostException if the cache folder cannot be written
     */
    public Path item(String name, Consumer<Path> maker, Runnable waiting) {
        Path item = path.resolve(name);
        if (Files.isDirectory(item)) {
            return item;
        }
        return exclusively(name, waiting, () -> {
            if (!Files.isDirectory(item)) {
                make(item, maker);
            }
            return item;
        });
    }

    private void make(Path item, Consumer<Path> maker) {
        Path draft = null;
        try {
            draft = Files.createTempDirectory(path, item.getFileName() + ".making-");
            maker.accept(draft);
            Files.move(draft, item, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException failure) {
            throw unwritable(failure);
        } finally {
            deleteTree(draft);
        }
    }

    private <T> T exclusively(String name, Runnable waiting, Supplier<T> action) {
        WITHIN_PROCESS.lock();
        try {
            Files.createDirectories(path);
            try (FileChannel channel = FileChannel.open(path.resolve(name + ".lock"), StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE); FileLock _ = lock(channel, waiting)) {
                return action.get();
            }
        } catch (IOException failure) {
            throw unwritable(failure);
        } finally {
            WITHIN_PROCESS.unlock();
        }
    }

    private static FileLock lock(FileChannel channel, Runnable waiting) throws IOException {
        FileLock lock = channel.tryLock();
        if (lock != null) {
            return lock;
        }
        waiting.run();
        return channel.lock();
    }

    private HostException unwritable(IOException failure) {
        return new HostException("writing the cache folder (set VZ_CACHE to one that can be written)", path.toString(),
                failure);
    }

    /** Deletes {@code root} and everything below it, as far as it can; symbolic links are not followed. */
    static void deleteTree(@Nullable Path root) {
        if (root == null || !Files.exists(root)) {
            return;
        }
        try (Stream<Path> tree = Files.walk(root)) {
            for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException failure) {
            System.getLogger(CacheFolder.class.getName()).log(System.Logger.Level.WARNING,
                    "could not delete the temporary folder " + root + "; delete it by hand", failure);
        }
    }
}
