package dev.vz.net.gateway;

import java.security.SecureRandom;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Finds flows by their addresses: open addressing with linear probing, under a hash whose key is secret, so that a guest
 * cannot choose ports that collide. Finding allocates nothing.
 */
final class FlowTable {

    private final long key0;
    private final long key1;
    private @Nullable Flow[] slots = new Flow[256];
    private int size;

    FlowTable() {
        var random = new SecureRandom();
        key0 = random.nextLong() | 1;
        key1 = random.nextLong() | 1;
    }

    int size() {
        return size;
    }

    @Nullable
    Flow find(int protocol, long guestHigh, long guestLow, int guestPort, long remoteHigh, long remoteLow,
            int remotePort) {
        int hash = hash(protocol, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort);
        @Nullable
        Flow[] table = slots;
        int mask = table.length - 1;
        for (int i = hash & mask;; i = i + 1 & mask) {
            Flow flow = table[i];
            if (flow == null) {
                return null;
            }
            if (flow.hash == hash
                    && flow.is(protocol, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort)) {
                return flow;
            }
        }
    }

    /** Adds a flow whose like is not there. */
    void add(Flow flow) {
        if ((size + 1) * 2 > slots.length) {
            @Nullable
            Flow[] old = slots;
            slots = new Flow[2 * old.length];
            for (Flow other : old) {
                if (other != null) {
                    insert(other);
                }
            }
        }
        flow.hash = hash(flow.protocol, flow.guestHigh, flow.guestLow, flow.guestPort, flow.remoteHigh, flow.remoteLow,
                flow.remotePort);
        flow.tabled = true;
        insert(flow);
        size++;
    }

    private void insert(Flow flow) {
        int mask = slots.length - 1;
        int i = flow.hash & mask;
        while (slots[i] != null) {
            i = i + 1 & mask;
        }
        slots[i] = flow;
    }

    /** Takes a flow out; whether it was there. */
    @SuppressWarnings("ReferenceEquality") // that very flow, not one like it
    boolean remove(Flow flow) {
        if (!flow.tabled) {
            return false;
        }
        flow.tabled = false;
        int mask = slots.length - 1;
        int hole = flow.hash & mask;
        while (slots[hole] != flow) {
            hole = hole + 1 & mask;
        }
        // Closes the gap: whoever probed past it moves up, unless that is before its own place.
        for (int i = hole + 1 & mask;; i = i + 1 & mask) {
            Flow other = slots[i];
            if (other == null) {
                break;
            }
            if ((i - (other.hash & mask) & mask) >= (i - hole & mask)) {
                slots[hole] = other;
                hole = i;
            }
        }
        slots[hole] = null;
        size--;
        return true;
    }

    /** Calls {@code action} with every flow; it may remove flows. */
    void forEach(Consumer<Flow> action) {
        for (Flow flow : Arrays.copyOf(slots, slots.length)) {
            if (flow != null && flow.tabled) {
                action.accept(flow);
            }
        }
    }

    private int hash(int protocol, long guestHigh, long guestLow, int guestPort, long remoteHigh, long remoteLow,
            int remotePort) {
        long h = mix(guestLow ^ key0, ((long) protocol << 32 | (long) guestPort << 16 | remotePort) ^ key1);
        h = mix(h ^ remoteLow, key0 ^ guestHigh);
        h = mix(h ^ remoteHigh, key1);
        return (int) (h ^ h >>> 32);
    }

    /** Both halves of the 128-bit product, folded: a round of a keyed multiply-mix hash. */
    private static long mix(long a, long b) {
        return a * b ^ Math.unsignedMultiplyHigh(a, b);
    }
}
