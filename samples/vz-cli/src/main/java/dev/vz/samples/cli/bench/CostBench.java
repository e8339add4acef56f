package dev.vz.samples.cli.bench;

import dev.vz.error.GuestException;
import dev.vz.error.HostException;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vz bench cost}: what a Linux guest on the software CPU costs while it is idle, in memory, and what processors give it. */
@Command(name = "cost", mixinStandardHelpOptions = true, sortOptions = false, header = "Measures what a Linux guest on the software CPU costs its host.", description = {
    "", "idle: the processor time of a guest that sleeps. memory: what the JVM takes beside the guest's memory after a",
    "boot, as jcmd tells. processors: the time of a parallel workload, by the guest's clock, with one virtual",
    "processor and with --cpus of them.", ""})
final class CostBench implements Callable<Integer> {

    private static final int MOST = 1000;
    private static final int MOST_CPUS = 64;
    private static final List<String> PARTS = List.of("idle", "memory", "processors");
    /** Until the just-in-time compilers have caught up with a boot. */
    private static final int SETTLING_SECONDS = 12;
    private static final String UP = "the-guest-is-up";
    /** Prints UP and idles: what a guest does that waits for its user. */
    private static final String IDLE = "echo " + UP + "; sleep 1000";

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Parameters(paramLabel = "PART", arity = "0..*", description = "Some of idle, memory and processors (default: all).")
    private List<String> parts = new ArrayList<>();

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "10", description = "How long the idle guest is watched (default: ${DEFAULT-VALUE}).")
    private int seconds;

    @Option(names = "--cpus", paramLabel = "N", defaultValue = "2", description = "Virtual processors of the parallel workload (default: ${DEFAULT-VALUE}).")
    private int cpus;

    @Option(names = "--size", paramLabel = "MIB", defaultValue = "24", description = "What each process of the workload hashes, three times (default: ${DEFAULT-VALUE}).")
    private int size;

    @Option(names = "--runs", paramLabel = "N", defaultValue = "3", description = "Turns of the workload in each guest; the best counts (default: ${DEFAULT-VALUE}).")
    private int runs;

    @Override
    public Integer call() throws InterruptedException {
        BenchCommand.positive(spec, "--seconds", seconds, MOST);
        BenchCommand.positive(spec, "--cpus", cpus, MOST_CPUS);
        BenchCommand.positive(spec, "--size", size, MOST);
        BenchCommand.positive(spec, "--runs", runs, MOST);
        for (String part : parts) {
            if (!PARTS.contains(part)) {
                throw new ParameterException(spec.commandLine(), "'" + part + "' is none of " + PARTS);
            }
        }
        PrintWriter out = spec.commandLine().getOut();
        List<String> self;
        try {
            self = Peer.self(spec);
        } catch (IOException failure) {
            throw new HostException("finding out how this program was started", "/proc/self", failure);
        }
        for (String part : parts.isEmpty() ? PARTS : parts) {
            switch (part) {
                case "idle" -> idle(self, out);
                case "memory" -> memory(self, out);
                default -> processors(self, out);
            }
            out.flush();
        }
        return 0;
    }

    private static void awaitBoot(LinuxGuest guest) throws InterruptedException {
        String line = guest.line();
        if (!line.equals(UP)) {
            throw new GuestException("The guest said \"" + line + "\" instead of \"" + UP + "\"");
        }
        Thread.sleep(SETTLING_SECONDS * 1000L);
    }

    private void idle(List<String> self, PrintWriter out) throws InterruptedException {
        try (var guest = new LinuxGuest(self, List.of(), 1, IDLE)) {
            awaitBoot(guest);
            long before = guest.processorTime().toMillis();
            long begun = System.nanoTime();
            Thread.sleep(seconds * 1000L);
            double used = guest.processorTime().toMillis() - before;
            out.printf("idle: %.1f %% of a core over %d s%n", used * 1e8 / (System.nanoTime() - begun), seconds);
        }
    }

    private static void memory(List<String> self, PrintWriter out) throws InterruptedException {
        try (var guest = new LinuxGuest(self, List.of("-XX:NativeMemoryTracking=summary"), 1, IDLE)) {
            awaitBoot(guest);
            long garbage = JvmMemory.heapUsed(guest.ask("GC.heap_info"));
            guest.ask("GC.run");
            long used = JvmMemory.heapUsed(guest.ask("GC.heap_info"));
            JvmMemory memory = JvmMemory.of(guest.ask("VM.native_memory", "summary", "scale=KB"));
            out.printf("memory: %.0f MiB committed beside the guest's%n", mebibytes(memory.total()));
            memory.committed().entrySet().stream().filter(category -> category.getValue() >= 1 << 20)
                    .forEach(category -> out.printf("  %-24s %6.1f MiB%n", category.getKey(),
                            mebibytes(category.getValue())));
            out.printf("  of the heap %.1f MiB in use before a collection, %.1f MiB after it%n", mebibytes(garbage),
                    mebibytes(used));
        }
    }

    private static double mebibytes(long bytes) {
        return bytes / 1048576.0;
    }

    private void processors(List<String> self, PrintWriter out) {
        double one = seconds(self, 1);
        double several = seconds(self, cpus);
        out.printf(
                "processors: %d processes of the workload take %.2f s on 1 processor, %.2f s on %d: %.2f times as fast%n",
                cpus, one, several, cpus, one / several);
    }

    /** Of as many processes as the larger guest has processors, at once, on {@code processors} of them. */
    private double seconds(List<String> self, int processors) {
        String script = "dd if=/dev/zero of=/z bs=1M count=" + size + " 2>/dev/null; "
                + "f() { for i in 1 2 3; do sha256sum /z; done >/dev/null; }; "
                + "for turn in $(seq " + runs + "); do read a b </proc/uptime; "
                + "for p in $(seq " + cpus + "); do f & done; wait; read c d </proc/uptime; echo $a $c; done";
        try (var guest = new LinuxGuest(self, List.of(), processors, script)) {
            double best = Double.MAX_VALUE;
            for (int i = 0; i < runs; i++) {
                String[] times = guest.line().split(" ", -1);
                best = Math.min(best, Double.parseDouble(times[1]) - Double.parseDouble(times[0]));
            }
            return best;
        }
    }
}
