package dev.vz.samples.cli.disk;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.image.ImageDriver;
import dev.vz.storage.image.Mapping;

/** Asks an image itself, without what is below it, whether it holds something. */
public final class Allocation {

    /**
     * The answer for some bytes.
     *
     * @param allocated whether the image holds them, as data or as zeros
     * @param length    for how many bytes that is so
     */
    public record Run(boolean allocated, long length) {}

    private Allocation() {}

    /** For the bytes from {@code offset} on, {@code length} at most. */
    public static Run at(DiskImage image, long offset, long length) {
        if (offset < 0 || length <= 0 || length > image.info().size() - offset) {
            throw new ConfigurationException("Cannot look at " + length + " bytes at " + offset + " of a disk of "
                    + image.info().size() + " bytes");
        }
        ImageDriver driver = image.driver();
        var mapping = new Mapping();
        long stamp = driver.use().readLock();
        try {
            driver.locate(offset, length, mapping);
        } finally {
            driver.use().unlockRead(stamp);
        }
        return new Run(mapping.kind() != Mapping.Kind.UNALLOCATED, mapping.length());
    }
}
