package dev.vz.net.bridge;

/** Holds traffic to a {@link RateLimit}. Not thread-safe. */
final class TokenBucket {

    private static final long SECOND = 1_000_000_000L;

    private RateLimit limit = RateLimit.NONE;
    private long tokens;
    /** What has come in beyond whole units. */
    private double fraction;
    private long filledAt;
    private boolean started;

    void setLimit(RateLimit limit) {
        this.limit = limit;
        tokens = limit.burst();
        started = false;
    }

    boolean isLimited() {
        return limit.isLimited();
    }

    /** Takes {@code units} if they are there; always if there is no limit. */
    boolean take(long units, long now) {
        if (!limit.isLimited()) {
            return true;
        }
        fill(now);
        if (tokens < Math.min(units, limit.burst())) {
            return false;
        }
        // A frame larger than the burst passes when the bucket is full, and leaves a debt.
        tokens -= units;
        return true;
    }

    /** Nanoseconds until {@code units} can be taken. */
    long wait(long units, long now) {
        if (!limit.isLimited()) {
            return 0;
        }
        fill(now);
        long missing = Math.min(units, limit.burst()) - tokens;
        return missing <= 0 ? 0 : (long) Math.ceil((double) missing * SECOND / limit.perSecond());
    }

    private void fill(long now) {
        if (!started) {
            started = true;
            filledAt = now;
            return;
        }
        long passed = now - filledAt;
        if (passed <= 0) {
            return;
        }
        filledAt = now;
        double more = (double) passed * limit.perSecond() / SECOND + fraction;
        if (more >= limit.burst() - tokens) {
            tokens = limit.burst();
            fraction = 0;
        } else {
            tokens += (long) more;
            fraction = more - (long) more;
        }
    }
}
