package dev.vz.emulator.irq;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** 256 bits, one for each vector, in eight 32-bit registers as a local APIC has them. Thread-safe, without locks. */
final class VectorSet {

    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(int[].class);

    private final int[] words = new int[8];

    /** Sets the bit of {@code vector}; returns whether it was clear. */
    boolean add(int vector) {
        int bit = 1 << vector;
        return ((int) WORD.getAndBitwiseOr(words, vector >>> 5, bit) & bit) == 0;
    }

    /** Clears the bit of {@code vector}; returns whether it was set. */
    boolean remove(int vector) {
        int bit = 1 << vector;
        return ((int) WORD.getAndBitwiseAnd(words, vector >>> 5, ~bit) & bit) != 0;
    }

    boolean contains(int vector) {
        return ((int) WORD.getAcquire(words, vector >>> 5) & 1 << vector) != 0;
    }

    /** The highest vector that is set, or -1. */
    int highest() {
        for (int i = 7; i >= 0; i--) {
            int word = (int) WORD.getAcquire(words, i);
            if (word != 0) {
                return i * 32 + 31 - Integer.numberOfLeadingZeros(word);
            }
        }
        return -1;
    }

    int word(int index) {
        return (int) WORD.getAcquire(words, index);
    }

    void setWord(int index, int value) {
        WORD.setRelease(words, index, value);
    }

    void clear() {
        for (int i = 0; i < 8; i++) {
            setWord(i, 0);
        }
    }
}
