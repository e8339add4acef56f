package dev.vz.benchmarks.linux;

import dev.vz.benchmarks.CProgram;
import dev.vz.benchmarks.Comparison;
import dev.vz.linux.thread.NativeThread;
import java.io.IOException;
import java.util.BitSet;
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
        var table = new Comparison("C", "Java", "C, one thread");
        try (var program = new CProgram(SystemCallsAgainstC.class, "system-calls.c"); var calling = new SystemCalls()) {
            calling.register();
            calling.check();
            for (int i = 0; i < 20; i++) {
                runJava(calling, calls / 4, new Comparison("Java")); // until it is compiled
            }
            var one = new BitSet();
            one.set(processor);
            NativeThread.setAffinity(0, one);
            for (int i = 0; i < pairs; i++) {
                table.addLines("C", program.run(processor, calls, 2));
                runJava(calling, calls, table);
                table.addLines("C, one thread", program.run(processor, calls, 1));
            }
        }
        table.print(pairs);
    }

    private static void runJava(SystemCalls calling, int calls, Comparison table) {
        time("ioctl", calls, calling::ioctl, table);
        time("ioctl-errno", calls, calling::ioctlErrno, table);
        time("eventfd-round", calls, calling::eventfdRound, table);
        time("pread-512", calls, calling::pread512, table);
        time("epoll-round", calls, calling::epollRound, table);
    }

    private static void time(String operation, int calls, LongSupplier call, Comparison table) {
        long sum = 0;
        long start = System.nanoTime();
        for (int i = 0; i < calls; i++) {
            sum += call.getAsLong();
        }
        double perCall = (double) (System.nanoTime() - start) / calls;
        if (sum == Long.MIN_VALUE) {
            throw new IllegalStateException("the results are used, so that the calls are made");
        }
        table.add("Java", operation, perCall);
    }
}
