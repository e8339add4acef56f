package dev.vz.architecture.broken.layers.virtio;

import dev.vz.architecture.broken.layers.machine.GoodBoard;

/** A device that knows its board. */
class BadDevice {
    int attach(GoodBoard board) {
        return board.hashCode();
    }
}
