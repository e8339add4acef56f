package dev.vz.storage.image;

/** A driver whose metadata can be checked. */
public interface CheckableDriver extends ImageDriver {

    /** Looks for contradictions in the metadata and changes nothing. */
    CheckReport check();

    /**
     * Like {@link #check}, and corrects what can be corrected: lost space, and if {@code all} everything else.
     *
     * @throws dev.vz.error.LifecycleException if the image is open for reading only
     */
    CheckReport repair(boolean all);
}
