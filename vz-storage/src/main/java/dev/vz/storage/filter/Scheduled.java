package dev.vz.storage.filter;

import dev.vz.block.BlockCompletion;
import dev.vz.block.BlockDevice;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A request in a scheduler, with those that go along with it. Used again and again. */
final class Scheduled implements BlockCompletion {

    /** Told when the device below is done. */
    @FunctionalInterface
    interface Done {
        void done(Scheduled scheduled, BlockResult result);
    }

    final BlockRequest child = new BlockRequest().onCompletion(this);
    private final Done done;
    private @Nullable BlockRequest parent;
    private @Nullable BlockDevice device;
    private @Nullable Flow flow;
    long submitted;
    long dispatched;
    /** The one behind it on the disk that goes with it, and so on. */
    @Nullable
    Scheduled merged;
    @Nullable
    Scheduled next;

    Scheduled(Done done) {
        this.done = done;
    }

    void prepare(BlockRequest request, BlockDevice device, Flow flow, long now) {
        this.parent = request;
        this.device = device;
        this.flow = flow;
        submitted = now;
    }

    void clear() {
        parent = null;
        device = null;
        flow = null;
        merged = null;
        next = null;
    }

    BlockRequest parent() {
        return Objects.requireNonNull(parent);
    }

    Flow flow() {
        return Objects.requireNonNull(flow);
    }

    boolean isRead() {
        return parent().operation() == Operation.READ;
    }

    long offset() {
        return parent().offset();
    }

    long end() {
        return parent().offset() + parent().length();
    }

    /** Whether {@code other} goes on where this ends, in the same way, on the same device. */
    boolean continuedBy(Scheduled other) {
        return other.flow == flow && other.offset() == end() && other.isRead() == isRead()
                && other.parent().flags() == parent().flags();
    }

    /** Sends it below, together with what is merged to it. */
    void send() {
        long length = 0;
        for (Scheduled each = this; each != null; each = each.merged) {
            length += each.parent().length();
        }
        child.prepare(parent().operation(), offset(), length, parent().flags());
        for (Scheduled each = this; each != null; each = each.merged) {
            child.addBuffers(each.parent());
        }
        Objects.requireNonNull(device).submit(child);
    }

    @Override
    public void completed(BlockRequest request, BlockResult result) {
        done.done(this, result);
    }
}
