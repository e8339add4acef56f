package dev.vz.storage.filter;

/**
 * Decides which line of a cache makes room. Lines have slots, numbered from 0; a key says which block a slot holds. Called
 * under the cache's lock; allocates nothing after construction.
 */
interface ReplacementPolicy {

    /** A slot that may not be taken just now. */
    interface Pinned {
        boolean isPinned(int slot);
    }

    /** The block in {@code slot} was used. */
    void used(int slot);

    /** {@code slot} now holds {@code key}. */
    void filled(int slot, long key);

    /** {@code slot} is empty now. */
    void emptied(int slot, long key);

    /** A filled slot to take for {@code key}, not a pinned one; -1 if all are. */
    int victim(long key, Pinned pinned);
}
