package dev.vz.net.gateway;

import org.jspecify.annotations.Nullable;

/**
 * What the gateway knows about one Ethernet address on the link: how many flows it has, and which of them it can best do
 * without, the oldest first.
 */
final class Guest {

    final long mac;
    int flows;
    long lastSeen;
    private @Nullable Flow firstSpare;
    private @Nullable Flow lastSpare;

    Guest(long mac) {
        this.mac = mac;
    }

    /** Puts {@code flow} at the end of what can be done without. */
    void offer(Flow flow) {
        keep(flow);
        flow.spare = true;
        flow.sparePrevious = lastSpare;
        flow.spareNext = null;
        if (lastSpare != null) {
            lastSpare.spareNext = flow;
        } else {
            firstSpare = flow;
        }
        lastSpare = flow;
    }

    /** Takes {@code flow} off that list. */
    void keep(Flow flow) {
        if (!flow.spare) {
            return;
        }
        flow.spare = false;
        Flow next = flow.spareNext;
        Flow previous = flow.sparePrevious;
        if (next != null) {
            next.sparePrevious = previous;
        } else {
            lastSpare = previous;
        }
        if (previous != null) {
            previous.spareNext = next;
        } else {
            firstSpare = next;
        }
        flow.spareNext = null;
        flow.sparePrevious = null;
    }

    /** The flow to end first; {@code null} if all are in use. */
    @Nullable
    Flow spare() {
        return firstSpare;
    }
}
