package dev.vz.storage.filter;

/** Takes the line that has not been used for the longest time. A list through the slots, newest first. */
final class LruPolicy implements ReplacementPolicy {

    private static final int NONE = -1;

    private final int[] newer;
    private final int[] older;
    private int newest = NONE;
    private int oldest = NONE;

    LruPolicy(int slots) {
        newer = new int[slots];
        older = new int[slots];
    }

    private void link(int slot) {
        newer[slot] = NONE;
        older[slot] = newest;
        if (newest != NONE) {
            newer[newest] = slot;
        } else {
            oldest = slot;
        }
        newest = slot;
    }

    private void unlink(int slot) {
        if (newer[slot] == NONE) {
            newest = older[slot];
        } else {
            older[newer[slot]] = older[slot];
        }
        if (older[slot] == NONE) {
            oldest = newer[slot];
        } else {
            newer[older[slot]] = newer[slot];
        }
    }

    @Override
    public void used(int slot) {
        if (slot != newest) {
            unlink(slot);
            link(slot);
        }
    }

    @Override
    public void filled(int slot, long key) {
        link(slot);
    }

    @Override
    public void emptied(int slot, long key) {
        unlink(slot);
    }

    @Override
    public int victim(long key, Pinned pinned) {
        int slot = oldest;
        while (slot != NONE && pinned.isPinned(slot)) {
            slot = newer[slot];
        }
        return slot;
    }
}
