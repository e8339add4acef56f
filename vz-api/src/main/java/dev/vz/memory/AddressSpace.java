package dev.vz.memory;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * All addresses of this process as one segment, from the first {@link MemoryBlock.Lasting} that a region is made of.
 *
 * <p>
 * A constant, unlike the segment of a region: the compiler knows its bounds and that it never closes, so that an access
 * through it is a load or a store and nothing else. Who passes an address has checked it against a region.
 */
final class AddressSpace {

    /** The same whichever block gives it: what machines share is the process. */
    private static final AtomicReference<@Nullable MemorySegment> GIVEN = new AtomicReference<>();

    private AddressSpace() {}

    /** Takes the address space of {@code block}, unless there is one already, and returns the block's first address. */
    static long addressOf(MemoryBlock.Lasting block) {
        if (GIVEN.get() == null) {
            GIVEN.set(block.addressSpace());
        }
        return block.segment().address();
    }

    /** Once {@link #addressOf} has returned. */
    static MemorySegment all() {
        return Given.ALL;
    }

    /** Initialized by the first access, so that its field is a constant for the compiler. */
    private static final class Given {
        private static final MemorySegment ALL = Objects.requireNonNull(GIVEN.get());
    }
}
