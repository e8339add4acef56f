package dev.vz.net.bridge;

import java.util.Arrays;
import java.util.Map;

/**
 * What went through a port of a switch since it was added. Directions are the switch's: received is what came from the port.
 *
 * @param received      frames that came from the port, dropped ones included
 * @param receivedBytes their bytes
 * @param sent          frames that the port took
 * @param sentBytes     their bytes
 * @param queued        frames that wait for it now
 * @param drops         frames that were not passed on, by reason; reasons without any are left out
 * @param ruleMatches   how often each of the port's rules has decided, in their order
 */
public record PortStatistics(long received, long receivedBytes, long sent, long sentBytes, int queued,
        Map<DropReason, Long> drops, long[] ruleMatches) {

    /** Takes copies. */
    public PortStatistics {
        drops = Map.copyOf(drops);
        ruleMatches = ruleMatches.clone();
    }

    @Override
    public String toString() {
        return "received " + received + " (" + receivedBytes + " bytes), sent " + sent + " (" + sentBytes
                + " bytes), waiting " + queued + ", dropped " + drops + ", rules " + Arrays.toString(ruleMatches);
    }

    /** Frames dropped for {@code reason}. */
    public long dropped(DropReason reason) {
        return drops.getOrDefault(reason, 0L);
    }
}
