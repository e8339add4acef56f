package dev.vz.architecture.broken.bindings.linux;

import dev.vz.architecture.broken.bindings.linux.generated.GoodBinding;

/** Shows its bindings to everybody. */
public class BadWrapper {
    /** The leak. */
    public GoodBinding binding() {
        return new GoodBinding();
    }
}
