package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.error.ConfigurationException;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/** Fails or delays requests as rules say, to try what is above it. Rules may come and go at any time. Thread-safe. */
public final class FaultDevice extends FilterDevice {

    /**
     * Which requests fail or wait.
     *
     * @param operations what they do
     * @param offset     first byte of a range that they touch
     * @param length     its length
     * @param skip       how many such requests go well first
     * @param count      how many are hit then; {@link Long#MAX_VALUE} for all
     * @param result     how they end; {@link BlockResult#OK} to carry them out
     * @param delay      nanoseconds by which they are late
     */
    public record Rule(Set<Operation> operations, long offset, long length, long skip, long count, BlockResult result,
            long delay) {

        /** Checks the numbers. */
        public Rule {
            operations = Set.copyOf(operations);
            if (offset < 0 || length < 0 || skip < 0 || count < 1 || delay < 0) {
                throw new ConfigurationException("A fault's numbers are not negative, and it happens at least once");
            }
        }

        /** All requests of some operations end with {@code result}. */
        public static Rule fail(BlockResult result, Operation first, Operation... others) {
            return new Rule(EnumSet.of(first, others), 0, Long.MAX_VALUE, 0, Long.MAX_VALUE, result, 0);
        }

        /** All requests of some operations are late by {@code nanoseconds}. */
        public static Rule delay(long nanoseconds, Operation first, Operation... others) {
            return new Rule(EnumSet.of(first, others), 0, Long.MAX_VALUE, 0, Long.MAX_VALUE, BlockResult.OK,
                    nanoseconds);
        }

        /** The same, only for requests that touch a range. */
        public Rule within(long offset, long length) {
            return new Rule(operations, offset, length, skip, count, result, delay);
        }

        /** The same, after {@code skip} requests that go well, {@code count} times. */
        public Rule after(long skip, long count) {
            return new Rule(operations, offset, length, skip, count, result, delay);
        }

        private boolean concerns(BlockRequest request) {
            return operations.contains(request.operation()) && (request.operation() == Operation.FLUSH
                    || request.offset() < saturated(offset, length)
                            && offset < saturated(request.offset(), request.length()));
        }

        private static long saturated(long a, long b) {
            return a > Long.MAX_VALUE - b ? Long.MAX_VALUE : a + b;
        }
    }

    private record Active(Rule rule, AtomicLong seen) {}

    private final FilterClock clock;
    private final List<Active> rules = new CopyOnWriteArrayList<>();

    /** Over {@code below}, without rules; delays are in the time of {@code clock}. */
    public FaultDevice(BlockDevice below, FilterClock clock) {
        super(below);
        this.clock = clock;
    }

    /** Adds a rule; of several that concern a request the first one decides. */
    public void add(Rule rule) {
        rules.add(new Active(rule, new AtomicLong()));
    }

    /** Everything goes well from now on. */
    public void clear() {
        rules.clear();
    }

    @Override
    public void submit(BlockRequest request) {
        for (Active active : rules) {
            Rule rule = active.rule();
            if (rule.concerns(request)) {
                long number = active.seen().getAndIncrement();
                if (number >= rule.skip() && number - rule.skip() < rule.count()) {
                    hit(rule, request);
                    return;
                }
            }
        }
        super.submit(request);
    }

    private void hit(Rule rule, BlockRequest request) {
        Runnable outcome = rule.result() == BlockResult.OK ? () -> super.submit(request)
                : () -> request.complete(rule.result());
        if (rule.delay() == 0) {
            outcome.run();
        } else {
            clock.at(clock.nanoTime() + rule.delay(), outcome);
        }
    }
}
