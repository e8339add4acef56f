package dev.vz.virtio.mem;

import dev.vz.error.FormatException;
import dev.vz.state.StateVersion;
import java.util.List;

/**
 * What of a region is plugged.
 *
 * @param blockSize     bytes
 * @param requestedSize bytes that the host wants the guest to have
 * @param plugged       runs of plugged blocks, ascending, with a gap between any two
 */
@StateVersion(1)
public record PluggableMemoryState(long blockSize, long requestedSize, List<Run> plugged) {

    /** Checks the order. */
    public PluggableMemoryState {
        plugged = List.copyOf(plugged);
        long end = -1;
        for (Run run : plugged) {
            if (run.first() <= end || run.count() <= 0 || run.count() > Integer.MAX_VALUE - run.first()) {
                throw new FormatException("Plugged blocks cannot be " + plugged + ": runs ascend, with gaps between");
            }
            end = (long) run.first() + run.count();
        }
    }

    /**
     * Plugged blocks one after the other.
     *
     * @param first number of the first block, from 0
     * @param count how many
     */
    @StateVersion(1)
    public record Run(int first, int count) {

        /** Checks the number. */
        public Run {
            if (first < 0) {
                throw new FormatException("There is no block " + first);
            }
        }
    }
}
