package dev.vz.virtio.entropy;

import dev.vz.state.StateVersion;

/** An entropy device remembers nothing: randomness that was saved would not be random. */
@StateVersion(1)
public record EntropyState() {}
