package dev.vz.samples.cli.kit;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Fetches Debian packages with the host's own {@code apt-get download}, which checks their signatures' chain, and
 * unpacks them with {@code dpkg-deb}. Installs nothing and needs no privilege.
 *
 * @param progress told what is going on
 */
record AptPackages(Progress progress) {

    private static final Duration LOOK_UP = Duration.ofMinutes(1);
    private static final Duration DOWNLOAD = Duration.ofMinutes(15);
    private static final Duration UNPACK = Duration.ofMinutes(2);
    private static final String REMEDY = "; the guest kit is made of Debian packages fetched with apt-get download: run "
            + "\"apt-get update\" first, or name a kernel with --kernel and a root file system with --initrd";

    /** One line of {@code apt-get --print-uris}: {@code 'URI' FILE SIZE HASH}. */
    private static final Pattern URI_LINE = Pattern.compile("'([^']+)' (\\S+) (\\d+)(?: \\S+)?");

    /**
     * One package file to come.
     *
     * @param file name that apt gives it in the download folder
     * @param size bytes
     */
    record Download(String file, long size) {}

    /**
     * The package that the meta package {@code name} stands for: its first dependency whose name starts with
     * {@code prefix}.
     */
    String concrete(String name, String prefix) {
        String text = apt(Path.of("/"), LOOK_UP, List.of("apt-cache", "depends", name));
        return dependency(text, name, prefix);
    }

    static String dependency(String text, String name, String prefix) {
        for (String line : text.split("\n")) {
            String entry = line.strip();
            if (entry.startsWith("Depends: " + prefix)) {
                return entry.substring("Depends: ".length()).strip();
            }
        }
        throw new FormatException("The package " + name + " has no dependency that starts with \"" + prefix
                + "\", as far as apt-cache depends tells" + REMEDY);
    }

    /** Fetches the package files of {@code names} into {@code folder}. */
    List<Path> download(Path folder, List<String> names) {
        var show = new ArrayList<>(List.of("apt-get", "download", "--print-uris"));
        show.addAll(names);
        List<Download> coming = downloads(apt(folder, LOOK_UP, show));
        long total = coming.stream().mapToLong(Download::size).sum();

        progress.step("fetching " + String.join(", ", names));
        // As root, apt would warn that its download user may not write here.
        var get = new ArrayList<>(List.of("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download"));
        get.addAll(names);
        new HostProgramWithRemedy(folder, DOWNLOAD).run(get, elapsed -> progress.update(String.format(Locale.ROOT,
                "%.1f of %.1f MB", arrived(folder, coming) / 1e6, total / 1e6)));
        var files = new ArrayList<Path>();
        for (Download download : coming) {
            Path file = folder.resolve(download.file());
            checkSize(file, download.size());
            files.add(file);
        }
        return files;
    }

    static List<Download> downloads(String text) {
        var found = new ArrayList<Download>();
        for (String line : text.split("\n")) {
            Matcher matcher = URI_LINE.matcher(line.strip());
            if (matcher.matches()) {
                String file = matcher.group(2);
                if (file.contains("/")) {
                    throw new FormatException("apt-get --print-uris names the file \"" + file
                            + "\"; expected a name without folders");
                }
                found.add(new Download(file, Long.parseLong(matcher.group(3))));
            }
        }
        if (found.isEmpty()) {
            throw new FormatException("apt-get download --print-uris names no package file" + REMEDY);
        }
        return found;
    }

    /** Unpacks {@code packageFile} into {@code root}; files of several packages share one tree. */
    void unpack(Path packageFile, Path root) {
        progress.step("unpacking " + packageFile.getFileName());
        apt(root, UNPACK, List.of("dpkg-deb", "-x", packageFile.toString(), root.toString()));
    }

    private static String apt(Path folder, Duration limit, List<String> command) {
        return new HostProgramWithRemedy(folder, limit).run(command, elapsed -> {});
    }

    private static long arrived(Path folder, List<Download> coming) {
        long sum = 0;
        for (Download download : coming) {
            // The file may appear between two looks; a size of 0 is then as good as any.
            sum += folder.resolve(download.file()).toFile().length();
        }
        return sum;
    }

    private static void checkSize(Path file, long expected) {
        try {
            long size = Files.size(file);
            if (size != expected) {
                throw new FormatException("apt-get left " + file + " with " + size + " bytes, expected " + expected
                        + "; try again");
            }
        } catch (IOException failure) {
            throw new HostException("looking at a fetched package", file.toString(), failure);
        }
    }

    /** A host program whose failure says what else a person can do. */
    private record HostProgramWithRemedy(Path folder, Duration limit) {

        String run(List<String> command, java.util.function.LongConsumer tick) {
            try {
                return new HostProgram(folder, limit).run(command, tick);
            } catch (CapabilityException | HostException failure) {
                throw new CapabilityException(failure.getMessage() + REMEDY, failure);
            }
        }
    }
}
