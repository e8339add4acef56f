package dev.vz.samples.cli.io;

import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.storage.DiskImage;
import dev.vz.storage.file.CacheMode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What {@code reopen -o} asks for: options that change, and those that may be repeated but not changed. */
final class Reopening {

    private static final List<String> SWITCHES = List.of("read-only", "cache.no-flush", "cache.direct",
            "auto-read-only");

    private Reopening() {}

    /**
     * Demands of the options {@code given} that they fit to each other and to the open image.
     *
     * @param access whether {@code -r} or {@code -w} was given, too
     * @param cache  whether {@code -c} was given, too
     */
    static void check(Map<String, String> given, ImageSpec spec, DiskImage image, boolean access, boolean cache) {
        if (access && given.containsKey("read-only")) {
            throw new CommandFailure("Cannot set both -r/-w and 'read-only'");
        }
        if (cache && given.keySet().stream().anyMatch(key -> key.startsWith("cache."))) {
            throw new CommandFailure("Cannot set both -c and the cache options");
        }
        given.forEach((key, value) -> {
            String last = key.substring(key.lastIndexOf('.') + 1);
            if (SWITCHES.contains(key) && !value.equals("on") && !value.equals("off")) {
                throw new CommandFailure("Parameter '" + key + "' expects 'on' or 'off'");
            }
            boolean fixed = last.equals("node-name") || last.equals("driver");
            if (fixed && !value.equals(now(key, spec, image))) {
                throw new CommandFailure("Cannot change the option '" + last + "'");
            }
        });
    }

    private static String now(String key, ImageSpec spec, DiskImage image) {
        return switch (key) {
            case "driver" -> image.driver().format().label();
            case "file.driver" -> spec.options().getOrDefault(key, "file");
            case "backing.driver" -> image.backing().map(below -> below.driver().format().label()).orElse("");
            default -> spec.options().getOrDefault(key, "");
        };
    }

    /** The image with these options instead of those of the same names. */
    static ImageSpec changed(ImageSpec spec, Map<String, String> given) {
        Map<String, String> options = new LinkedHashMap<>(spec.options());
        given.forEach((key, value) -> {
            // What is repeated stays as it was said.
            if (!key.equals("driver") && !key.endsWith(".driver")) {
                options.put(key, value);
            }
        });
        return new ImageSpec(spec.name(), options);
    }

    /** How to open it then. */
    static ImageStore.Mode mode(ImageStore.Mode mode, Map<String, String> given) {
        ImageStore.Mode changed = Optional.ofNullable(given.get("read-only")).map(value -> mode.withReadOnly(value
                .equals("on"))).orElse(mode);
        if ("on".equals(given.get("cache.no-flush"))) {
            return changed.withCache(CacheMode.UNSAFE);
        }
        return given.containsKey("cache.direct") ? changed.withCache(CacheMode.WRITEBACK) : changed;
    }
}
