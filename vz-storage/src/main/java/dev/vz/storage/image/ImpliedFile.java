package dev.vz.storage.image;

import org.jspecify.annotations.Nullable;

/**
 * A further file that an image names.
 *
 * @param role   what it would be to the image
 * @param name   its name as the image spells it: untrusted
 * @param format the format that the image states for it; {@code null} if it states none
 * @param owner  the name of the image's own file
 */
public record ImpliedFile(Role role, String name, @Nullable String format, String owner) {

    /** What a file is to the image that names it. */
    public enum Role {
        /** Holds what the image does not; only read. */
        BACKING,
        /** Holds the image's data, and is written when the image is. */
        DATA,
        /** Holds a part of the image's data, in a layout of the image's own format. */
        EXTENT
    }

    @Override
    public String toString() {
        String kind = switch (role) {
            case BACKING -> "backing";
            case DATA -> "data";
            case EXTENT -> "extent";
        };
        return "the " + kind + " file '" + name + "' that " + owner + " names";
    }
}
