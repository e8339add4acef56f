package dev.vz.net.bridge;

/**
 * How many frames a second a port may send to many at once; further ones are dropped where they come in.
 *
 * @param broadcast to all stations
 * @param multicast to other groups
 * @param unknown   to stations that the switch has not heard of
 */
public record StormLimits(RateLimit broadcast, RateLimit multicast, RateLimit unknown) {

    /** Without limits. */
    public static final StormLimits NONE = new StormLimits(RateLimit.NONE, RateLimit.NONE, RateLimit.NONE);

    /** The same limit, in frames a second, for each of the three. */
    public static StormLimits framesPerSecond(long rate) {
        RateLimit limit = RateLimit.framesPerSecond(rate);
        return new StormLimits(limit, limit, limit);
    }
}
