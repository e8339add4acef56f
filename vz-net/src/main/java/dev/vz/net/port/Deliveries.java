package dev.vz.net.port;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import org.jspecify.annotations.Nullable;

/** Giving a batch to a sink and counting what became of it. */
final class Deliveries {

    private Deliveries() {}

    static void deliver(FrameBatch batch, @Nullable FrameSink sink, PortCounters counters) {
        int count = batch.count();
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            bytes += batch.frameLength(i);
        }
        counters.received(count, bytes);
        int taken = sink == null ? 0 : sink.accept(batch);
        if (taken < count) {
            counters.receiveDropped(count - taken);
        }
    }
}
