package dev.vz.samples.sandbox;

import dev.vz.error.GuestException;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.Hypervisors;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;

/** Measures a loop in the sandbox against the same loop run natively, turn by turn, and what a sandbox itself costs. */
public final class SandboxSpeed {

    /**
     * The sum of 1 to RDI, an instruction a time: {@code mov rcx, rdi; xor eax, eax; next: add rax, rcx; dec rcx; jnz next}.
     */
    private static final String LOOP = "4889f9" + "31c0" + "4801c8" + "48ffc9" + "75f8";
    private static final int INSTRUCTIONS_PER_TURN = 3;
    /** {@code ret}. */
    private static final String RETURN = "c3";
    /** {@code mov [rsi], rax}, and a jump to itself, which is not reached. */
    private static final String THROUGH_THE_DOOR = "488906" + "ebfe";

    private static final int PAIRS = 7;
    private static final int CALLS = 2000;
    private static final Duration LIMIT = Duration.ofMinutes(1);

    /**
     * What was measured; times are medians.
     *
     * @param turns         turns of the loop in one run
     * @param nativeNanos   of one run without the sandbox
     * @param sandboxNanos  of one run in it
     * @param callNanos     of entering the sandbox and leaving it, without anything to do
     * @param creationNanos of making a sandbox, using it once and closing it
     */
    record Report(long turns, long nativeNanos, long sandboxNanos, long callNanos, long creationNanos) {

        /** The sandbox's time for each unit of native time. */
        double ratio() {
            return (double) sandboxNanos / nativeNanos;
        }

        /** Instructions per second in the sandbox. */
        double sandboxRate() {
            return turns * INSTRUCTIONS_PER_TURN * 1e9 / sandboxNanos;
        }

        private double nativeRate() {
            return turns * INSTRUCTIONS_PER_TURN * 1e9 / nativeNanos;
        }

        void print(PrintStream out) {
            out.printf(Locale.ROOT, "native   %8.0f million instructions/s%n", nativeRate() / 1e6);
            out.printf(Locale.ROOT, "sandbox  %8.0f million instructions/s, %.3f times the native time%n",
                    sandboxRate() / 1e6,
                    ratio());
            out.printf(Locale.ROOT, "call     %8.1f microseconds into the sandbox and out of it%n", callNanos / 1e3);
            out.printf(Locale.ROOT, "create   %8.1f microseconds to make a sandbox, use it once and close it%n",
                    creationNanos / 1e3);
        }
    }

    private SandboxSpeed() {}

    /** Measures; the only argument, if any, is the number of turns of the loop. */
    public static void main(String[] arguments) {
        long turns = arguments.length > 0 ? Long.parseLong(arguments[0]) : 500_000_000;
        Hypervisor hypervisor = Hypervisors.best();
        System.out.println(
                "The sum of 1 to " + turns + " in ring 3 on " + hypervisor.name() + ", median of " + PAIRS + ":");
        measure(hypervisor, turns).print(System.out);
    }

    static Report measure(Hypervisor hypervisor, long turns) {
        byte[] sandboxed = HexFormat.of().parseHex(LOOP + THROUGH_THE_DOOR);
        byte[] natively = HexFormat.of().parseHex(LOOP + RETURN);
        var nativeNanos = new long[PAIRS];
        var sandboxNanos = new long[PAIRS];
        long callNanos;
        try (Sandbox sandbox = Sandbox.of(hypervisor, sandboxed); var code = new NativeCode(natively)) {
            for (int i = 0; i < PAIRS; i++) {
                long start = System.nanoTime();
                long expected = code.call(turns);
                long between = System.nanoTime();
                require(sandbox.run(turns, LIMIT), expected);
                sandboxNanos[i] = System.nanoTime() - between;
                nativeNanos[i] = between - start;
            }
            callNanos = median(CALLS, () -> require(sandbox.run(1, LIMIT), 1));
        }
        long creationNanos = median(CALLS / 20, () -> {
            try (Sandbox sandbox = Sandbox.of(hypervisor, sandboxed)) {
                require(sandbox.run(1, LIMIT), 1);
            }
        });
        return new Report(turns, median(nativeNanos), median(sandboxNanos), callNanos, creationNanos);
    }

    private static void require(Sandbox.Result result, long expected) {
        if (!result.equals(new Sandbox.Result.Returned(expected))) {
            throw new GuestException("The loop in the sandbox gave " + result + ", natively it gave " + expected);
        }
    }

    private static long median(int times, Runnable action) {
        var nanos = new long[times];
        for (int i = 0; i < times; i++) {
            long start = System.nanoTime();
            action.run();
            nanos[i] = System.nanoTime() - start;
        }
        return median(nanos);
    }

    private static long median(long[] values) {
        long[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
