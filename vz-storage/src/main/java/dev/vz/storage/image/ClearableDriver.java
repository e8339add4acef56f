package dev.vz.storage.image;

/** A driver of images that can come to hold nothing, so that all of the disk is the image's below. */
public interface ClearableDriver extends ImageDriver {

    /**
     * Makes the image hold nothing: all of the disk is the backing file's, which has the same content by then. Durable when
     * it returns.
     */
    void clear();
}
