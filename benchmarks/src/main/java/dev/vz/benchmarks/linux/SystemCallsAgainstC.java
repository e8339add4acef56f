package dev.vz.benchmarks.linux;

import dev.vz.linux.thread.NativeThread;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * Times {@link SystemCalls} against a C program that makes the same calls, side by side: both on one processor, in turns,
 * medians and their ratio. The C program runs twice: with a second, sleeping thread, as every monitor has one, and alone,
 * where the kernel spares it the counting of descriptors in use.
 *
 * <pre>
 * java --enable-native-access=ALL-UNNAMED -cp benchmarks/target/benchmarks.jar \
 *     dev.vz.benchmarks.linux.SystemCallsAgainstC [PAIRS] [CALLS]
 * </pre>
 */
public final class SystemCallsAgainstC {

    private static final String SOURCE = "system-calls.c";

    private SystemCallsAgainstC() {}

    /**
     * Runs the comparison.
     *
     * @param arguments how many pairs (11), and how many calls a run makes of each operation (300000)
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        int pairs = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 11;
        int calls = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 300_000;
        BitSet processors = NativeThread.affinity(0);
        int processor = processors.length() - 1;
        Path folder = Files.createTempDirectory("vz-benchmark");
        try {
            Path program = compile(folder);
            var java = new LinkedHashMap<String, List<Double>>();
            var c = new LinkedHashMap<String, List<Double>>();
            var alone = new LinkedHashMap<String, List<Double>>();
            var calling = new SystemCalls();
            calling.register();
            calling.check();
            for (int i = 0; i < 20; i++) {
                runJava(calling, calls / 4, new LinkedHashMap<>());
            }
            var one = new BitSet();
            one.set(processor);
            NativeThread.setAffinity(0, one);
            for (int i = 0; i < pairs; i++) {
                runC(program, processor, calls, 2, c);
                runJava(calling, calls, java);
                runC(program, processor, calls, 1, alone);
            }
            calling.close();
            print(java, c, alone, pairs);
        } finally {
            Files.deleteIfExists(folder.resolve("system-calls"));
            Files.deleteIfExists(folder.resolve(SOURCE));
            Files.delete(folder);
        }
    }

    private static void print(Map<String, List<Double>> java, Map<String, List<Double>> c,
            Map<String, List<Double>> alone, int pairs) {
        System.out.printf("medians of %d turns, ns per operation%n%-14s %10s %10s %7s %14s%n", pairs, "operation", "C",
                "Java", "ratio", "C, one thread");
        c.forEach((operation, times) -> {
            double theirs = median(times);
            double ours = median(java.getOrDefault(operation, List.of()));
            System.out.printf("%-14s %10.1f %10.1f %7.3f %14.1f%n", operation, theirs, ours, ours / theirs,
                    median(alone.getOrDefault(operation, List.of())));
        });
    }

    private static Path compile(Path folder) throws IOException, InterruptedException {
        Path source = folder.resolve(SOURCE);
        try (InputStream text = SystemCallsAgainstC.class.getResourceAsStream(SOURCE)) {
            if (text == null) {
                throw new IOException(SOURCE + " is missing from the benchmarks");
            }
            Files.copy(text, source);
        }
        Path program = folder.resolve("system-calls");
        run("gcc", "-O2", "-pthread", "-Wall", "-Werror", "-o", program.toString(), source.toString());
        return program;
    }

    private static void runC(Path program, int processor, int calls, int threads, Map<String, List<Double>> times)
            throws IOException, InterruptedException {
        String output = run(program.toString(), Integer.toString(processor), Integer.toString(calls),
                Integer.toString(threads));
        for (String line : output.lines().toList()) {
            String[] columns = line.split(" ");
            times.computeIfAbsent(columns[0], name -> new ArrayList<>()).add(Double.parseDouble(columns[1]));
        }
    }

    private static void runJava(SystemCalls calling, int calls, Map<String, List<Double>> times) {
        time("ioctl", calls, calling::ioctl, times);
        time("ioctl-errno", calls, calling::ioctlErrno, times);
        time("eventfd-round", calls, calling::eventfdRound, times);
        time("pread-512", calls, calling::pread512, times);
        time("epoll-round", calls, calling::epollRound, times);
    }

    private static void time(String operation, int calls, LongSupplier call, Map<String, List<Double>> times) {
        long sum = 0;
        long start = System.nanoTime();
        for (int i = 0; i < calls; i++) {
            sum += call.getAsLong();
        }
        double perCall = (double) (System.nanoTime() - start) / calls;
        if (sum == Long.MIN_VALUE) {
            throw new IllegalStateException("the results are used, so that the calls are made");
        }
        times.computeIfAbsent(operation, name -> new ArrayList<>()).add(perCall);
    }

    private static double median(List<Double> times) {
        var sorted = times.stream().sorted().toList();
        return sorted.isEmpty() ? Double.NaN : sorted.get(sorted.size() / 2);
    }

    private static String run(String... command) throws IOException, InterruptedException {
        var process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + " ended with status " + process.exitValue());
        }
        return output;
    }
}
