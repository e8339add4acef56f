package dev.vz.linux.thread;

import dev.vz.error.ConfigurationException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.StringJoiner;

/**
 * A set of signals. Immutable.
 *
 * @param bits signal number <i>n</i> is bit <i>n</i>−1, as the kernel keeps it
 */
public record SignalSet(long bits) {

    /** Bytes of the C library's {@code sigset_t}; the kernel reads the first eight. */
    public static final long SIZE = 128;

    /** No signal. */
    public static final SignalSet EMPTY = new SignalSet(0);

    /** The set of {@code signals}, numbers from 1 to 64. */
    public static SignalSet of(int... signals) {
        SignalSet set = EMPTY;
        for (int signal : signals) {
            set = set.with(signal);
        }
        return set;
    }

    /** This set and {@code signal}. */
    public SignalSet with(int signal) {
        return new SignalSet(bits | bit(signal));
    }

    /** This set without {@code signal}. */
    public SignalSet without(int signal) {
        return new SignalSet(bits & ~bit(signal));
    }

    /** Whether {@code signal} is in this set. */
    public boolean contains(int signal) {
        return (bits & bit(signal)) != 0;
    }

    /** Writes it as a {@code sigset_t} of {@value #SIZE} bytes. */
    public void store(MemorySegment target) {
        target.asSlice(0, SIZE).fill((byte) 0);
        target.set(ValueLayout.JAVA_LONG, 0, bits);
    }

    /** Reads a {@code sigset_t}. */
    public static SignalSet load(MemorySegment source) {
        return new SignalSet(source.get(ValueLayout.JAVA_LONG, 0));
    }

    @Override
    public String toString() {
        var text = new StringJoiner(", ", "signals {", "}");
        for (int signal = 1; signal <= Long.SIZE; signal++) {
            if (contains(signal)) {
                text.add(Integer.toString(signal));
            }
        }
        return text.toString();
    }

    private static long bit(int signal) {
        if (signal < 1 || signal > Long.SIZE) {
            throw new ConfigurationException("Signals are numbered 1 to 64, not " + signal);
        }
        return 1L << (signal - 1);
    }
}
