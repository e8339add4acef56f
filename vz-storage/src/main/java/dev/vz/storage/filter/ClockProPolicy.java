package dev.vz.storage.filter;

/**
 * CLOCK-Pro (Jiang, Chen, Zhang: CLOCK-Pro, USENIX 2005), in the shape with a test table: a block that comes back soon
 * after it was thrown out is hot, and hot lines are thrown out only when they have not been used for a whole round. One
 * long scan therefore does not push out what is used again and again.
 */
final class ClockProPolicy implements ReplacementPolicy {

    private static final byte EMPTY = 0;
    private static final byte COLD = 1;
    private static final byte HOT = 2;

    private final byte[] kind;
    private final boolean[] referenced;
    /** Blocks that were thrown out cold, as a table of keys by hash: newer ones take older ones' places. */
    private final long[] ghosts;
    private int coldHand;
    private int hotHand;
    private int hot;
    /** How many lines may be hot; grows when ghosts come back. */
    private int hotTarget;

    ClockProPolicy(int slots) {
        kind = new byte[slots];
        referenced = new boolean[slots];
        ghosts = new long[Integer.highestOneBit(Math.max(slots, 2)) * 2];
        java.util.Arrays.fill(ghosts, -1);
        hotTarget = Math.max(1, slots / 2);
    }

    private int ghost(long key) {
        return (int) (key * 0x9e3779b97f4a7c15L >>> 32) & ghosts.length - 1;
    }

    @Override
    public void used(int slot) {
        referenced[slot] = true;
    }

    @Override
    public void filled(int slot, long key) {
        boolean back = ghosts[ghost(key)] == key;
        if (back) {
            ghosts[ghost(key)] = -1;
            hotTarget = Math.min(kind.length - 1, hotTarget + 1);
        }
        kind[slot] = back ? HOT : COLD;
        referenced[slot] = false;
        if (back) {
            hot++;
            coolDown();
        }
    }

    /** Makes hot lines cold until there are no more than may be. */
    private void coolDown() {
        for (int steps = 2 * kind.length; hot > Math.max(1, hotTarget) && steps > 0; steps--) {
            int slot = hotHand;
            hotHand = (hotHand + 1) % kind.length;
            if (kind[slot] == HOT) {
                if (referenced[slot]) {
                    referenced[slot] = false;
                } else {
                    kind[slot] = COLD;
                    hot--;
                }
            }
        }
    }

    @Override
    public void emptied(int slot, long key) {
        if (kind[slot] == HOT) {
            hot--;
        } else {
            ghosts[ghost(key)] = key;
            hotTarget = Math.max(1, hotTarget - (hotTarget > kind.length / 2 ? 1 : 0));
        }
        kind[slot] = EMPTY;
    }

    @Override
    public int victim(long key, Pinned pinned) {
        for (int steps = 0; steps < 3 * kind.length; steps++) {
            int slot = coldHand;
            coldHand = (coldHand + 1) % kind.length;
            if (kind[slot] == EMPTY || pinned.isPinned(slot)) {
                continue;
            }
            if (kind[slot] == COLD) {
                if (!referenced[slot]) {
                    return slot;
                }
                // Used while it was cold: it earns a place among the hot ones.
                referenced[slot] = false;
                kind[slot] = HOT;
                hot++;
                coolDown();
            } else if (steps >= 2 * kind.length) {
                return slot; // every line is hot or pinned
            }
        }
        return -1;
    }
}
