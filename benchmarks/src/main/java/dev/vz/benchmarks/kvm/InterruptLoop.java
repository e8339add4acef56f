package dev.vz.benchmarks.kvm;

import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.irq.Doorbell;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.thread.NativeThread;
import dev.vz.kvm.KvmInterrupts;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.concurrent.CountDownLatch;

/**
 * Doorbell and interrupt, round and round: the guest rings (ioeventfd), the machine's event thread hears it and raises an
 * interrupt (irqfd), whose handler in the guest rings again. One round is two wake-ups and two system calls.
 */
final class InterruptLoop {

    private static final int LINE = 3;
    private static final int DOORBELL = 0x50;
    /** Sets up the 8259A, rings, and halts for ever. */
    private static final String CODE = "fac7068c000020c7068e000000b011e620b020e621b004e621b001e621b0f7e621fbe650f4ebfd";
    /** End of interrupt, ring, return. */
    private static final String HANDLER = "b020e620e650cf";

    private InterruptLoop() {}

    /** Nanoseconds for one of {@code rounds} rounds; the guest runs on {@code guestProcessor}. */
    static double run(int rounds, int guestProcessor) throws InterruptedException {
        try (var guest = new BenchmarkGuest(Interrupts.FULL, CODE); var irq = EventFd.nonBlocking()) {
            guest.memory.write(BenchmarkGuest.HANDLER, HexFormat.of().parseHex(HANDLER));
            KvmInterrupts interrupts = guest.machine.interrupts().orElseThrow();
            interrupts.assign(LINE, irq.descriptor().value());
            var done = new CountDownLatch(1);
            var times = new long[2];
            var left = new int[] {rounds + rounds / 4};
            guest.machine.register(Doorbell.Address.port(DOORBELL, 1), () -> {
                int now = --left[0];
                if (now == rounds) {
                    times[0] = System.nanoTime();
                } else if (now == 0) {
                    times[1] = System.nanoTime();
                    done.countDown();
                    return;
                }
                irq.signal();
            });
            Thread runner = Thread.ofPlatform().start(() -> {
                var one = new BitSet();
                one.set(guestProcessor);
                NativeThread.setAffinity(0, one);
                guest.vcpu.run(new BenchmarkGuest.Counter(guest.vcpu));
            });
            done.await();
            guest.vcpu.kick();
            runner.join();
            interrupts.deassign(LINE, irq.descriptor().value());
            return (double) (times[1] - times[0]) / rounds;
        }
    }
}
