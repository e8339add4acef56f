package dev.vz.architecture.broken.downcalls.kvm;

import java.lang.foreign.Linker;

/** May. */
class GoodCalls {
    Object linker() {
        return Linker.nativeLinker();
    }
}
