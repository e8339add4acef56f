package dev.vz.linux.event;

import dev.vz.linux.event.EpollLoop.Registration;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Who stands behind the number that the kernel hands back with an event.
 *
 * <p>
 * The number is an index into this table with a generation, not a pointer: an event whose registration was cancelled
 * meanwhile, even one whose slot has been given away again, is recognized. Changed under the loop's lock, read without.
 */
final class RegistrationTable {

    private static final int GENERATION_SHIFT = 32;

    private volatile AtomicReferenceArray<@Nullable Registration> slots = new AtomicReferenceArray<>(16);
    private final ArrayDeque<Integer> free = new ArrayDeque<>();
    private int used;
    private int generation;

    /** A token for a registration that {@link #put} will make known. Its lower half is never negative. */
    long claim() {
        Integer recycled = free.poll();
        int slot = recycled != null ? recycled : used++;
        if (slot == slots.length()) {
            grow();
        }
        return (long) ++generation << GENERATION_SHIFT | slot;
    }

    /** Makes a registration known under its token. */
    void put(long token, Registration registration) {
        slots.set((int) token, registration);
    }

    /** Forgets whoever has {@code token}, and gives the slot away. */
    void remove(long token) {
        slots.set((int) token, null);
        free.add((int) token);
    }

    /** The registration with exactly this token, or {@code null} if it has gone. */
    @Nullable
    Registration find(long token) {
        Registration found = slots.get((int) token);
        return found != null && found.token() == token ? found : null;
    }

    /** Calls {@code action} with every registration. */
    void forEach(Consumer<Registration> action) {
        for (int i = 0; i < used; i++) {
            Registration found = slots.get(i);
            if (found != null) {
                action.accept(found);
            }
        }
    }

    private void grow() {
        var larger = new AtomicReferenceArray<@Nullable Registration>(2 * slots.length());
        for (int i = 0; i < slots.length(); i++) {
            larger.set(i, slots.get(i));
        }
        slots = larger;
    }
}
