package dev.vz.machine.serial;

import java.util.ArrayList;
import java.util.List;

/** A ring of up to 16 values; whoever uses it locks. */
final class ByteFifo {

    static final int CAPACITY = 16;

    private final short[] values = new short[CAPACITY];
    private int head;
    private int size;

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    void add(int value) {
        values[(head + size++) % CAPACITY] = (short) value;
    }

    int peek() {
        return values[head];
    }

    int remove() {
        int value = values[head];
        head = (head + 1) % CAPACITY;
        size--;
        return value;
    }

    /** Replaces the value added last. */
    void replaceLast(int value) {
        values[(head + size - 1) % CAPACITY] = (short) value;
    }

    void clear() {
        head = 0;
        size = 0;
    }

    List<Integer> toList() {
        var list = new ArrayList<Integer>(size);
        for (int i = 0; i < size; i++) {
            list.add((int) values[(head + i) % CAPACITY]);
        }
        return list;
    }

    void setAll(List<Integer> list) {
        clear();
        list.forEach(this::add);
    }
}
