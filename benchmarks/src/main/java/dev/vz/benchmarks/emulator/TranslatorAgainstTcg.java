package dev.vz.benchmarks.emulator;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Times the kernels of {@code compute.c} on the software CPU with and without translation and on QEMU's TCG, in turns, in
 * one process for the software CPU: the median of the last half of the rounds of each run, and the median of the runs.
 *
 * <pre>
 * java --enable-native-access=ALL-UNNAMED -cp benchmarks/target/benchmarks.jar \
 *     dev.vz.benchmarks.emulator.TranslatorAgainstTcg [RUNS] [ROUNDS] [interpreter|translator] [KERNEL]
 * </pre>
 */
public final class TranslatorAgainstTcg {

    private TranslatorAgainstTcg() {}

    /**
     * Runs the comparison.
     *
     * @param arguments how many runs (3), how many rounds of each kernel a run makes (8), whether to run the
     *                  interpreter as well, and the only kernel to run
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        int runs = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 3;
        int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 8;
        boolean interpreter = arguments.length > 2 && arguments[2].equals("interpreter");
        String only = arguments.length > 3 ? arguments[3] : null;
        Path folder = Files.createTempDirectory("vz-benchmark");
        var translated = new ArrayList<ComputeGuest.Times>();
        var interpreted = new ArrayList<ComputeGuest.Times>();
        var qemu = new ArrayList<ComputeGuest.Times>();
        try {
            var guest = new ComputeGuest(folder, rounds, only);
            var shorter = interpreter ? new ComputeGuest(Files.createDirectory(folder.resolve("short")), 1, only)
                    : guest;
            for (int i = 0; i < runs; i++) {
                translated.add(guest.emulated(true));
                qemu.add(guest.qemu());
                if (interpreter) {
                    interpreted.add(shorter.emulated(false));
                }
            }
        } finally {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
        report(translated, interpreted, qemu);
    }

    private static double median(List<ComputeGuest.Times> runs, String kernel) {
        var all = runs.stream().map(times -> times.steady(kernel)).sorted().toList();
        return all.get(all.size() / 2);
    }

    private static void report(List<ComputeGuest.Times> translated, List<ComputeGuest.Times> interpreted,
            List<ComputeGuest.Times> qemu) {
        System.out.printf("%-10s %12s %12s %12s %14s%n", "kernel", "translated", "interpreted", "TCG",
                "TCG/translated");
        double logarithms = 0;
        int count = 0;
        for (String kernel : qemu.getFirst().seconds.keySet()) {
            double ours = median(translated, kernel);
            double theirs = median(qemu, kernel);
            String plain = interpreted.isEmpty() ? "-"
                    : String.format("%.1f ms", median(interpreted, kernel) * 1000);
            String same = Objects.equals(translated.getFirst().results.get(kernel), qemu.getFirst().results.get(kernel))
                    ? ""
                    : "  results differ";
            System.out.printf("%-10s %9.1f ms %12s %9.1f ms %14.2f%s   first rounds %s%n", kernel, ours * 1000, plain,
                    theirs * 1000, theirs / ours, same,
                    first(translated.getFirst().seconds.getOrDefault(kernel, List.of())));
            logarithms += Math.log(theirs / ours);
            count++;
        }
        System.out.printf("geometric mean %.2f%n", Math.exp(logarithms / count));
    }

    private static String first(List<Double> seconds) {
        var text = new StringBuilder();
        for (double value : seconds.subList(0, Math.min(5, seconds.size()))) {
            text.append(Math.round(value * 1000)).append(' ');
        }
        return text.toString();
    }
}
