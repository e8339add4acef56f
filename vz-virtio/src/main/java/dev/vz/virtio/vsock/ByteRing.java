package dev.vz.virtio.vsock;

import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import java.lang.foreign.MemorySegment;

/** A ring of bytes of fixed size. Not thread-safe. */
final class ByteRing {

    private final int capacity;
    /** Made when there is a first byte: a guest may open streams that it never uses. */
    private byte[] bytes = {};
    private MemorySegment segment = MemorySegment.ofArray(bytes);
    private int first;
    private int count;

    ByteRing(int capacity) {
        this.capacity = capacity;
    }

    private void allocate() {
        if (bytes.length == 0) {
            bytes = new byte[capacity];
            segment = MemorySegment.ofArray(bytes);
        }
    }

    int count() {
        return count;
    }

    int room() {
        return capacity - count;
    }

    /** Takes as many of {@code length} bytes as there is room for. */
    int put(byte[] source, int offset, int length) {
        allocate();
        int taken = Math.min(length, room());
        int at = (first + count) % capacity;
        int here = Math.min(taken, capacity - at);
        System.arraycopy(source, offset, bytes, at, here);
        System.arraycopy(source, offset + here, bytes, 0, taken - here);
        count += taken;
        return taken;
    }

    /** Takes {@code length} bytes, for which there is room, from {@code reader}, which has them. */
    void put(ChainReader reader, int length) {
        allocate();
        int at = (first + count) % capacity;
        int here = Math.min(length, capacity - at);
        reader.read(segment, at, here);
        reader.read(segment, 0, length - here);
        count += length;
    }

    int take(byte[] target, int offset, int length) {
        allocate();
        int taken = Math.min(length, count);
        int here = Math.min(taken, capacity - first);
        System.arraycopy(bytes, first, target, offset, here);
        System.arraycopy(bytes, 0, target, offset + here, taken - here);
        drop(taken);
        return taken;
    }

    /** Gives {@code length} bytes, which are there, to {@code writer}, which has room for them. */
    void take(ChainWriter writer, int length) {
        allocate();
        int here = Math.min(length, capacity - first);
        writer.write(segment, first, here);
        writer.write(segment, 0, length - here);
        drop(length);
    }

    private void drop(int length) {
        first = (first + length) % capacity;
        count -= length;
    }
}
