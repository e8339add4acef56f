package dev.vz.kvm;

import java.util.List;

/**
 * One counter of a machine or a vCPU.
 *
 * @param name       as the kernel names it, for example {@code "exits"}
 * @param type       how it changes
 * @param unit       what it counts
 * @param base       10 or 2: with {@code exponent}, the factor to the unit
 * @param exponent   the value times {@code base} to the power of this is in {@code unit}
 * @param bucketSize of a linear histogram: how much one bucket spans
 * @param values     one, or one for each bucket of a histogram
 */
public record KvmStatistic(String name, Type type, Unit unit, int base, int exponent, int bucketSize,
        List<Long> values) {

    /** How a value changes. */
    public enum Type {
        /** It grows. */
        CUMULATIVE,
        /** It is what is now. */
        INSTANT,
        /** It is the highest that was. */
        PEAK,
        /** Buckets of one size. */
        LINEAR_HISTOGRAM,
        /** Buckets each twice as large as the one before. */
        LOGARITHMIC_HISTOGRAM,
        /** One that this version has no word for. */
        OTHER
    }

    /** What is counted. */
    public enum Unit {
        /** Things. */
        NONE,
        /** Bytes. */
        BYTES,
        /** Seconds. */
        SECONDS,
        /** Ticks of the processor's clock. */
        CYCLES,
        /** 0 or 1. */
        BOOLEAN,
        /** One that this version has no word for. */
        OTHER
    }

    /** Copies the list. */
    public KvmStatistic {
        values = List.copyOf(values);
    }

    /** The value, or the sum of the buckets. */
    public long total() {
        return values.stream().mapToLong(Long::longValue).sum();
    }
}
