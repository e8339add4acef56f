package dev.vz.storage.nbd;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Received bytes that wait to be understood: a buffer that is filled at its end and read from its start. Of one thread. */
final class Input {

    private final MemorySegment memory;
    private int start;
    private int end;

    Input(int capacity) {
        memory = Arena.ofAuto().allocate(capacity);
    }

    MemorySegment memory() {
        return memory;
    }

    /** How many bytes wait. */
    int available() {
        return end - start;
    }

    /** Where the first byte that waits is. */
    int position() {
        return start;
    }

    /** Where the next received byte goes; makes room if the end is near. */
    int tail() {
        if (start == end) {
            start = 0;
            end = 0;
        } else if (start > 0 && memory.byteSize() - end < memory.byteSize() / 4) {
            MemorySegment.copy(memory, start, memory, 0, end - start);
            end -= start;
            start = 0;
        }
        return end;
    }

    /** Bytes that fit behind {@link #tail()}. */
    int room() {
        return (int) memory.byteSize() - end;
    }

    void received(int bytes) {
        end += bytes;
    }

    void consume(int bytes) {
        start += bytes;
    }

    short shortAt(int offset) {
        return memory.get(Nbd.SHORT, start + offset);
    }

    int intAt(int offset) {
        return memory.get(Nbd.INT, start + offset);
    }

    long longAt(int offset) {
        return memory.get(Nbd.LONG, start + offset);
    }

    /** Copies {@code length} bytes out and consumes them. */
    void copyTo(MemorySegment target, long at, int length) {
        MemorySegment.copy(memory, start, target, at, length);
        start += length;
    }

    /** {@code length} bytes from {@code offset} on, as a copy. */
    byte[] bytes(int offset, int length) {
        return memory.asSlice(start + offset, length).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    }
}
