package dev.vz.storage.image;

import java.util.Optional;

/** An image that knows its parent by more than a name, so that another image in its place is noticed. */
public interface LinkedDriver extends ImageDriver {

    /** By what images over this one know it. It may change when the disk is written. */
    String link();

    /** What the parent must say of itself; empty if there is none. */
    Optional<String> parentLink();

    /**
     * Takes {@code link} for the parent's from now on, durably: for whoever wrote to the parent, and gave this image the
     * same content as before.
     */
    void relink(String link);
}
