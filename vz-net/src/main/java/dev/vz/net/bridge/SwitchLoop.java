package dev.vz.net.bridge;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.event.TimerFd;

/**
 * Lets a switch's time pass on an event loop: calls {@link VirtualSwitch#run} when it is due. Closing it leaves the switch
 * and the loop as they are.
 */
public final class SwitchLoop implements AutoCloseable {

    /** Frames that wait for their rate are looked after this often: at 10 Gbit/s these are 125 KB. */
    private static final long SOON = 100_000;

    private final VirtualSwitch target;
    private final TimerFd timer = TimerFd.nonBlocking(TimerFd.Clock.MONOTONIC);
    private final EpollLoop.Registration registration;
    // Guarded by the timer's monitor.
    private boolean soon;

    /** Runs {@code target} on {@code loop} from now on. */
    public SwitchLoop(VirtualSwitch target, EpollLoop loop) {
        this.target = target;
        registration = loop.register(timer.descriptor(), Readiness.IN, (ready, readiness) -> run());
        target.onWake(this::wake);
        wake();
    }

    private void run() {
        timer.take();
        // Before the switch is run: whoever wants it earlier from now on arms the timer again.
        synchronized (timer) {
            soon = false;
        }
        long next = target.run();
        synchronized (timer) {
            if (!soon) {
                timer.armAfter(Math.max(next, SOON), 0);
            }
        }
    }

    private void wake() {
        synchronized (timer) {
            if (!soon) {
                soon = true;
                timer.armAfter(SOON, 0);
            }
        }
    }

    @Override
    public void close() {
        target.onWake(null);
        registration.cancel();
        timer.close();
    }
}
