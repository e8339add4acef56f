package dev.vz.emulator.clock;

/**
 * Time as one machine sees it: nanoseconds that start near zero, never go back, and stand still while the machine is
 * paused. Thread-safe.
 */
public interface MachineClock extends AutoCloseable {

    /** Nanoseconds since the machine started, pauses left out. */
    long nanos();

    /**
     * A timer, not armed.
     *
     * @param action runs once after each arming, on the clock's thread; it must be short and must not block
     */
    Timer timer(Runnable action);

    /** Stops time and timers. */
    void pause();

    /** Lets time and timers go on. */
    void resume();

    /** Moves time to {@code nanos}, for a machine that is resumed from a snapshot. Only while paused. */
    void set(long nanos);

    /** No timer fires once this returns. Idempotent. */
    @Override
    void close();

    /** One action in the future. Arming and disarming allocate nothing; any thread. */
    interface Timer {
        /** Runs the action when the clock reaches {@code deadline} nanoseconds; replaces an earlier deadline. */
        void arm(long deadline);

        /** Forgets the deadline. An action that is already running is not waited for. */
        void disarm();
    }
}
