package dev.vz.virtio.vhost;

import dev.vz.linux.event.EpollLoop;
import dev.vz.virtio.device.WorkerLoop;

/**
 * A thread that works on queues and waits for their kicks: while there is work it only looks at the kicks now and then,
 * without work it sleeps until one comes.
 */
final class QueueLoop implements AutoCloseable {

    /** Rounds of work between two looks at the kicks. */
    private static final int ROUNDS = 64;

    private final EpollLoop kicks;
    private final WorkerLoop worker;
    private final Thread thread;
    private volatile boolean closed;

    QueueLoop(String name, long pollNanos) {
        kicks = new EpollLoop(name);
        worker = WorkerLoop.driven(this::wake, pollNanos);
        thread = Thread.ofPlatform().daemon().name(name).unstarted(this::run);
        thread.start();
    }

    EpollLoop kicks() {
        return kicks;
    }

    WorkerLoop worker() {
        return worker;
    }

    private void wake() {
        // The thread itself looks at its tasks before it sleeps.
        if (Thread.currentThread() != thread) {
            kicks.wake();
        }
    }

    private void run() {
        while (!closed) {
            boolean worked = true;
            for (int i = 0; i < ROUNDS && worked; i++) {
                worked = worker.runOnce();
            }
            kicks.poll(worked ? 0 : -1);
        }
    }

    /** Ends the thread. No queue of it works any more. */
    @Override
    public void close() {
        closed = true;
        kicks.wake();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        worker.close();
        kicks.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
