package dev.vz.net.port;

import dev.vz.error.ConfigurationException;
import java.time.Duration;

/**
 * What is wrong with one direction of a link.
 *
 * @param delay      nanoseconds that every frame takes
 * @param jitter     nanoseconds that a frame takes more, at most; evenly distributed; frames still do not overtake
 * @param loss       share of frames that vanish, 0 to 1
 * @param duplicate  share of frames that come twice
 * @param reorder    share of frames that are sent at once instead of being delayed, and so overtake
 * @param rate       bits per second; 0 without limit
 * @param queueBytes bytes that wait at most; further frames are dropped
 */
public record Impairment(long delay, long jitter, double loss, double duplicate, double reorder, long rate,
        long queueBytes) {

    /** Checks that each number is in its range. */
    public Impairment {
        if (delay < 0 || jitter < 0 || rate < 0 || queueBytes < 0 || !isShare(loss) || !isShare(duplicate)
                || !isShare(reorder)) {
            throw new ConfigurationException("An impairment has shares from 0 to 1 and no negative numbers: delay "
                    + delay + " ns, jitter " + jitter + " ns, loss " + loss + ", duplicate " + duplicate + ", reorder "
                    + reorder + ", rate " + rate + " bit/s, queue " + queueBytes + " bytes");
        }
    }

    /** A perfect link with room for 16 MiB. */
    public static Impairment none() {
        return new Impairment(0, 0, 0, 0, 0, 0, 16 << 20);
    }

    /** The same with this delay and jitter. */
    public Impairment withDelay(Duration delay, Duration jitter) {
        return new Impairment(delay.toNanos(), jitter.toNanos(), loss, duplicate, reorder, rate, queueBytes);
    }

    /** The same with this share of frames lost. */
    public Impairment withLoss(double loss) {
        return new Impairment(delay, jitter, loss, duplicate, reorder, rate, queueBytes);
    }

    /** The same with this share of frames doubled. */
    public Impairment withDuplicate(double duplicate) {
        return new Impairment(delay, jitter, loss, duplicate, reorder, rate, queueBytes);
    }

    /** The same with this share of frames overtaking. */
    public Impairment withReorder(double reorder) {
        return new Impairment(delay, jitter, loss, duplicate, reorder, rate, queueBytes);
    }

    /** The same with so many bits per second, and room for so many waiting bytes. */
    public Impairment withRate(long rate, long queueBytes) {
        return new Impairment(delay, jitter, loss, duplicate, reorder, rate, queueBytes);
    }

    private static boolean isShare(double value) {
        return value >= 0 && value <= 1;
    }
}
