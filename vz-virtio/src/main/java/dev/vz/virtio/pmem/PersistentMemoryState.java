package dev.vz.virtio.pmem;

import dev.vz.state.StateVersion;

/**
 * Where persistent memory is: a guest that goes on has it mapped there. What it holds is in its file.
 *
 * @param start guest-physical
 * @param size  bytes
 */
@StateVersion(1)
public record PersistentMemoryState(long start, long size) {}
