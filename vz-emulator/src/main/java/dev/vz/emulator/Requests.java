package dev.vz.emulator;

import dev.vz.emulator.cpu.Cpu;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * What other threads want done by the thread that runs a processor, which owns its TLBs and its decoded code.
 *
 * <p>
 * The processor is either in the guest, where it looks between blocks, or outside, where it touches no guest memory and
 * looks before it goes back. Whoever has added a request and then finds the processor outside may rely on that look:
 * both sides write before they read, with full fences.
 */
final class Requests {

    private static final int BRIEF = 1_000;
    private static final long NAP = 1_000;

    private final Cpu cpu;
    private final Queue<Runnable> queue = new ConcurrentLinkedQueue<>();
    private volatile boolean inside;
    private volatile long served;
    private volatile long added;
    private final Object counter = new Object();

    Requests(Cpu cpu) {
        this.cpu = cpu;
    }

    /** Any thread. */
    void add(Runnable request) {
        synchronized (counter) {
            queue.add(request);
            added++;
        }
        cpu.attend(Cpu.ATTEND_REQUEST);
    }

    /**
     * Waits until what was added before is done or the processor is outside the guest.
     *
     * @param caller the processor that the calling thread runs, which serves its own requests meanwhile
     */
    void await(@Nullable EmulatedVcpu caller) {
        long target = added;
        int looks = 0;
        while (inside && served < target) {
            if (caller != null) {
                caller.requests().serve();
            }
            pause(looks++);
        }
    }

    /** Between two looks for what another processor does: that needs the host's, once it has taken longer than a block. */
    static void pause(int looks) {
        if (looks < BRIEF) {
            Thread.onSpinWait();
        } else {
            LockSupport.parkNanos(NAP);
        }
    }

    /** The processor is about to touch guest memory. */
    void enter() {
        inside = true;
        if (served < added) {
            serve();
        }
    }

    /** The processor will not touch guest memory before it {@link #enter}s again. */
    void leave() {
        inside = false;
    }

    /** On the processor's thread. */
    void serve() {
        Runnable next = queue.poll();
        while (next != null) {
            next.run();
            long done = served; // only this thread counts
            served = done + 1;
            next = queue.poll();
        }
    }
}
