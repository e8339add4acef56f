package dev.vz.architecture.broken.downcalls.machine;

/** A board with a native method. */
class BadBoard {
    native void reset();
}
