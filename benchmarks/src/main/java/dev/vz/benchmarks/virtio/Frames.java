package dev.vz.benchmarks.virtio;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import dev.vz.link.VnetHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** What a card is plugged into here: takes every frame, and, if asked to, gives frames of one size without end. */
final class Frames implements LinkPort {

    private final @Nullable Thread generator;
    private volatile @Nullable FrameSink sink;
    private volatile boolean closed;

    /** @param size bytes of each frame that is given; 0 gives none */
    Frames(int size) {
        generator = size == 0 ? null : Thread.ofPlatform().daemon().name("frames").start(() -> generate(size));
    }

    private void generate(int size) {
        MemorySegment frame = Arena.ofAuto().allocate(VnetHeader.SIZE + (long) size);
        frame.set(ValueLayout.JAVA_BYTE, VnetHeader.SIZE, (byte) 2);
        frame.set(ValueLayout.JAVA_BYTE, VnetHeader.SIZE + 12L, (byte) 0x88);
        frame.set(ValueLayout.JAVA_BYTE, VnetHeader.SIZE + 13L, (byte) 0xB5);
        var batch = new FrameBatch();
        while (batch.add(frame, 0, VnetHeader.SIZE + size)) {
            // The same frame as often as a batch holds.
        }
        while (!closed) {
            FrameSink to = sink;
            if (to == null) {
                LockSupport.parkNanos(1_000_000);
            } else if (to.accept(batch) == 0) {
                Thread.onSpinWait();
            }
        }
    }

    @Override
    public String name() {
        return "frames";
    }

    @Override
    public LinkFeatures features() {
        return LinkFeatures.none();
    }

    @Override
    public int send(FrameBatch batch) {
        return batch.count();
    }

    @Override
    public void receive(@Nullable FrameSink receiver) {
        sink = receiver;
    }

    @Override
    public boolean isUp() {
        return true;
    }

    @Override
    public void onChange(@Nullable Runnable listener) {
        // It is always up.
    }

    @Override
    public void close() {
        closed = true;
        sink = null;
    }
}
