package dev.vz.storage.filter;

import dev.vz.block.BlockCompletion;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A request that a filter makes of the device below to carry out another one. From a pool of the filter's. */
final class ChildRequest implements BlockCompletion {

    /** Told when the device below is done; the child is free again when it returns. */
    @FunctionalInterface
    interface Done {
        void done(ChildRequest child, BlockResult result);
    }

    final BlockRequest request = new BlockRequest().onCompletion(this);
    private final Pool pool;
    private final Done done;
    private @Nullable BlockRequest parent;
    /** When it was made. */
    long time;
    /** A number of the filter's. */
    long number;
    private @Nullable ChildRequest next;

    private ChildRequest(Pool pool) {
        this.pool = pool;
        this.done = pool.done;
    }

    /** The request that it carries out. */
    BlockRequest parent() {
        return Objects.requireNonNull(parent);
    }

    /** The same operation with the same buffers at another offset. */
    BlockRequest like(BlockRequest original, long offset) {
        request.prepare(original.operation(), offset, original.length(), original.flags());
        if (original.operation() == Operation.READ || original.operation() == Operation.WRITE) {
            request.addBuffers(original);
        }
        return request;
    }

    /** Is free again and ends the parent as the device below ended it. */
    void end(BlockResult result) {
        BlockRequest ended = parent();
        Throwable cause = request.cause();
        free();
        if (cause == null || result == BlockResult.OK) {
            ended.complete(result);
        } else {
            ended.fail(result, cause);
        }
    }

    @Override
    public void completed(BlockRequest completed, BlockResult result) {
        done.done(this, result);
    }

    /** Gives it back; before the parent completes, so that a following request finds it. */
    void free() {
        parent = null;
        pool.give(this);
    }

    /** Children that are not in use. Thread-safe; allocates nothing once it has grown. */
    static final class Pool {
        private final Done done;
        private @Nullable ChildRequest free;

        Pool(Done done) {
            this.done = done;
        }

        synchronized ChildRequest take(BlockRequest parent) {
            ChildRequest child = free;
            if (child == null) {
                child = new ChildRequest(this);
            } else {
                free = child.next;
                child.next = null;
            }
            child.parent = parent;
            return child;
        }

        private synchronized void give(ChildRequest child) {
            child.next = free;
            free = child;
        }
    }
}
