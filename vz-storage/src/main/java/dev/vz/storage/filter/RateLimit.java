package dev.vz.storage.filter;

import dev.vz.error.ConfigurationException;

/**
 * How much may pass: an average, and bursts above it. Units are requests or bytes.
 *
 * @param average      units for each second in the long run; 0 for no limit
 * @param burst        units for each second during a burst; 0 for no bursts
 * @param burstSeconds how long a burst may last after a time of rest, in seconds
 */
public record RateLimit(double average, double burst, double burstSeconds) {

    /** Everything passes. */
    public static final RateLimit NONE = new RateLimit(0, 0, 0);

    /** Checks the numbers. */
    public RateLimit {
        if (!(average >= 0 && burst >= 0 && burstSeconds >= 0)) {
            throw new ConfigurationException("A rate limit has no negative numbers: " + average + ", " + burst + ", "
                    + burstSeconds);
        }
        if (burst > 0 && (average == 0 || burst < average)) {
            throw new ConfigurationException("A burst of " + burst + " must be more than an average, and not less than"
                    + " it, but that is " + average);
        }
    }

    /** {@code average} units a second, without bursts. */
    public static RateLimit of(double average) {
        return new RateLimit(average, 0, 0);
    }

    /** The same with bursts of {@code burst} units a second for {@code seconds}. */
    public RateLimit withBurst(double burst, double seconds) {
        return new RateLimit(average, burst, seconds);
    }

    /**
     * The leaky buckets of one limit: what has passed drips out at the average; a request passes while no bucket is
     * full, and may overfill it, so that one larger than any bucket passes, too. Under the group's lock.
     */
    static final class Bucket {
        private static final double SECOND = 1e9;
        /** Without bursts, a tenth of a second's worth may pass at once. */
        private static final double SLACK = 0.1;

        private final RateLimit limit;
        private final double capacity;
        private double level;
        private double peakLevel;
        private long last;

        Bucket(RateLimit limit, long now) {
            this.limit = limit;
            this.last = now;
            capacity = limit.burst > 0 ? limit.burst * Math.max(limit.burstSeconds, SLACK) : limit.average * SLACK;
        }

        private void leak(long now) {
            double seconds = (now - last) / SECOND;
            last = now;
            level = Math.max(0, level - seconds * limit.average);
            peakLevel = Math.max(0, peakLevel - seconds * limit.burst);
        }

        /** Nanoseconds until a request may pass; 0 for at once. */
        long waitAt(long now) {
            if (limit.average == 0) {
                return 0;
            }
            leak(now);
            double seconds = Math.max(0, (level - capacity) / limit.average);
            if (limit.burst > 0) {
                seconds = Math.max(seconds, (peakLevel - limit.burst * SLACK) / limit.burst);
            }
            return seconds <= 0 ? 0 : Math.max(1, (long) Math.ceil(seconds * SECOND));
        }

        /** {@code units} pass. */
        void pass(double units) {
            if (limit.average > 0) {
                level += units;
                peakLevel += units;
            }
        }
    }
}
