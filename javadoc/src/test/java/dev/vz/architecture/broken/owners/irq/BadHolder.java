package dev.vz.architecture.broken.owners.irq;

import java.lang.foreign.Arena;

/** Keeps an arena for ever. */
class BadHolder {
    final Arena arena = Arena.ofConfined();
}
