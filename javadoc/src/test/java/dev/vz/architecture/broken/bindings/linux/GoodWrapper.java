package dev.vz.architecture.broken.bindings.linux;

import dev.vz.architecture.broken.bindings.linux.generated.GoodBinding;

/** Keeps its bindings to itself. */
public class GoodWrapper {
    private final GoodBinding binding = new GoodBinding();

    /** A use that stays inside. */
    public int size() {
        return binding.hashCode();
    }
}
