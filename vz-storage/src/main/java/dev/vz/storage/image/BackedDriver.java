package dev.vz.storage.image;

import org.jspecify.annotations.Nullable;

/** A driver of images that have a backing file. */
public interface BackedDriver extends ClearableDriver {

    /**
     * States another backing file, or none if {@code name} is {@code null}. Data is not touched: what the image does not
     * hold itself is the new file's from the next opening on.
     *
     * @param format the file's format; {@code null} if it is not to be stated
     */
    void changeBacking(@Nullable String name, @Nullable String format);
}
