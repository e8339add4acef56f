package dev.vz.samples.cli.bench;

import dev.vz.error.HostException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code vz bench storage}: whole processes of ours and of the peers on the same images, in turns. What a process takes only
 * to start is measured too, stated, and taken off where a row's figure is the time of a whole process.
 */
@Command(name = "storage", mixinStandardHelpOptions = true, sortOptions = false, header = "Times disk images and NBD servers beside qemu-img, qemu-nbd and nbdkit.", description = {
    "",
    "The columns are medians of the runs. A ratio above 1 says that vz is faster, for rates and for times.",
    "Times of whole processes are without the start of the JVM up to an open image, which is stated at the end.", ""})
final class StorageBench implements Callable<Integer> {

    private static final int MOST = 1000;

    /** Kinds of rows. */
    enum Group {
        /** Random requests on an open image. */
        REQUESTS,
        /** Conversions between formats. */
        CONVERT,
        /** Compressing conversions. */
        COMPRESS,
        /** Looking through metadata. */
        CHECK,
        /** Servers, with fio as their client. */
        NBD
    }

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = "--runs", paramLabel = "N", defaultValue = "5", description = "Turns of each row (default: ${DEFAULT-VALUE}).")
    private int runs;

    @Option(names = "--size", paramLabel = "MIB", defaultValue = "1024", description = "MiB of the images (default: ${DEFAULT-VALUE}).")
    private int size;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "2", description = "Seconds for which fio asks a server (default: ${DEFAULT-VALUE}).")
    private int seconds;

    @Option(names = "--only", paramLabel = "GROUP", split = ",", description = "Only these: requests, convert, compress, check, nbd.")
    private @Nullable List<Group> only;

    @Option(names = "--row", paramLabel = "TEXT", description = "Only rows whose name contains this.")
    private @Nullable String row;

    @Option(names = "--folder", paramLabel = "PATH", description = "Where the images are made (default: the folder for temporary files).")
    private @Nullable Path parent;

    @Override
    public Integer call() throws InterruptedException {
        BenchCommand.positive(spec, "--runs", runs, MOST);
        BenchCommand.positive(spec, "--size", size, 1 << 20);
        BenchCommand.positive(spec, "--seconds", seconds, MOST);
        try {
            Path folder = parent == null ? Files.createTempDirectory("vz-bench") : Files.createTempDirectory(parent,
                    "vz-bench");
            try {
                measure(folder, spec.commandLine().getOut());
            } finally {
                try (Stream<Path> files = Files.walk(folder)) {
                    for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                        Files.delete(file);
                    }
                }
            }
        } catch (IOException failure) {
            throw new HostException("measuring disk images", "the folder " + (parent == null
                    ? "for temporary files" : parent), failure);
        }
        return 0;
    }

    private void measure(Path folder, PrintWriter out) throws IOException, InterruptedException {
        List<Group> wanted = only == null ? List.of(Group.values()) : only;
        var images = new StorageImages(folder, (long) size << 20);
        List<String> vz = Peer.self(spec);
        var rows = new ArrayList<StorageRow>(new ImageRows(images, vz).all());
        rows.addAll(new ServerRows(images, vz, seconds).all());
        rows.removeIf(each -> !wanted.contains(each.group()) || row != null && !each.name().contains(row));
        var starts = new ArrayList<Double>();
        var opens = new ArrayList<Double>();
        out.printf("%-34s %12s  %s%n", "", "vz", "peers, and how many times faster vz is");
        for (StorageRow each : rows) {
            var figures = new LinkedHashMap<String, List<Double>>();
            for (int run = 0; run < runs; run++) {
                starts.add(images.seconds(Stream.concat(vz.stream(), Stream.of("image", "--version")).toList()));
                // With what the JVM does once to reach the C library, which is no part of the work on an image.
                opens.add(images.seconds(Stream.concat(vz.stream(), Stream.of("image", "info", images.empty()))
                        .toList()));
                for (StorageRow.Contestant contestant : each.contestants()) {
                    figures.computeIfAbsent(contestant.name(), name -> new ArrayList<>()).add(contestant.run()
                            .measure());
                }
            }
            print(out, each, figures, Peer.median(opens));
        }
        if (!starts.isEmpty()) {
            out.printf("the start of a process: %.3f s; of one that opens an image: %.3f s, which is taken off above "
                    + "(medians of %d)%n", Peer.median(starts), Peer.median(opens), starts.size());
        }
        out.flush();
    }

    private static void print(PrintWriter out, StorageRow row, Map<String, List<Double>> figures, double start) {
        double ours = Peer.median(figures.getOrDefault("vz", List.of(Double.NaN)));
        if (row.unit() == StorageRow.Unit.PROCESS_SECONDS) {
            ours = Math.max(ours - start, 0.001);
        }
        var line = new StringBuilder(String.format(Locale.ROOT, "%-34s %12s", row.name(), text(ours, row.unit())));
        for (Map.Entry<String, List<Double>> each : figures.entrySet()) {
            if (!each.getKey().equals("vz")) {
                double theirs = Peer.median(each.getValue());
                line.append(String.format(Locale.ROOT, "  %s %s (%.2f)", each.getKey(), text(theirs, row.unit()), row
                        .unit() == StorageRow.Unit.PER_SECOND || row.unit() == StorageRow.Unit.MEBIBYTES
                                ? ours / theirs : theirs / ours));
            }
        }
        out.println(line);
        out.flush();
    }

    private static String text(double value, StorageRow.Unit unit) {
        return switch (unit) {
            case SECONDS, PROCESS_SECONDS -> String.format(Locale.ROOT, "%.3f s", value);
            case PER_SECOND -> String.format(Locale.ROOT, "%.0f /s", value);
            case MEBIBYTES -> String.format(Locale.ROOT, "%.0f MiB/s", value);
        };
    }
}
