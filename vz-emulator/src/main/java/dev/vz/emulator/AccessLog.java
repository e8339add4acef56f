package dev.vz.emulator;

import dev.vz.cpu.VcpuExit;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The accesses to devices of an instruction that is executed for {@code run()}, which hands each of them to its caller.
 *
 * <p>
 * At each access the instruction is abandoned, and executed again from its beginning when the caller comes back: the
 * accesses that were answered are in the log, and are not made again. Instructions change nothing before their last access
 * that could fault, so that executing them again is the same as going on.
 */
final class AccessLog {

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** More than any instruction makes: FXRSTOR of device memory, two bytes at a time. */
    private static final int MOST = 512;

    /** Thrown to abandon the instruction. */
    static final class Abandoned extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Abandoned() {
            super("the instruction waits for its access to a device", null, false, false);
        }
    }

    private final Abandoned abandoned = new Abandoned();
    private final long[] answers = new long[MOST];
    private final MemorySegment data = Arena.ofAuto().allocate(8);
    private int answered;
    private int position;
    private @Nullable VcpuExit waiting;
    private int size;

    /** Whether an instruction was abandoned and is to be finished. */
    boolean isWaiting() {
        return waiting != null || answered > 0;
    }

    /** The access that the caller is to make. */
    @Nullable
    VcpuExit waiting() {
        return waiting;
    }

    /** Whether the access at hand was made before. */
    boolean replays() {
        return position < answered;
    }

    /** What the access at hand gave when it was made. */
    long replay() {
        return answers[position++];
    }

    /** Hands an access of {@code bytes} bytes to the caller. Returns what abandons the instruction. */
    Abandoned hand(int bytes, long value, VcpuExit exit) {
        waiting = exit;
        size = bytes;
        data.set(LONG, 0, value);
        return abandoned;
    }

    /** Keeps what the access at hand gave. Returns what abandons the instruction. */
    Abandoned keep(long value) {
        if (answered < MOST) {
            answers[answered++] = value;
        }
        position = answered;
        return abandoned;
    }

    /** The bytes of the access. */
    MemorySegment data() {
        return waiting == null ? data.asSlice(0, 0) : data.asSlice(0, size);
    }

    /** Answers a read. */
    void answer(long value) {
        data.set(LONG, 0, value);
    }

    /** The caller comes back: what it waited for is answered, and the instruction begins again. */
    void resume() {
        if (waiting != null && answered < MOST) {
            answers[answered++] = data.get(LONG, 0) & -1L >>> 64 - 8 * size;
        }
        waiting = null;
        position = 0;
    }

    /** The instruction is finished, or forgotten. */
    void clear() {
        answered = 0;
        position = 0;
        waiting = null;
    }
}
