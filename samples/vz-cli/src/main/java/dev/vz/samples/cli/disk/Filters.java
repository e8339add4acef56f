package dev.vz.samples.cli.disk;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Drivers above a format, taken off its options.
 *
 * @param below      the image without them
 * @param copyOnRead whether what is read becomes the image's own
 * @param rules      which of these copies fail
 */
public record Filters(ImageSpec below, boolean copyOnRead, FaultRules rules) {

    /** Takes off what is above the format in {@code spec}. */
    public static Filters of(ImageSpec spec) {
        Map<String, String> options = spec.options();
        boolean copies = false;
        FaultRules rules = FaultRules.NONE;
        while (true) {
            String driver = options.getOrDefault("driver", "");
            if (driver.equals("copy-on-read")) {
                copies = true;
                options = lower(options, "file.");
            } else if (driver.equals("blkdebug") && ImageStore.isFormat(options.getOrDefault("image.driver", ""))) {
                rules = FaultRules.of(options);
                options = lower(options, "image.");
            } else {
                return new Filters(options.equals(spec.options()) ? spec : new ImageSpec(spec.name(), options), copies,
                        rules);
            }
        }
    }

    /** The options of what is below; a file name goes down as far as there is somebody to take it. */
    private static Map<String, String> lower(Map<String, String> options, String prefix) {
        Map<String, String> below = new LinkedHashMap<>(ImageSpec.below(options, prefix));
        String name = below.remove("filename");
        if (name == null) {
            name = options.getOrDefault("filename", options.get("file.filename"));
        }
        if (name != null) {
            if (ImageStore.isFormat(below.getOrDefault("driver", ""))) {
                ImageSpec.fileOptions("file.", name).forEach(below::putIfAbsent);
            } else {
                below.put("filename", name);
            }
        }
        return below;
    }
}
