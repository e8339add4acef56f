package dev.vz.benchmarks.kvm;

import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/** From a kick until the run has returned, for a guest that computes and never leaves by itself. */
final class KickLoop {

    /** How long the guest is left alone before the next kick, so that it is well inside. */
    private static final long PAUSE_NANOS = 30_000;

    private KickLoop() {}

    /** The median of {@code kicks} kicks, in nanoseconds. */
    static double run(int kicks) throws InterruptedException {
        try (var guest = new BenchmarkGuest(Interrupts.NONE, "ebfe")) {
            var returned = new long[kicks];
            var round = new AtomicInteger();
            Thread runner = Thread.ofPlatform().start(() -> {
                for (int i = 0; i < kicks; i++) {
                    guest.vcpu.run();
                    returned[i] = System.nanoTime();
                    round.setRelease(i + 1);
                }
            });
            var latencies = new long[kicks];
            for (int i = 0; i < kicks; i++) {
                spin(PAUSE_NANOS);
                long start = System.nanoTime();
                guest.vcpu.kick();
                while (round.getAcquire() <= i) {
                    Thread.onSpinWait();
                }
                latencies[i] = returned[i] - start;
            }
            runner.join();
            Arrays.sort(latencies);
            return latencies[kicks / 2];
        }
    }

    private static void spin(long nanos) {
        long end = System.nanoTime() + nanos;
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }
}
