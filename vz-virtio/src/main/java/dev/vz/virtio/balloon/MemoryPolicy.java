package dev.vz.virtio.balloon;

import dev.vz.error.ConfigurationException;
import java.util.OptionalLong;

/** How much memory a machine should have. Asked by a {@link MemoryGovernor}, again and again. */
public sealed interface MemoryPolicy {

    /** Bytes that the machine should have now, by its own lights; the governor keeps it within limits and budget. */
    long wanted(MemoryView view);

    /**
     * Always the same.
     *
     * @param bytes what the machine has
     */
    record Fixed(long bytes) implements MemoryPolicy {
        /** Checks the number. */
        public Fixed {
            if (bytes <= 0) {
                throw new ConfigurationException("A machine cannot have " + bytes + " bytes of memory");
            }
        }

        @Override
        public long wanted(MemoryView view) {
            return bytes;
        }
    }

    /**
     * What the guest uses, and some more: it follows the statistics that the guest reports. Until the first report the
     * machine keeps what it has.
     *
     * @param headroom percent of what is used that should be available on top of it, 0 to 1000
     * @param slack    bytes by which the wish must differ from what the machine has before it changes: without it, a
     *                 balloon breathes with every report
     */
    record Dynamic(int headroom, long slack) implements MemoryPolicy {
        /** Checks the numbers. */
        public Dynamic {
            if (headroom < 0 || headroom > 1000 || slack < 0) {
                throw new ConfigurationException("A dynamic memory policy has a headroom of 0 to 1000 percent and no"
                        + " negative slack, not " + headroom + " and " + slack);
            }
        }

        @Override
        public long wanted(MemoryView view) {
            OptionalLong available = view.statistics().get(GuestStatistics.Tag.AVAIL);
            if (available.isEmpty()) {
                available = view.statistics().get(GuestStatistics.Tag.MEMFREE);
            }
            if (available.isEmpty()) {
                return view.held();
            }
            // The guest's word: no number of it makes the wish negative or larger than the machine.
            long used = view.held() - Math.clamp(available.getAsLong(), 0, view.held());
            long wish = Math.min(used + used * headroom / 100, view.total());
            return Math.abs(wish - view.held()) <= slack ? view.held() : wish;
        }
    }
}
