package dev.vz.machine.clock;

/**
 * Time as a machine's devices see it. All methods may be called from any thread.
 */
public interface MachineClock extends AutoCloseable {

    /** Nanoseconds of a clock that only goes forward; its origin means nothing. */
    long nanos();

    /** Nanoseconds since 1970-01-01T00:00:00Z. May jump where the host's clock is set. */
    long epochNanos();

    /**
     * A timer, not armed.
     *
     * @param onExpiry runs once each time it expires, on a thread of the clock, and must not block. A timer that is
     *                 disarmed or armed again by another thread may still run once for its old deadline; what runs checks
     *                 its own condition.
     */
    Timer timer(Runnable onExpiry);

    /** Ends the clock's thread. No timer expires afterwards. Idempotent. */
    @Override
    void close();

    /** A deadline that can be set again and again. */
    interface Timer {

        /** Expires once, when {@link MachineClock#nanos()} reaches {@code deadline}; replaces an earlier deadline. */
        void arm(long deadline);

        /** Expires no more. */
        void disarm();
    }
}
