package dev.vz.samples.cli.kit;

import dev.vz.error.HostException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Root file systems made of Debian packages and all that these depend on, unpacked without being configured. */
public final class DebianTree {

    private static final Duration LIMIT = Duration.ofMinutes(1);

    private DebianTree() {}

    /**
     * The tree {@code name} in {@code cache}, made of {@code packages} if it is not there yet.
     *
     * @throws dev.vz.error.CapabilityException if apt or the packages are not there
     */
    public static Path in(CacheFolder cache, String name, List<String> packages) {
        return cache.item(name, folder -> make(folder, packages), () -> {});
    }

    private static void make(Path folder, List<String> packages) {
        var apt = new AptPackages(Progress.SILENT);
        try {
            for (Path file : apt.download(folder, closure(folder, packages))) {
                apt.unpack(file, folder);
                Files.delete(file);
            }
            Files.createDirectories(folder.resolve("tmp"));
        } catch (IOException failure) {
            throw new HostException("making a root file system of packages", folder.toString(), failure);
        }
    }

    /** The names of {@code packages} and of all that a system on which nothing is installed needs for them. */
    private static List<String> closure(Path folder, List<String> packages) throws IOException {
        Path nothing = Files.createDirectories(folder.resolve("nothing"));
        Files.createDirectories(nothing.resolve("partial"));
        Path status = Files.createFile(nothing.resolve("status"));
        var command = new ArrayList<>(List.of("apt-get", "-qq", "-o", "Dir::State::status=" + status, "-o",
                "Dir::Cache::archives=" + nothing, "-o", "APT::Install-Recommends=0", "-o", "Debug::NoLocking=1",
                "--print-uris", "install"));
        command.addAll(packages);
        String text = new HostProgram(folder, LIMIT).run(command, elapsed -> {});
        try (Stream<Path> files = Files.walk(nothing)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
        return AptPackages.downloads(text).stream().map(download -> download.file().split("_", -1)[0]).toList();
    }
}
