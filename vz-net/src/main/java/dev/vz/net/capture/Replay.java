package dev.vz.net.capture;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.VnetHeader;
import dev.vz.net.time.NetClock;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Plays the frames of a capture into a sink, each at its time: the first at once, the others as much later as they were
 * recorded, divided by a speed. Driven by hand: {@link #run} sends what is due and says when to come again. Frames of which
 * the capture has only the beginning are left out. Not thread-safe.
 */
public final class Replay {

    /** What {@link #run} returns when the capture has ended. */
    public static final long ENDED = -1;

    private final CaptureReader reader;
    private final FrameSink sink;
    private final NetClock clock;
    private final double speed;
    private final MemorySegment slab = Arena.ofAuto().allocate(VnetHeader.SIZE + CaptureReader.LARGEST_BLOCK, 64);
    private final FrameBatch batch = new FrameBatch();
    private long startedAt;
    private long firstNanos;
    private boolean started;
    private boolean pending;
    private long sent;
    private long dropped;

    /**
     * A replay that has not begun.
     *
     * @param reader stays the caller's
     * @param speed  1 as recorded, 2 twice as fast; infinity all at once
     */
    public Replay(CaptureReader reader, FrameSink sink, NetClock clock, double speed) {
        this.reader = reader;
        this.sink = sink;
        this.clock = clock;
        this.speed = speed;
    }

    /** Sends every frame that is due. Returns nanoseconds until the next is, or {@link #ENDED}. */
    public long run() {
        while (pending || reader.next()) {
            pending = true;
            if (!started) {
                started = true;
                startedAt = clock.nanos();
                firstNanos = reader.nanos();
            }
            double due = Math.max(0, reader.nanos() - firstNanos) / speed;
            long wait = (long) due - (clock.nanos() - startedAt);
            if (wait > 0) {
                return wait;
            }
            pending = false;
            send();
        }
        return ENDED;
    }

    private void send() {
        int length = reader.frameLength();
        if (length < reader.originalLength() || length < 14) {
            dropped++;
            return;
        }
        VnetHeader.clear(slab, 0);
        MemorySegment.copy(reader.segment(), reader.frameOffset(), slab, VnetHeader.SIZE, length);
        batch.clear();
        batch.add(slab, 0, VnetHeader.SIZE + length);
        if (sink.accept(batch) == 1) {
            sent++;
        } else {
            dropped++;
        }
    }

    /** Frames that the sink took. */
    public long sent() {
        return sent;
    }

    /** Frames that were cut short in the capture, or not taken. */
    public long dropped() {
        return dropped;
    }
}
