package dev.vz.emulator.translator;

import java.util.Arrays;

/** Machine code as it grows. */
final class CodeBytes {

    private byte[] bytes = new byte[256];
    private int size;

    /** Appends bytes. */
    CodeBytes add(int... values) {
        for (int value : values) {
            if (size == bytes.length) {
                bytes = Arrays.copyOf(bytes, 2 * size);
            }
            bytes[size++] = (byte) value;
        }
        return this;
    }

    /** Appends a little-endian number. */
    CodeBytes number(long value, int count) {
        for (int i = 0; i < count; i++) {
            add((int) (value >>> 8 * i) & 0xFF);
        }
        return this;
    }

    int size() {
        return size;
    }

    /** Puts a 32-bit displacement to {@code target} into the four bytes at {@code at}. */
    void patchRelative(int at, int target) {
        int displacement = target - (at + 4);
        for (int i = 0; i < 4; i++) {
            bytes[at + i] = (byte) (displacement >>> 8 * i);
        }
    }

    byte[] toArray() {
        return Arrays.copyOf(bytes, size);
    }
}
