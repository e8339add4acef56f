package dev.vz.architecture.broken.arenas.memory;

import java.lang.foreign.Arena;

/** Bears the name of one that may. */
class JavaMemoryAllocator {
    static final class GoodBlock {
        final long size;

        GoodBlock() {
            try (Arena arena = Arena.ofShared()) {
                size = arena.allocate(16).byteSize();
            }
        }
    }
}
