package dev.vz.storage;

import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** What one request needs while it is performed, kept for the next one. */
final class IoContext {

    static final int BOUNCE = 64 * 1024;

    final Mapping mapping = new Mapping();
    final WritePlan plan = new WritePlan();
    private @Nullable MemorySegment bounce;
    private @Nullable MemorySegment stored;
    private @Nullable MemorySegment unit;
    /** Which compressed unit {@link #unit} holds: sequential small reads unpack it once. */
    long unitFileOffset = -1;
    long unitGeneration;

    MemorySegment bounce() {
        MemorySegment known = bounce;
        if (known == null) {
            known = Arena.ofAuto().allocate(BOUNCE);
            bounce = known;
        }
        return known;
    }

    MemorySegment stored(int size) {
        MemorySegment known = stored;
        if (known == null || known.byteSize() < size) {
            known = Arena.ofAuto().allocate(size);
            stored = known;
        }
        return known;
    }

    MemorySegment unit(int size) {
        MemorySegment known = unit;
        if (known == null || known.byteSize() != size) {
            known = Arena.ofAuto().allocate(size);
            unit = known;
            unitFileOffset = -1;
        }
        return known;
    }

    /** A few contexts, taken and given back without locks or allocation. */
    static final class Pool {

        private static final int SLOTS = 16;
        private final AtomicReferenceArray<@Nullable IoContext> slots = new AtomicReferenceArray<>(SLOTS);

        IoContext take() {
            for (int i = 0; i < SLOTS; i++) {
                if (slots.getPlain(i) != null) {
                    IoContext taken = slots.getAndSet(i, null);
                    if (taken != null) {
                        return taken;
                    }
                }
            }
            return new IoContext();
        }

        void give(IoContext context) {
            for (int i = 0; i < SLOTS; i++) {
                if (slots.getPlain(i) == null && slots.compareAndSet(i, null, context)) {
                    return;
                }
            }
        }
    }
}
