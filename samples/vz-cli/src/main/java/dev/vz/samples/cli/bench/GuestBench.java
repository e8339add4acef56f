package dev.vz.samples.cli.bench;

import dev.vz.error.HostException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code vz bench guest}: what reaches a guest's programs of its disk and its network, on the software CPU and on QEMU's TCG.
 */
@Command(name = "guest", mixinStandardHelpOptions = true, sortOptions = false, header = "Measures a guest's disk and network on the software CPU and on QEMU's TCG.", description = {
    "",
    "Debian's kernel with its own virtio drivers, the same root file system and the same image on both, each with its",
    "default options. Disk: blocks of 1 MiB in order and of 4 KiB anywhere, past the guest's page cache. Network: one TCP",
    "connection with this process, through each one's own gateway for users. The sides take turns, a boot each.", ""})
final class GuestBench implements Callable<Integer> {

    private static final int MOST = 1000;
    private static final int MOST_CPUS = 64;
    private static final int SMALL = 4096;

    /** What is measured, in the order of the table; the values are what {@code load} is told. */
    enum Load {
        WRITE("writes of 1 MiB", true, "write 1048576 1"), READ("reads of 1 MiB", true, "read 1048576 1"), RANDOM_WRITE(
                "random writes of 4 KiB", true, "write 4096 1"),
        RANDOM_READ("random reads of 4 KiB", true,
                "read 4096 1"),
        DEEP_READ("the same, 8 at a time", true,
                "read 4096 8"),
        SEND("sends", false, "send"), RECEIVE("receives", false, "receive");

        final String title;
        final boolean disk;
        final String words;

        Load(String title, boolean disk, String words) {
            this.title = title;
            this.disk = disk;
            this.words = words;
        }

        /** What selects it alone. */
        String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        /** {@code rate} bytes per second, in the table's unit. */
        String shown(double rate) {
            return words.contains(" " + SMALL + " ") ? String.format("%.0f/s", rate / SMALL)
                    : String.format("%.1f MB/s", rate / 1e6);
        }
    }

    /** What selects one measurement. */
    static final class Names extends ArrayList<String> {
        private static final long serialVersionUID = 1L;

        Names() {
            super(Stream.of(Load.values()).map(Load::word).toList());
        }
    }

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = "--runs", paramLabel = "N", defaultValue = "5", description = "Guests on each side (default: ${DEFAULT-VALUE}).")
    private int runs;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "2", description = "Of each measurement (default: ${DEFAULT-VALUE}).")
    private int seconds;

    @Option(names = "--warm-up", paramLabel = "S", defaultValue = "8", description = "Seconds of the same before each, which do not count (default: ${DEFAULT-VALUE}).")
    private int warmUp;

    @Option(names = "--cpus", paramLabel = "N", defaultValue = "1", description = "Virtual processors (default: ${DEFAULT-VALUE}).")
    private int cpus;

    @Option(names = "--only", paramLabel = "PART", defaultValue = "all", description = "disk, net, or one of ${COMPLETION-CANDIDATES}.", completionCandidates = Names.class)
    private String only = "all";

    @Override
    public Integer call() throws InterruptedException {
        BenchCommand.positive(spec, "--runs", runs, MOST);
        BenchCommand.positive(spec, "--seconds", seconds, MOST);
        BenchCommand.positive(spec, "--warm-up", warmUp, MOST);
        BenchCommand.positive(spec, "--cpus", cpus, MOST_CPUS);
        List<Load> loads = Stream.of(Load.values())
                .filter(load -> List.of("all", load.disk ? "disk" : "net", load.word()).contains(only)).toList();
        if (loads.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "'" + only + "' is none of all, disk, net and "
                    + String.join(", ", new Names()));
        }
        try {
            Path folder = Files.createTempDirectory("vz-bench");
            try (var server = new StreamServer()) {
                measure(new LoadGuest(folder, loads, warmUp, seconds, cpus, server.port()), loads);
            } finally {
                try (Stream<Path> files = Files.walk(folder)) {
                    for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                        Files.delete(file);
                    }
                }
            }
        } catch (IOException failure) {
            throw new HostException("measuring guests", "the folder for temporary files", failure);
        }
        return 0;
    }

    private void measure(LoadGuest guest, List<Load> loads) throws IOException, InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        List<String> self = Peer.self(spec);
        var ours = new ArrayList<Map<Load, Double>>();
        var theirs = new ArrayList<Map<Load, Double>>();
        for (int i = 0; i < runs; i++) {
            ours.add(guest.vz(self));
            theirs.add(guest.qemu());
            for (Load load : loads) {
                out.printf("turn %d  %-24s vz %14s   TCG %14s%n", i + 1, load.title,
                        load.shown(rates(ours, load).getLast()), load.shown(rates(theirs, load).getLast()));
            }
            out.flush();
        }
        out.printf("%-24s %14s %14s %7s%n", "medians of " + runs, "vz", "TCG", "ratio");
        for (Load load : loads) {
            double vz = Peer.median(rates(ours, load));
            double tcg = Peer.median(rates(theirs, load));
            out.printf("%-24s %14s %14s %7.2f%n", load.title, load.shown(vz), load.shown(tcg), vz / tcg);
        }
    }

    private static List<Double> rates(List<Map<Load, Double>> turns, Load load) {
        return turns.stream().map(turn -> Objects.requireNonNull(turn.get(load))).toList();
    }
}
