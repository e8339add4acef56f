package dev.vz.emulator.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** One 64-bit word for each page of a region, made in groups of 512 when first needed. Any thread. */
final class CodeMap {

    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int GROUP = 512;

    private final AtomicReferenceArray<long @Nullable []> groups;

    CodeMap(long pages) {
        groups = new AtomicReferenceArray<>(Math.toIntExact((pages + GROUP - 1) / GROUP));
    }

    long get(long offset) {
        long page = offset >>> 12;
        long[] group = groups.get((int) (page / GROUP));
        return group == null ? 0 : (long) WORD.getVolatile(group, (int) (page % GROUP));
    }

    boolean add(long offset, long bits) {
        long page = offset >>> 12;
        int index = (int) (page / GROUP);
        long[] group = groups.get(index);
        if (group == null) {
            groups.compareAndSet(index, null, new long[GROUP]);
            group = groups.get(index);
        }
        return group != null && (long) WORD.getAndBitwiseOr(group, (int) (page % GROUP), bits) == 0;
    }

    void remove(long offset, long bits) {
        long page = offset >>> 12;
        long[] group = groups.get((int) (page / GROUP));
        if (group != null) {
            WORD.getAndBitwiseAnd(group, (int) (page % GROUP), ~bits);
        }
    }
}
