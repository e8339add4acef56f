package dev.vz.net.port;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import org.jspecify.annotations.Nullable;

/** What all ports of this package are: a name, whoever takes what arrives, whoever waits for room, and counters. */
abstract class ReceivingPort implements LinkPort {

    private final String name;
    private final LinkFeatures features;
    private final PortCounters counters = new PortCounters();
    private volatile @Nullable FrameSink sink;
    private volatile @Nullable Runnable listener;

    ReceivingPort(String name, LinkFeatures features) {
        this.name = name;
        this.features = features;
    }

    @Override
    public final String name() {
        return name;
    }

    @Override
    public final LinkFeatures features() {
        return features;
    }

    /** What went through. */
    public final PortCounters counters() {
        return counters;
    }

    @Override
    public final void receive(@Nullable FrameSink sink) {
        this.sink = sink;
    }

    @Override
    public final void onChange(@Nullable Runnable listener) {
        this.listener = listener;
    }

    /** Gives a batch to the sink, and counts what became of it; how many frames it took. */
    final int deliver(FrameBatch batch) {
        FrameSink taker = sink;
        int count = batch.count();
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            bytes += batch.frameLength(i);
        }
        counters.received(count, bytes);
        int taken = taker == null ? 0 : taker.accept(batch);
        if (taken < count) {
            counters.receiveDropped(count - taken);
        }
        return taken;
    }

    /** Tells the listener that there is room again, or that the other end came or went. */
    final void changed() {
        Runnable waiting = listener;
        if (waiting != null) {
            waiting.run();
        }
    }
}
