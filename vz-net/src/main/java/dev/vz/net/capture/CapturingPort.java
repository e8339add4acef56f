package dev.vz.net.capture;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import dev.vz.net.capture.CaptureWriter.Direction;
import org.jspecify.annotations.Nullable;

/**
 * A port whose traffic is recorded both ways: what the other end took, and what arrives from it. Offloaded frames are
 * recorded as they pass, large and with checksums not yet filled in. Threads are those of the port underneath.
 */
public final class CapturingPort implements LinkPort {

    private final LinkPort port;
    private final CaptureWriter writer;
    private final int number;

    /** Records {@code port}, which becomes this one's, as an interface of its name in {@code writer}, which does not. */
    public CapturingPort(LinkPort port, CaptureWriter writer) {
        this.port = port;
        this.writer = writer;
        number = writer.addInterface(port.name());
    }

    @Override
    public String name() {
        return port.name();
    }

    @Override
    public LinkFeatures features() {
        return port.features();
    }

    @Override
    public int send(FrameBatch batch) {
        int taken = port.send(batch);
        writer.write(number, batch, 0, taken, Direction.OUTBOUND);
        return taken;
    }

    @Override
    public void receive(@Nullable FrameSink sink) {
        if (sink == null) {
            port.receive(null);
            return;
        }
        port.receive(batch -> {
            // Before it is handed on: the answer to a frame stands behind it.
            writer.write(number, batch, 0, batch.count(), Direction.INBOUND);
            return sink.accept(batch);
        });
    }

    @Override
    public boolean isUp() {
        return port.isUp();
    }

    @Override
    public void onChange(@Nullable Runnable listener) {
        port.onChange(listener);
    }

    @Override
    public void close() {
        port.close();
    }
}
