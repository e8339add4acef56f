package dev.vz.samples.cli.vhost;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import org.jspecify.annotations.Nullable;

/** Takes every frame and drops it. */
final class DiscardPort implements LinkPort {

    @Override
    public String name() {
        return "discard";
    }

    @Override
    public LinkFeatures features() {
        return LinkFeatures.all();
    }

    @Override
    public int send(FrameBatch batch) {
        return batch.count();
    }

    @Override
    public void receive(@Nullable FrameSink sink) {
        // Nothing ever comes.
    }

    @Override
    public boolean isUp() {
        return true;
    }

    @Override
    public void onChange(@Nullable Runnable listener) {
        // It never changes.
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
