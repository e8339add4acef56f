package dev.vz.virtio.balloon;

/** Is told of memory that a guest does not use, during a round of hints. Called on the queue's loop. */
public interface FreePageListener {

    /**
     * {@code length} bytes at {@code gpa} held nothing when the round began; what the guest writes there afterwards shows
     * in the dirty log as always.
     */
    void free(long gpa, long length);

    /** The guest has named all it had. */
    void complete();
}
