package dev.vz.storage.luks;

import dev.vz.error.ConfigurationException;

/** Knows the passphrases of encrypted images. */
@FunctionalInterface
public interface KeySource {

    /**
     * The passphrase of the image in the file {@code image}, which is the caller's from then on.
     *
     * @throws ConfigurationException if there is none
     */
    byte[] passphrase(String image);

    /** Knows none: encrypted images can be looked at, but not read. */
    static KeySource none() {
        return image -> {
            throw new ConfigurationException("The image " + image
                    + " is encrypted; open it with a source of keys that knows its passphrase");
        };
    }
}
