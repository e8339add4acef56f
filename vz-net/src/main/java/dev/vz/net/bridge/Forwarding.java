package dev.vz.net.bridge;

import dev.vz.link.FrameBatch;
import dev.vz.net.packet.PacketView;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What one batch on its way through a switch needs: a view of the frame at hand, and what has been decided so far. */
final class Forwarding {

    final PacketView view = new PacketView();
    private @Nullable OutBatch[] batches = new OutBatch[16];
    private @Nullable SwitchPort[] targets = new SwitchPort[16];
    private int targetCount;

    /** Adds a frame for {@code port}, if its batch is not full, as it can only be through mirroring. */
    boolean add(SwitchPort port, FrameBatch frames, int index, int tag, int source) {
        int number = port.number();
        if (number >= batches.length) {
            int size = Math.max(number + 1, batches.length * 2);
            batches = Arrays.copyOf(batches, size);
            targets = Arrays.copyOf(targets, size);
        }
        OutBatch batch = batches[number];
        if (batch == null) {
            batch = new OutBatch();
            batches[number] = batch;
        }
        if (batch.frames.isFull()) {
            return false;
        }
        if (batch.frames.count() == 0) {
            targets[targetCount++] = port;
        }
        batch.add(frames, index, tag, source);
        return true;
    }

    /** Sends everything, without the switch's lock. */
    void flush() {
        for (int i = 0; i < targetCount; i++) {
            SwitchPort port = Objects.requireNonNull(targets[i]);
            port.egress().transmit(Objects.requireNonNull(batches[port.number()]));
        }
    }

    /** Forgets everything: the frames belong to others from now on. */
    void clear() {
        for (int i = 0; i < targetCount; i++) {
            SwitchPort port = Objects.requireNonNull(targets[i]);
            Objects.requireNonNull(batches[port.number()]).clear();
            targets[i] = null;
        }
        targetCount = 0;
    }
}
