package dev.vz.net.gateway;

import dev.vz.link.FrameBatch;
import dev.vz.link.VnetHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Frames on their way from another thread to the gateway's: copied into one of two buffers, which change places when the
 * gateway takes what is there. Bounded; what does not fit is not taken, and the sender hears of it.
 */
final class FrameInbox {

    private static final int SIZE = 4 << 20;
    private static final int PREFIX = 8;

    private final Object lock = new Object();
    private MemorySegment filling;
    private MemorySegment draining;
    private long filled;

    FrameInbox(Arena arena) {
        filling = arena.allocate(SIZE, 64);
        draining = arena.allocate(SIZE, 64);
    }

    /** Copies as many of the first frames as there is room for. */
    int add(FrameBatch batch) {
        synchronized (lock) {
            int taken = 0;
            for (; taken < batch.count(); taken++) {
                int length = batch.length(taken);
                if (filled + PREFIX + length > SIZE) {
                    break;
                }
                filling.set(ValueLayout.JAVA_INT, filled, length);
                MemorySegment.copy(batch.segment(taken), batch.headerOffset(taken), filling, filled + PREFIX, length);
                filled = filled + PREFIX + length + PREFIX - 1 & -PREFIX;
            }
            return taken;
        }
    }

    /** Gives all that is there to {@code ingress}; on the gateway's thread. */
    void drain(FrameBatch scratch, Ingress ingress, GatewayCore core) {
        MemorySegment taken;
        long end;
        synchronized (lock) {
            taken = filling;
            end = filled;
            filling = draining;
            draining = taken;
            filled = 0;
        }
        for (long at = 0; at < end;) {
            scratch.clear();
            while (at < end && !scratch.isFull()) {
                int length = taken.get(ValueLayout.JAVA_INT, at);
                if (length >= VnetHeader.SIZE) {
                    scratch.add(taken, at + PREFIX, length);
                }
                at = at + PREFIX + length + PREFIX - 1 & -PREFIX;
            }
            core.begin();
            ingress.frames(scratch);
            core.finish();
        }
        scratch.clear();
    }
}
