package dev.vz.samples.cli.vhost;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import dev.vz.link.VnetHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Sends every frame back to where it came from, its addresses exchanged. Longer ones than a page are dropped. */
final class EchoPort implements LinkPort {

    private static final int ADDRESS = 6;
    private static final int ROOM = 4096;

    private final MemorySegment copies = Arena.ofAuto().allocate((long) ROOM * FrameBatch.CAPACITY);
    private final FrameBatch back = new FrameBatch();
    private volatile @Nullable FrameSink sink;

    @Override
    public String name() {
        return "echo";
    }

    @Override
    public LinkFeatures features() {
        return LinkFeatures.all();
    }

    @Override
    public int send(FrameBatch batch) {
        FrameSink to = sink;
        if (to != null) {
            back.clear();
            for (int i = 0; i < batch.count(); i++) {
                int length = batch.length(i);
                if (length <= ROOM) {
                    turn(batch.segment(i), batch.headerOffset(i), (long) ROOM * i, length);
                }
            }
            to.accept(back);
        }
        return batch.count();
    }

    /** A copy: the sender's buffer is not ours to write to. */
    private void turn(MemorySegment from, long at, long copyAt, int length) {
        MemorySegment.copy(from, at, copies, copyAt, length);
        MemorySegment.copy(from, at + VnetHeader.SIZE, copies, copyAt + VnetHeader.SIZE + ADDRESS, ADDRESS);
        MemorySegment.copy(from, at + VnetHeader.SIZE + ADDRESS, copies, copyAt + VnetHeader.SIZE, ADDRESS);
        back.add(copies, copyAt, length);
    }

    @Override
    public void receive(@Nullable FrameSink sink) {
        this.sink = sink;
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
        sink = null;
    }
}
