package dev.vz.samples.cli.disk;

import dev.vz.storage.file.ImageFile;
import java.util.Map;
import java.util.Set;

/** What can be below a format: files of the host, and disks of nothing. */
final class Protocols {

    private static final Set<String> KNOWN = Set.of("file", "host_device", "host_cdrom", "null-co", "null-aio", "blkdebug");

    private Protocols() {}

    static boolean isKnown(String driver) {
        return KNOWN.contains(driver);
    }

    static ImageFile open(Map<String, String> options, ImageStore.Mode mode) {
        String driver = options.getOrDefault("driver", "file");
        String name = options.get("filename");
        switch (driver) {
            case "file", "host_device", "host_cdrom" -> {
                if (name == null) {
                    throw new CommandFailure("A block device must be specified for \"file\"");
                }
                // A device of no bytes, which is no block device.
                boolean nothing = driver.startsWith("host_") && name.equals("/dev/null");
                return nothing ? new NullFile(0, true) : ImageStore.hostFile(driver, name, mode);
            }
            case "null-co", "null-aio" -> {
                long size = Sizes.tryParse(options.getOrDefault("size", "1G")).orElse(1L << 30);
                return new NullFile(size, "on".equals(options.get("read-zeroes")));
            }
            case "blkdebug" -> {
                return observed(options, mode);
            }
            default -> {
                if (name != null && name.startsWith(driver + ":")) {
                    throw new CommandFailure("Unknown protocol '" + driver + "'");
                }
                throw new CommandFailure("Unknown driver '" + driver + "'");
            }
        }
    }

    /** A layer that injects errors elsewhere; without rules it only passes on, and rules are refused. */
    private static ImageFile observed(Map<String, String> options, ImageStore.Mode mode) {
        String name = options.getOrDefault("filename", options.getOrDefault("x-image", ""));
        String rules = options.getOrDefault("config", "");
        if (name.startsWith("blkdebug:")) {
            int colon = name.indexOf(':', 9);
            if (colon < 0) {
                throw new CommandFailure("blkdebug requires both config and image filename");
            }
            rules = name.substring(9, colon);
            name = name.substring(colon + 1);
        }
        if (!rules.isEmpty() || options.keySet().stream().anyMatch(key -> key.startsWith("inject-error") || key
                .startsWith("set-state"))) {
            throw new CommandFailure("Errors cannot be injected here");
        }
        Map<String, String> image = ImageSpec.below(options, "image.");
        return open(image.isEmpty() ? ImageSpec.fileOptions("", name) : image, mode);
    }
}
