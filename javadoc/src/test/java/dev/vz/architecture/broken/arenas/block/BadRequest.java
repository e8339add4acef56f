package dev.vz.architecture.broken.arenas.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A shared arena for one request. */
class BadRequest {
    long size() {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment buffer = arena.allocate(16);
            return buffer.byteSize();
        }
    }
}
