package dev.vz.virtio.console;

import java.lang.foreign.MemorySegment;

/** Takes what a guest writes to a port. */
@FunctionalInterface
public interface ConsoleOutput {

    /**
     * The guest has written {@code length} bytes at {@code offset} of {@code segment}, which are borrowed until this
     * returns. Called on the queue's loop, which it holds up.
     */
    void write(MemorySegment segment, long offset, long length);
}
