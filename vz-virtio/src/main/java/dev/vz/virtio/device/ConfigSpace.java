package dev.vz.virtio.device;

import dev.vz.error.ConfigurationException;
import java.util.Arrays;

/**
 * A device's configuration space: little-endian bytes, and a generation that tells the driver when several reads do not
 * belong together (virtio 1.3, 2.5). Thread-safe; allocates nothing on access.
 */
public final class ConfigSpace {

    /** Is told what the driver wrote. Called on a vCPU thread. */
    @FunctionalInterface
    public interface WriteListener {
        /** The writable range that starts at {@code offset} holds {@code value} now. */
        void written(int offset, long value);
    }

    private final byte[] bytes;
    private int generation;
    private Range[] ranges = {};
    private volatile Runnable changeListener = () -> {};

    /** A space that holds {@code content}; the driver cannot write to it. */
    public ConfigSpace(byte[] content) {
        this.bytes = content.clone();
    }

    private record Range(int offset, int length, WriteListener listener) {
        boolean touches(long at, int size) {
            return at < offset + length && at + size > offset;
        }
    }

    /** Lets the driver write {@code length} bytes (1 to 8) at {@code offset}. Ranges do not overlap. */
    public synchronized ConfigSpace writable(int offset, int length, WriteListener listener) {
        if (length < 1 || length > 8 || offset < 0 || offset > bytes.length - length) {
            throw new ConfigurationException("No " + length + " bytes at " + offset
                    + " of a configuration space of " + bytes.length + " can be writable");
        }
        ranges = Arrays.copyOf(ranges, ranges.length + 1);
        ranges[ranges.length - 1] = new Range(offset, length, listener);
        return this;
    }

    /** Number of bytes. */
    public int size() {
        return bytes.length;
    }

    /** Changes with each change that the device makes; 8 bits. */
    public synchronized int generation() {
        return generation;
    }

    /** What the driver reads: {@code size} bytes (1 to 8) at {@code offset}; zeros behind the end. */
    public synchronized long read(long offset, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            long at = offset + i;
            if (at >= 0 && at < bytes.length) {
                value |= (bytes[(int) at] & 0xFFL) << 8 * i;
            }
        }
        return value;
    }

    /** What the driver writes; bytes outside the writable ranges keep their value. */
    public void write(long offset, int size, long value) {
        Range[] all;
        synchronized (this) {
            all = ranges;
        }
        for (Range range : all) {
            if (offset >= 0 && range.touches(offset, size)) {
                range.listener.written(range.offset, merge(range, offset, size, value));
            }
        }
    }

    private synchronized long merge(Range range, long offset, int size, long value) {
        for (int i = 0; i < size; i++) {
            long at = offset + i;
            if (at >= range.offset && at < range.offset + range.length) {
                bytes[(int) at] = (byte) (value >>> 8 * i);
            }
        }
        return read(range.offset, range.length);
    }

    /** The device changes {@code size} bytes (1 to 8) at {@code offset}; the driver is told if they were different. */
    public void set(int offset, int size, long value) {
        synchronized (this) {
            if (read(offset, size) == (value & -1L >>> 64 - 8 * size)) {
                return;
            }
            for (int i = 0; i < size; i++) {
                bytes[offset + i] = (byte) (value >>> 8 * i);
            }
            generation = generation + 1 & 0xFF;
        }
        changeListener.run();
    }

    /** The device answers what the driver has just written: the bytes at {@code offset} change, and nobody is told. */
    public synchronized void answer(int offset, byte[] content) {
        System.arraycopy(content, 0, bytes, offset, content.length);
    }

    /** All bytes. */
    public synchronized byte[] content() {
        return bytes.clone();
    }

    /** Runs {@code listener} after each change by the device. For the device's host. */
    void onChange(Runnable listener) {
        changeListener = listener;
    }

    @Override
    public String toString() {
        return "configuration space " + Arrays.toString(content());
    }
}
