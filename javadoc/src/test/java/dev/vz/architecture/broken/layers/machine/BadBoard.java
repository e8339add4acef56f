package dev.vz.architecture.broken.layers.machine;

import dev.vz.architecture.broken.layers.linux.GoodCall;

/** A board that makes system calls itself. */
class BadBoard {
    final GoodCall[] calls = new GoodCall[1];
}
