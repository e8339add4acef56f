package dev.vz.virtio.console;

import dev.vz.virtio.queue.ChainWriter;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantLock;

/** Bytes on their way to the guest: a ring of fixed size. Thread-safe. */
final class InputBuffer {

    static final int CAPACITY = 64 << 10;

    private final byte[] bytes = new byte[CAPACITY];
    private final MemorySegment segment = MemorySegment.ofArray(bytes);
    private final ReentrantLock lock = new ReentrantLock();
    private int first;
    private int count;
    private boolean refused;

    /** Takes the first of {@code length} bytes, as many as there is room for. */
    int put(byte[] source, int offset, int length) {
        lock.lock();
        try {
            int taken = Math.min(length, CAPACITY - count);
            int at = (first + count) % CAPACITY;
            int here = Math.min(taken, CAPACITY - at);
            System.arraycopy(source, offset, bytes, at, here);
            System.arraycopy(source, offset + here, bytes, 0, taken - here);
            count += taken;
            refused |= taken < length;
            return taken;
        } finally {
            lock.unlock();
        }
    }

    /** Moves bytes to {@code writer}; returns how many. */
    int moveTo(ChainWriter writer) {
        lock.lock();
        try {
            int moved = (int) Math.min(count, writer.remaining());
            int here = Math.min(moved, CAPACITY - first);
            writer.write(segment, first, here);
            writer.write(segment, 0, moved - here);
            first = (first + moved) % CAPACITY;
            count -= moved;
            return moved;
        } finally {
            lock.unlock();
        }
    }

    boolean isEmpty() {
        lock.lock();
        try {
            return count == 0;
        } finally {
            lock.unlock();
        }
    }

    /** Whether somebody was refused and there is room again; asked once for each refusal. */
    boolean takeRefusal() {
        lock.lock();
        try {
            boolean told = refused && count < CAPACITY;
            refused &= !told;
            return told;
        } finally {
            lock.unlock();
        }
    }

    void clear() {
        lock.lock();
        try {
            count = 0;
        } finally {
            lock.unlock();
        }
    }

    byte[] content() {
        lock.lock();
        try {
            var content = new byte[count];
            int here = Math.min(count, CAPACITY - first);
            System.arraycopy(bytes, first, content, 0, here);
            System.arraycopy(bytes, 0, content, here, count - here);
            return content;
        } finally {
            lock.unlock();
        }
    }
}
