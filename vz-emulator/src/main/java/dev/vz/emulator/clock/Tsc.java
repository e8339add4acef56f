package dev.vz.emulator.clock;

import dev.vz.error.ConfigurationException;

/**
 * A processor's time stamp counter, derived from the machine's clock. Used by the thread that runs the processor; the
 * clock's thread only converts.
 */
public final class Tsc {

    /** Ticks per millisecond where nobody asks for another frequency: one tick a nanosecond. */
    public static final long DEFAULT_KILOHERTZ = 1_000_000;

    private final MachineClock clock;
    private volatile long kilohertz = DEFAULT_KILOHERTZ;
    private volatile long offset;

    /** A counter that reads zero when {@code clock} does. */
    public Tsc(MachineClock clock) {
        this.clock = clock;
    }

    /** Ticks per millisecond. */
    public long kilohertz() {
        return kilohertz;
    }

    /** Sets the frequency; the counter jumps. */
    public void setKilohertz(long kilohertz) {
        if (kilohertz < 1_000 || kilohertz > 100_000_000) {
            throw new ConfigurationException("A TSC of " + kilohertz + " kHz is out of range: 1 MHz to 100 GHz");
        }
        this.kilohertz = kilohertz;
    }

    /** The counter now. */
    public long read() {
        return at(clock.nanos()) + offset;
    }

    /** The counter when the clock reads {@code nanos}. */
    public long readAt(long nanos) {
        return at(nanos) + offset;
    }

    /** Makes the counter read {@code value} now. */
    public void write(long value) {
        offset = value - at(clock.nanos());
    }

    /** What is added to the frequency-scaled clock. */
    public long offset() {
        return offset;
    }

    /** The clock's time at which the counter reads {@code value}. */
    public long nanosAt(long value) {
        long ticks = value - offset;
        long khz = kilohertz;
        if (khz == DEFAULT_KILOHERTZ) {
            return ticks;
        }
        // Rounded up, so that a timer armed for it finds the counter there.
        return ticks / khz * 1_000_000 + (ticks % khz * 1_000_000 + khz - 1) / khz;
    }

    private long at(long nanos) {
        long khz = kilohertz;
        // Split, so that the product fits 64 bits for machines that run for years.
        return khz == DEFAULT_KILOHERTZ ? nanos : nanos / 1_000_000 * khz + nanos % 1_000_000 * khz / 1_000_000;
    }
}
