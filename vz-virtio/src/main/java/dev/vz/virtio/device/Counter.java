package dev.vz.virtio.device;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A count that one thread at a time moves on and any thread reads. Cheaper than an atomic addition, which the one writer
 * does not need.
 */
public final class Counter {

    private static final VarHandle VALUE;

    static {
        try {
            VALUE = MethodHandles.lookup().findVarHandle(Counter.class, "value", long.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    @SuppressWarnings("FieldMayBeFinal") // written through VALUE
    private long value;

    /** A count at 0. */
    public Counter() {}

    /** Adds {@code count}. One thread at a time. */
    public void add(long count) {
        VALUE.setOpaque(this, value + count);
    }

    /** What was counted so far. Any thread. */
    public long get() {
        return (long) VALUE.getOpaque(this);
    }
}
