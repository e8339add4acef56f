package dev.vz.samples.cli.vhost;

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

/** Gives its sink as many frames of one size as it takes, on a thread of its own, while somebody receives. */
final class GeneratorPort implements LinkPort {

    private static final long IDLE_NANOS = 1_000_000;

    private final int size;
    private final Thread thread;
    private volatile @Nullable FrameSink sink;
    private volatile boolean closed;

    GeneratorPort(int size) {
        this.size = size;
        thread = Thread.ofPlatform().daemon().name("vz frames").unstarted(this::generate);
        thread.start();
    }

    private void generate() {
        MemorySegment frame = Arena.ofAuto().allocate(VnetHeader.SIZE + (long) size);
        // Any station to any other, by an experimental type.
        frame.set(ValueLayout.JAVA_BYTE, VnetHeader.SIZE, (byte) 2);
        frame.set(ValueLayout.JAVA_BYTE, VnetHeader.SIZE + 6L, (byte) 2);
        frame.set(ValueLayout.JAVA_BYTE, VnetHeader.SIZE + 12L, (byte) 0x88);
        frame.set(ValueLayout.JAVA_BYTE, VnetHeader.SIZE + 13L, (byte) 0xB5);
        var batch = new FrameBatch();
        for (int i = 0; i < FrameBatch.CAPACITY; i++) {
            batch.add(frame, 0, VnetHeader.SIZE + size);
        }
        while (!closed) {
            FrameSink to = sink;
            if (to == null) {
                LockSupport.parkNanos(IDLE_NANOS);
            } else if (to.accept(batch) == 0) {
                Thread.onSpinWait();
            }
        }
    }

    @Override
    public String name() {
        return "generator";
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
        this.sink = sink;
    }

    @Override
    public boolean isUp() {
        return !closed;
    }

    @Override
    public void onChange(@Nullable Runnable listener) {
        // It never changes before it is closed.
    }

    @Override
    public void close() {
        closed = true;
        sink = null;
        boolean interrupted = false;
        while (thread.isAlive() && Thread.currentThread() != thread) {
            try {
                thread.join();
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
