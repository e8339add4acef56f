package dev.vz.machine;

import dev.vz.irq.InterruptLine;

/**
 * The wire to one interrupt input. Several outputs may drive it: it is high while at least one of them is. Once closed it
 * leads nowhere, so that a device that somebody still holds cannot reach a machine that has been released. Thread-safe.
 */
final class Wire implements AutoCloseable {

    private final InterruptLine input;
    private int high;
    private boolean closed;

    Wire(InterruptLine input) {
        this.input = input;
    }

    /** One more output. */
    InterruptLine output() {
        return new Output();
    }

    @Override
    public synchronized void close() {
        closed = true;
    }

    private final class Output implements InterruptLine {
        private boolean level;

        @Override
        public void set(boolean to) {
            synchronized (Wire.this) {
                if (to == level) {
                    return;
                }
                level = to;
                high += to ? 1 : -1;
                if (high == (to ? 1 : 0) && !closed) {
                    input.set(to);
                }
            }
        }
    }
}
