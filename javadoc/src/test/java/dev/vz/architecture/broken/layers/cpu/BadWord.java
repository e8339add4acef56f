package dev.vz.architecture.broken.layers.cpu;

import dev.vz.architecture.broken.layers.linux.GoodCall;

/** vz-api reaching down into vz-linux. */
class BadWord {
    final GoodCall call = new GoodCall();
}
