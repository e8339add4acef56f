package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import java.util.concurrent.atomic.AtomicLong;

/** Tells a listener of every request and how it ended. Thread-safe; telling allocates nothing of its own. */
public final class TraceDevice extends FilterDevice {

    /** Hears of requests, on the threads that carry them out; must not block. */
    public interface Listener {
        /** A request comes in. */
        void submitted(long number, Operation operation, long offset, long length, int flags);

        /** It has ended, after {@code nanoseconds}. */
        void completed(long number, BlockResult result, long nanoseconds);
    }

    private final FilterClock clock;
    private final Listener listener;
    private final ChildRequest.Pool children = new ChildRequest.Pool(this::done);
    private final AtomicLong numbers = new AtomicLong();

    /** Over {@code below}, telling {@code listener}. */
    public TraceDevice(BlockDevice below, FilterClock clock, Listener listener) {
        super(below);
        this.clock = clock;
        this.listener = listener;
    }

    @Override
    public void submit(BlockRequest request) {
        ChildRequest child = children.take(request);
        child.time = clock.nanoTime();
        child.number = numbers.getAndIncrement();
        listener.submitted(child.number, request.operation(), request.offset(), request.length(), request.flags());
        below().submit(child.like(request, request.offset()));
    }

    private void done(ChildRequest child, BlockResult result) {
        listener.completed(child.number, result, clock.nanoTime() - child.time);
        child.end(result);
    }
}
