package dev.vz.thread;

import dev.vz.error.LifecycleException;

/** The end of a thread, waited for by somebody who cannot go on without it. */
public final class ThreadEnd {

    private ThreadEnd() {}

    /**
     * Waits until {@code thread} has ended, however often the calling thread is interrupted meanwhile; that it was, it finds
     * when this returns. A thread that was never started has ended.
     *
     * @throws LifecycleException if it is the calling thread, which would wait for ever
     */
    public static void await(Thread thread) {
        if (thread == Thread.currentThread()) {
            throw new LifecycleException(
                    thread + " cannot wait for its own end; have another thread close what it runs");
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
