package dev.vz.emulator.translator;

import dev.vz.emulator.memory.HostMemory;
import java.util.Arrays;

/** What a region has stored while it is checked: where, and what was there before and is there now. Belongs to a thread. */
final class StoreLog {

    private static final ThreadLocal<StoreLog> OF_THREAD = ThreadLocal.withInitial(StoreLog::new);

    private long[] hosts = new long[64];
    private int[] sizes = new int[64];
    private long[] before = new long[64];
    private long[] after = new long[64];
    private int count;

    private StoreLog() {}

    static StoreLog ofThread() {
        return OF_THREAD.get();
    }

    void clear() {
        count = 0;
    }

    /** {@code size} bytes at {@code host} are about to be stored. */
    void note(long host, int size) {
        if (count == hosts.length) {
            hosts = Arrays.copyOf(hosts, 2 * count);
            sizes = Arrays.copyOf(sizes, 2 * count);
            before = Arrays.copyOf(before, 2 * count);
            after = Arrays.copyOf(after, 2 * count);
        }
        hosts[count] = host;
        sizes[count] = size;
        before[count++] = read(host, size);
    }

    /** Remembers what was stored, and puts everything back as it was. */
    void undo() {
        for (int i = 0; i < count; i++) {
            after[i] = read(hosts[i], sizes[i]);
        }
        for (int i = count - 1; i >= 0; i--) {
            write(hosts[i], sizes[i], before[i]);
        }
    }

    /** Whether the memory is again as it was before {@link #undo}. */
    boolean isRedone() {
        for (int i = 0; i < count; i++) {
            if (read(hosts[i], sizes[i]) != after[i]) {
                return false;
            }
        }
        return true;
    }

    private static long read(long host, int size) {
        return switch (size) {
            case 1 -> HostMemory.readByte(host);
            case 2 -> HostMemory.readShort(host);
            case 4 -> HostMemory.readInt(host) & 0xFFFF_FFFFL;
            default -> HostMemory.readLong(host);
        };
    }

    private static void write(long host, int size, long value) {
        switch (size) {
            case 1 -> HostMemory.writeByte(host, (int) value);
            case 2 -> HostMemory.writeShort(host, (int) value);
            case 4 -> HostMemory.writeInt(host, (int) value);
            default -> HostMemory.writeLong(host, value);
        }
    }
}
