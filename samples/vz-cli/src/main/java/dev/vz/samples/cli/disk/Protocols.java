package dev.vz.samples.cli.disk;

import dev.vz.storage.file.ImageFile;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What can be below a format: files of the host, and disks of nothing. */
public final class Protocols {

    private static final Set<String> KNOWN = Set.of("file", "host_device", "host_cdrom", "null-co", "null-aio",
            "blkdebug", "nbd", "ssh");

    private Protocols() {}

    /** Whether {@code driver} is what takes the place of a file. */
    public static boolean isKnown(String driver) {
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
            case "nbd" -> {
                return NetworkDisks.openNbd(options);
            }
            case "ssh" -> {
                return NetworkDisks.openSsh(options);
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

    /** The name that stands for {@code options} and nothing else; {@code null} if there is none. */
    static @Nullable String nameOf(Map<String, String> options) {
        return switch (options.getOrDefault("driver", "file")) {
            case "file" -> options.keySet().stream().allMatch(key -> key.equals("driver") || key.equals("filename"))
                    ? options.get("filename") : null;
            case "null-co", "null-aio" -> options.get("driver") + "://";
            case "nbd" -> NetworkDisks.nameOf(NetworkDisks.nbd(options));
            case "blkdebug" -> {
                String image = nameOf(ImageSpec.below(options, "image."));
                boolean plain = options.keySet().stream().allMatch(key -> key.equals("driver") || key.equals("config")
                        || key.startsWith("image."));
                yield image == null || !plain ? null : "blkdebug:" + options.getOrDefault("config", "") + ":" + image;
            }
            default -> null;
        };
    }

    /** A layer that lets requests fail by rules. */
    private static ImageFile observed(Map<String, String> given, ImageStore.Mode mode) {
        Map<String, String> options = new LinkedHashMap<>(given);
        String name = options.getOrDefault("filename", options.getOrDefault("x-image", ""));
        if (name.startsWith("blkdebug:")) {
            int colon = name.indexOf(':', 9);
            if (colon < 0) {
                throw new CommandFailure("blkdebug requires both config and image filename");
            }
            options.put("config", name.substring(9, colon));
            name = name.substring(colon + 1);
        }
        FaultRules rules = FaultRules.of(options);
        Map<String, String> image = ImageSpec.below(options, "image.");
        ImageFile file = ImageStore.below(image.isEmpty() ? ImageSpec.fileOptions("", name) : image, mode);
        return rules.isEmpty() ? file : new FaultyFile(file, rules);
    }
}
