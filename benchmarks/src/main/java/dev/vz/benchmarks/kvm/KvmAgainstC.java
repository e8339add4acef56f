package dev.vz.benchmarks.kvm;

import dev.vz.benchmarks.CProgram;
import dev.vz.benchmarks.Comparison;
import dev.vz.linux.thread.NativeThread;
import java.io.IOException;
import java.util.BitSet;

/**
 * Times exits, interrupts and kicks against a C program that does the same, in turns; prints medians and their ratio.
 *
 * <p>
 * Exits: one KVM_RUN round trip with the access decoded, handled and answered, both sides on one processor and both so that
 * a kick gets them out of the guest (KVM_SET_SIGNAL_MASK, which costs the kernel about 120 ns each time). Interrupts: one
 * round of doorbell (ioeventfd) and interrupt (irqfd), the guest on one processor and the event thread wherever the
 * scheduler puts it. Kicks: from the call until the run has returned on the vCPU's thread.
 *
 * <pre>
 * java --enable-native-access=ALL-UNNAMED -cp benchmarks/target/benchmarks.jar \
 *     dev.vz.benchmarks.kvm.KvmAgainstC [TURNS] [EXITS] [ROUNDS] [KICKS]
 * </pre>
 */
public final class KvmAgainstC {

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
        var table = new Comparison("C", "Java");
        try (var program = new CProgram(KvmAgainstC.class, "kvm.c")) {
            run(table, program, pairs, exits, rounds, kicks);
        }
        table.print(pairs);
    }

    private static int argument(String[] arguments, int index, int otherwise) {
        return arguments.length > index ? Integer.parseInt(arguments[index]) : otherwise;
    }

    private static void run(Comparison table, CProgram program, int pairs, int exits, int rounds, int kicks)
            throws IOException, InterruptedException {
        BitSet everywhere = NativeThread.affinity(0);
        int processor = everywhere.length() - 1;
        for (ExitLoop.Kind kind : ExitLoop.Kind.values()) {
            try (var loop = new ExitLoop(kind)) {
                for (int i = 0; i < 5; i++) {
                    loop.run(exits); // until it is compiled
                }
                for (int i = 0; i < pairs; i++) {
                    table.add("C", kind.name(), program.number("exits", kind.name(), exits, processor));
                    table.add("Java", kind.name(), onProcessor(processor, everywhere, () -> {
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
            table.add("C", "DOORBELL_AND_INTERRUPT", program.number("interrupts", rounds, processor));
            table.add("Java", "DOORBELL_AND_INTERRUPT", InterruptLoop.run(rounds, processor));
            table.add("C", "KICK", program.number("kicks", kicks));
            table.add("Java", "KICK", KickLoop.run(kicks));
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
}
