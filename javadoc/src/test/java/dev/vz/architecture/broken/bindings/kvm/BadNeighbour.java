package dev.vz.architecture.broken.bindings.kvm;

import dev.vz.architecture.broken.bindings.linux.generated.GoodBinding;

/** Touches another module's bindings. */
class BadNeighbour {
    final GoodBinding binding = new GoodBinding();
}
