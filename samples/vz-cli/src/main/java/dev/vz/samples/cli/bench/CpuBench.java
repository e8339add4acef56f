package dev.vz.samples.cli.bench;

import dev.vz.error.GuestException;
import dev.vz.error.HostException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code vz bench cpu}: times computing kernels on the software CPU and on QEMU's TCG, in turns. */
@Command(name = "cpu", mixinStandardHelpOptions = true, sortOptions = false, header = "Times kernels of C code on the software CPU and on QEMU's TCG.", description = {
    "", "Each run makes several rounds of each kernel. A run counts as the median of the last half of its rounds,",
    "which leaves out the warming up; the table shows medians of the runs and QEMU's time divided by vz's.", ""})
final class CpuBench implements Callable<Integer> {

    private static final int MOST = 1000;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = "--runs", paramLabel = "N", defaultValue = "3", description = "Runs on each side (default: ${DEFAULT-VALUE}).")
    private int runs;

    @Option(names = "--rounds", paramLabel = "N", defaultValue = "32", description = "Rounds of each kernel in a run (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(names = "--kernel", paramLabel = "NAME", description = "Only this one.")
    private @Nullable String kernel;

    @Option(names = "--interpreter", description = "One round without translation, too.")
    private boolean interpreter;

    @Override
    public Integer call() throws InterruptedException {
        BenchCommand.positive(spec, "--runs", runs, MOST);
        BenchCommand.positive(spec, "--rounds", rounds, MOST);
        try {
            Path folder = Files.createTempDirectory("vz-bench");
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
            throw new HostException("measuring the software CPU", "the folder for temporary files", failure);
        }
        return 0;
    }

    private void measure(Path folder, PrintWriter out) throws IOException, InterruptedException {
        var translated = new ArrayList<ComputeGuest.Times>();
        var interpreted = new ArrayList<ComputeGuest.Times>();
        var qemu = new ArrayList<ComputeGuest.Times>();
        var guest = new ComputeGuest(folder, rounds, kernel);
        var shorter = interpreter ? new ComputeGuest(Files.createDirectory(folder.resolve("short")), 1, kernel) : guest;
        for (int i = 0; i < runs; i++) {
            translated.add(guest.emulated(true));
            qemu.add(guest.qemu());
            if (interpreter) {
                interpreted.add(shorter.emulated(false));
            }
        }
        report(translated, interpreted, qemu, out);
    }

    private static double median(List<ComputeGuest.Times> runs, String kernel) {
        return Peer.median(runs.stream().map(times -> times.steady(kernel)).toList());
    }

    private void report(List<ComputeGuest.Times> translated, List<ComputeGuest.Times> interpreted,
            List<ComputeGuest.Times> qemu, PrintWriter out) {
        if (qemu.getFirst().seconds.isEmpty()) {
            throw new GuestException("The guest has no kernel " + kernel + ", or QEMU did not run it");
        }
        out.printf("%-10s %13s %13s %13s %7s%n", "kernel", "translated", "interpreted", "TCG", "ratio");
        double logarithms = 0;
        for (String name : qemu.getFirst().seconds.keySet()) {
            if (!Objects.equals(translated.getFirst().results.get(name), qemu.getFirst().results.get(name))) {
                throw new GuestException("The kernel " + name + " computed " + translated.getFirst().results.get(name)
                        + " on the software CPU and " + qemu.getFirst().results.get(name) + " on QEMU");
            }
            double ours = median(translated, name);
            double theirs = median(qemu, name);
            String plain = interpreted.isEmpty() ? "-" : String.format("%.1f ms", median(interpreted, name) * 1e3);
            out.printf("%-10s %10.1f ms %13s %10.1f ms %7.2f%n", name, ours * 1e3, plain, theirs * 1e3,
                    theirs / ours);
            logarithms += Math.log(theirs / ours);
        }
        out.printf("geometric mean of the ratios: %.2f%n", Math.exp(logarithms / qemu.getFirst().seconds.size()));
    }
}
