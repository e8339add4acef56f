package dev.vz.machine;

import dev.vz.irq.InterruptLine;

/** A wire that several outputs drive: high while at least one of them is. */
final class SharedLine {

    private final InterruptLine wire;
    private int high;

    SharedLine(InterruptLine wire) {
        this.wire = wire;
    }

    /** One more output. */
    InterruptLine input() {
        return new InterruptLine() {
            private boolean level;

            @Override
            public void set(boolean to) {
                synchronized (SharedLine.this) {
                    if (to != level) {
                        level = to;
                        high += to ? 1 : -1;
                        if (high == (to ? 1 : 0)) {
                            wire.set(to);
                        }
                    }
                }
            }
        };
    }
}
