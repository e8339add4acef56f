package dev.vz.architecture.broken.owners.irq;

import java.lang.foreign.Arena;

/** Closes what it keeps. */
class GoodHolder implements AutoCloseable {
    private final Arena arena = Arena.ofConfined();

    @Override
    public void close() {
        arena.close();
    }
}
