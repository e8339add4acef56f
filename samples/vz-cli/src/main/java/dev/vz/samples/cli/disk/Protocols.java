package dev.vz.samples.cli.disk;

import dev.vz.storage.file.ImageFile;
import java.util.Map;
import java.util.Set;

/** What can be below a format: files of the host, and disks of nothing. */
final class Protocols {

    private static final Set<String> KNOWN = Set.of("file", "host_device", "null-co", "null-aio");

    private Protocols() {}

    static boolean isKnown(String driver) {
        return KNOWN.contains(driver);
    }

    static ImageFile open(Map<String, String> options, ImageStore.Mode mode) {
        String driver = options.getOrDefault("driver", "file");
        String name = options.get("filename");
        switch (driver) {
            case "file", "host_device" -> {
                if (name == null) {
                    throw new CommandFailure("A block device must be specified for \"file\"");
                }
                return ImageStore.hostFile(name, mode);
            }
            case "null-co", "null-aio" -> {
                long size = Sizes.tryParse(options.getOrDefault("size", "1G")).orElse(1L << 30);
                return new NullFile(size, "on".equals(options.get("read-zeroes")));
            }
            default -> {
                if (name != null && name.startsWith(driver + ":")) {
                    throw new CommandFailure("Unknown protocol '" + driver + "'");
                }
                throw new CommandFailure("Unknown driver '" + driver + "'");
            }
        }
    }
}
