package dev.vz.net.bridge;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * Behind which port a station is, per VLAN: the filtering database of IEEE 802.1Q, 8.8. Learned entries age and are bounded,
 * per port and in all; static ones do neither. Not thread-safe.
 */
final class ForwardingTable {

    /** What learning an address led to. */
    enum Learned {
        /** The entry is as it should be. */
        KNOWN,
        /** There was no room: the address stays unknown, and frames to it are flooded. */
        NO_ROOM,
        /** The address belongs to another port for good. */
        STATIC_ELSEWHERE
    }

    private final LongTable index;
    private final int most;
    private long[] keys = new long[256];
    private int[] ports = new int[256];
    private long[] seen = new long[256];
    private boolean[] fixed = new boolean[256];
    private int size;
    private int[] learnedBy = new int[16];

    ForwardingTable(int most) {
        this.most = most;
        index = new LongTable(256);
    }

    static long key(int vlan, long address) {
        return (long) vlan << 48 | address;
    }

    int size() {
        return size;
    }

    /** The port behind which {@code address} is, or -1. */
    int find(int vlan, long address) {
        int entry = index.find(key(vlan, address));
        return entry < 0 ? -1 : ports[entry];
    }

    /** Notes that a frame from {@code address} came in through {@code port}. */
    Learned learn(int vlan, long address, int port, int limit, long now) {
        long key = key(vlan, address);
        int entry = index.find(key);
        if (entry >= 0) {
            int before = ports[entry];
            if (before == port) {
                seen[entry] = now;
                return Learned.KNOWN;
            }
            if (fixed[entry]) {
                return Learned.STATIC_ELSEWHERE;
            }
            if (learned(port) >= limit) {
                return Learned.NO_ROOM;
            }
            learnedBy[before]--;
            learnedBy[port]++;
            ports[entry] = port;
            seen[entry] = now;
            return Learned.KNOWN;
        }
        if (size >= most || learned(port) >= limit) {
            return Learned.NO_ROOM;
        }
        add(key, port, now, false);
        learnedBy[port]++;
        return Learned.KNOWN;
    }

    /** Whether {@code address} belongs to a port other than {@code port} for good. */
    boolean isStaticElsewhere(int vlan, long address, int port) {
        int entry = index.find(key(vlan, address));
        return entry >= 0 && fixed[entry] && ports[entry] != port;
    }

    /** Makes the entry static, whether or not it is there. */
    void fix(int vlan, long address, int port) {
        long key = key(vlan, address);
        int entry = index.find(key);
        if (entry >= 0) {
            remove(entry);
        }
        learned(port);
        add(key, port, 0, true);
    }

    /** Forgets the entry; whether it was there. */
    boolean forget(int vlan, long address) {
        int entry = index.find(key(vlan, address));
        if (entry >= 0) {
            remove(entry);
        }
        return entry >= 0;
    }

    /** Forgets learned entries that have not been seen since {@code before}. */
    void expire(long before) {
        for (int i = size - 1; i >= 0; i--) {
            if (!fixed[i] && seen[i] - before < 0) {
                remove(i);
            }
        }
    }

    /** Forgets learned entries of the ports that {@code chosen} chooses, and static ones too if {@code all}. */
    void forgetPorts(IntPredicate chosen, boolean all) {
        for (int i = size - 1; i >= 0; i--) {
            if ((all || !fixed[i]) && chosen.test(ports[i])) {
                remove(i);
            }
        }
    }

    /** How many addresses {@code port} has taught. */
    int learned(int port) {
        if (port >= learnedBy.length) {
            learnedBy = Arrays.copyOf(learnedBy, Math.max(port + 1, learnedBy.length * 2));
        }
        return learnedBy[port];
    }

    /** All entries, for people; {@code now} says how old they are. */
    List<ForwardingEntry> entries(long now) {
        var list = new ArrayList<ForwardingEntry>(size);
        for (int i = 0; i < size; i++) {
            list.add(ForwardingEntry.of(keys[i], ports[i], fixed[i], fixed[i] ? 0 : now - seen[i]));
        }
        return list;
    }

    private void add(long key, int port, long now, boolean isFixed) {
        if (size == keys.length) {
            int more = size * 2;
            keys = Arrays.copyOf(keys, more);
            ports = Arrays.copyOf(ports, more);
            seen = Arrays.copyOf(seen, more);
            fixed = Arrays.copyOf(fixed, more);
        }
        keys[size] = key;
        ports[size] = port;
        seen[size] = now;
        fixed[size] = isFixed;
        index.add(key, size);
        size++;
    }

    /** The last entry takes the place of the removed one. */
    private void remove(int entry) {
        if (!fixed[entry]) {
            learnedBy[ports[entry]]--;
        }
        index.remove(keys[entry]);
        int last = --size;
        if (entry != last) {
            keys[entry] = keys[last];
            ports[entry] = ports[last];
            seen[entry] = seen[last];
            fixed[entry] = fixed[last];
            index.move(keys[entry], entry);
        }
    }
}
