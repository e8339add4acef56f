package dev.vz.architecture.broken.downcalls.virtio;

import java.lang.foreign.Linker;

/** A device that calls the C library itself. */
class BadRing {
    Object linker() {
        return Linker.nativeLinker();
    }
}
