package dev.vz.benchmarks.kvm;

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

/**
 * Times exits, interrupts and kicks against a C program that does the same, in turns; prints medians and their ratio.
 *
 * <p>
 * Exits: one KVM_RUN round trip with the access decoded, handled and answered, both sides on one processor. Interrupts: one
 * round of doorbell (ioeventfd) and interrupt (irqfd), the guest on one processor and the event thread wherever the
 * scheduler puts it. Kicks: from the call until the run has returned on the vCPU's thread.
 */
public final class KvmAgainstC {

    private static final String SOURCE = "kvm.c";

    private KvmAgainstC() {}

    /**
     * Runs the comparison.
     *
     * @param arguments how many pairs (11), exits in a run (20000), rounds of interrupts (5000), and kicks (1000)
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        int pairs = argument(arguments, 0, 11);
        int exits = argument(arguments, 1, 20_000);
        int rounds = argument(arguments, 2, 5_000);
        int kicks = argument(arguments, 3, 1_000);
        Path folder = Files.createTempDirectory("vz-benchmark");
        try {
            var table = new Table();
            run(table, compile(folder), pairs, exits, rounds, kicks);
            table.print(pairs);
        } finally {
            Files.deleteIfExists(folder.resolve("kvm"));
            Files.deleteIfExists(folder.resolve(SOURCE));
            Files.delete(folder);
        }
    }

    private static int argument(String[] arguments, int index, int otherwise) {
        return arguments.length > index ? Integer.parseInt(arguments[index]) : otherwise;
    }

    private static void run(Table table, Path program, int pairs, int exits, int rounds, int kicks)
            throws IOException, InterruptedException {
        BitSet everywhere = NativeThread.affinity(0);
        int processor = everywhere.length() - 1;
        for (ExitLoop.Kind kind : ExitLoop.Kind.values()) {
            try (var loop = new ExitLoop(kind)) {
                for (int i = 0; i < 5; i++) {
                    loop.run(exits); // until it is compiled
                }
                for (int i = 0; i < pairs; i++) {
                    table.c(kind.name(), execute(program, "exits", kind.name(), exits, processor));
                    table.java(kind.name(), onProcessor(processor, everywhere, () -> {
                        loop.run(exits / 4);
                        long start = System.nanoTime();
                        loop.run(exits);
                        return (double) (System.nanoTime() - start) / exits;
                    }));
                }
            }
        }
        for (int i = 0; i < 3; i++) {
            InterruptLoop.run(rounds, processor);
            KickLoop.run(kicks);
        }
        for (int i = 0; i < pairs; i++) {
            table.c("DOORBELL_AND_INTERRUPT", execute(program, "interrupts", rounds, processor));
            table.java("DOORBELL_AND_INTERRUPT", InterruptLoop.run(rounds, processor));
            table.c("KICK", execute(program, "kicks", kicks));
            table.java("KICK", KickLoop.run(kicks));
        }
    }

    /** Something that is timed. */
    private interface Timed {
        double run();
    }

    private static double onProcessor(int processor, BitSet everywhere, Timed timed) {
        var one = new BitSet();
        one.set(processor);
        NativeThread.setAffinity(0, one);
        try {
            return timed.run();
        } finally {
            NativeThread.setAffinity(0, everywhere);
        }
    }

    private static Path compile(Path folder) throws IOException, InterruptedException {
        Path source = folder.resolve(SOURCE);
        try (InputStream text = KvmAgainstC.class.getResourceAsStream(SOURCE)) {
            if (text == null) {
                throw new IOException(SOURCE + " is missing from the benchmarks");
            }
            Files.copy(text, source);
        }
        Path program = folder.resolve("kvm");
        output(List.of("gcc", "-O2", "-pthread", "-Wall", "-Werror", "-o", program.toString(), source.toString()));
        return program;
    }

    private static double execute(Path program, Object... arguments) throws IOException, InterruptedException {
        var command = new ArrayList<String>();
        command.add(program.toString());
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        return Double.parseDouble(output(command).strip());
    }

    private static String output(List<String> command) throws IOException, InterruptedException {
        var process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + " ended with status " + process.exitValue());
        }
        return output;
    }

    /** Times by operation, of both sides. */
    private static final class Table {
        private final Map<String, List<Double>> c = new LinkedHashMap<>();
        private final Map<String, List<Double>> java = new LinkedHashMap<>();

        void c(String operation, double nanos) {
            c.computeIfAbsent(operation, name -> new ArrayList<>()).add(nanos);
        }

        void java(String operation, double nanos) {
            java.computeIfAbsent(operation, name -> new ArrayList<>()).add(nanos);
        }

        void print(int pairs) {
            System.out.printf("medians of %d turns, ns%n%-24s %10s %10s %7s %12s%n", pairs, "operation", "C", "Java",
                    "ratio", "of pairs");
            c.forEach((operation, theirs) -> {
                List<Double> ours = java.getOrDefault(operation, List.of());
                var ratios = new ArrayList<Double>();
                for (int i = 0; i < Math.min(ours.size(), theirs.size()); i++) {
                    ratios.add(ours.get(i) / theirs.get(i));
                }
                System.out.printf("%-24s %10.0f %10.0f %7.3f %12.3f%n", operation, median(theirs), median(ours),
                        median(ours) / median(theirs), median(ratios));
            });
        }

        private static double median(List<Double> values) {
            var sorted = values.stream().sorted().toList();
            return sorted.isEmpty() ? Double.NaN : sorted.get(sorted.size() / 2);
        }
    }
}
