package dev.vz.storage.image;

/**
 * A driver of images that have room behind the disk for something else: the memory of the machine whose disk it is. The disk
 * does not show it.
 */
public interface StateDriver extends ImageDriver {

    /** Bytes from the disk's start to that room, for {@link #locate} and {@link #prepareWrite}. */
    long stateStart();

    /**
     * Makes the tables reach to {@code end}, counted like {@link #stateStart}.
     *
     * @throws dev.vz.error.LifecycleException if the image is open for reading only
     */
    void reachState(long end);
}
