package dev.vz.emulator.cpu;

import dev.vz.emulator.memory.HostMemory;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A run of instructions that are executed one after the other, decoded.
 *
 * <p>
 * A block is known by the guest-physical address of its first byte, its instruction pointer, and what else its meaning
 * depends on ({@link #mode}). It may be entered without further checks by who finds {@link #stamp} equal to
 * {@link Cpu#stamp}; otherwise {@link BlockCache} makes sure that the same bytes still lie there.
 */
public final class Block {

    /** Instruction pointer of the first instruction. */
    public final long ip;
    /** What to execute when the block is entered: {@link #decoded}, or a translation that begins with it. */
    public Op first;
    /** The first instruction, decoded. */
    public final Op decoded;
    /** {@link Cpu#stamp} when it was last found in place; 0 if its code was overwritten. */
    public long stamp;
    /** How often it was entered. */
    public long executions;
    /** Number of instructions. */
    public final int count;

    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INTS = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    /** After every so many entries the block is reported as hot. */
    private static final long HOT_MASK = 0x3FF;

    /** Guest-physical address of the first byte. */
    final long physical;
    /** Guest-physical address of the second page's first byte, or -1 if it lies in one page. */
    final long secondPage;
    /** Mode and code segment: the low 20 bits of a stamp. */
    final long mode;
    /** Its bytes when it was decoded. */
    final byte[] code;

    /** The translation that can be entered at this block, whether it can be used now or not. */
    public @Nullable Translation translation;
    /** The translations that contain this block. */
    public @Nullable List<Translation> translations;

    @Nullable
    Block nextInBucket;
    @Nullable
    Block nextInPage;
    @Nullable
    Block nextInSecondPage;

    Block(long ip, Op first, int count, long physical, long secondPage, long mode, byte[] code) {
        this.ip = ip;
        this.first = first;
        decoded = first;
        this.count = count;
        this.physical = physical;
        this.secondPage = secondPage;
        this.mode = mode;
        this.code = code;
    }

    /** Counts an entry. Returns what is to be executed. */
    public Op enter(Cpu c) {
        if ((++executions & HOT_MASK) == 0) {
            c.hot(this);
        }
        return first;
    }

    /** Guest-physical address of the first byte. */
    public long physical() {
        return physical;
    }

    /** Whether its bytes lie in two pages. */
    public boolean crossesPage() {
        return secondPage >= 0;
    }

    /** Its bytes when it was decoded; not to be changed. */
    public byte[] code() {
        return code;
    }

    /** How many of its bytes are in its first page. */
    int bytesInFirstPage() {
        return Math.min(code.length, 4096 - (int) (physical & 4095));
    }

    /** Whether its bytes still lie at {@code host}, and what crosses the page at {@code secondHost}. */
    public boolean isAt(long host, long secondHost) {
        int here = bytesInFirstPage();
        return areAt(host, 0, here) && (here == code.length || areAt(secondHost, here, code.length));
    }

    /** Whether its bytes from {@code from} to {@code to} lie at {@code host}. */
    private boolean areAt(long host, int from, int to) {
        int i = from;
        for (; i + 8 <= to; i += 8) {
            if (HostMemory.readLong(host + i - from) != (long) LONGS.get(code, i)) {
                return false;
            }
        }
        if (i == to) {
            return true;
        }
        if (to - from >= 8) { // the last eight once more, some of them
            return HostMemory.readLong(host + to - 8 - from) == (long) LONGS.get(code, to - 8);
        }
        if (i + 4 <= to) {
            if (HostMemory.readInt(host + i - from) != (int) INTS.get(code, i)) {
                return false;
            }
            i += 4;
        }
        for (; i < to; i++) {
            if ((byte) HostMemory.readByte(host + i - from) != code[i]) {
                return false;
            }
        }
        return true;
    }

    /** Whether it has a byte in {@code [start, start + bytes)}, guest-physical and within one page. */
    boolean touches(long start, int bytes) {
        int here = bytesInFirstPage();
        return start < physical + here && start + bytes > physical
                || secondPage >= 0 && start < secondPage + code.length - here && start + bytes > secondPage;
    }
}
