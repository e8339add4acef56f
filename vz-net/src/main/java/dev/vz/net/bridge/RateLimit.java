package dev.vz.net.bridge;

import dev.vz.error.ConfigurationException;

/**
 * How much may pass: a rate, and how much of it may come at once after a silence.
 *
 * @param perSecond units a second: bits for traffic, frames for storms; 0 without limit
 * @param burst     units that may pass at once
 */
public record RateLimit(long perSecond, long burst) {

    /** Anything passes. */
    public static final RateLimit NONE = new RateLimit(0, 0);

    /** Checks that a limit lets something through. */
    public RateLimit {
        if (perSecond < 0 || burst < 0 || perSecond > 0 && burst == 0 || perSecond > 1L << 42 || burst > 1L << 42) {
            throw new ConfigurationException("A rate limit has a rate from 0 to 2^42 a second and, unless that is 0, a "
                    + "burst of at least 1: rate " + perSecond + ", burst " + burst);
        }
    }

    /** So many bits a second, with bursts of 10 ms, though never less than one large frame. */
    public static RateLimit bitsPerSecond(long rate) {
        return new RateLimit(rate, Math.max(rate / 100, 8 * 65_600));
    }

    /** So many frames a second, with bursts of a tenth of a second. */
    public static RateLimit framesPerSecond(long rate) {
        return new RateLimit(rate, Math.max(rate / 10, 1));
    }

    /** Whether there is a limit. */
    public boolean isLimited() {
        return perSecond > 0;
    }
}
