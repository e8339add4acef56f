package dev.vz.samples.cli.image;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageFacts;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.storage.DiskImage;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.parallels.ParallelsFormat;
import dev.vz.storage.qcow2.Qcow2Format;
import dev.vz.storage.qcow2.Qcow2Options;
import dev.vz.storage.vdi.VdiFormat;
import dev.vz.storage.vhd.VhdFormat;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;

/** Makes an image of each format from the values of its options. */
final class ImageMaker {

    private ImageMaker() {}

    static void make(ImageFormat format, String name, long size, OptionValues values) {
        Qcow2Options qcow2 = format == ImageFormat.QCOW2 ? qcow2(size, values) : null;
        String preallocation = values.text("preallocation", "off");
        if (qcow2 == null && !List.of("off", "falloc", "full").contains(preallocation)) {
            throw new CommandFailure(format == ImageFormat.RAW && preallocation.equals("metadata")
                    ? "Unsupported preallocation mode 'metadata'"
                    : "Parameter 'preallocation' does not accept value '" + preallocation + "'");
        }
        try (HostFile file = open(name)) {
            switch (format) {
                case RAW -> raw(file, size, preallocation);
                case QCOW2 -> {
                    if (qcow2 != null) {
                        qcow2(file, name, qcow2, preallocation);
                    }
                }
                case VDI -> VdiFormat.create(file, size, values.on("static"));
                case VPC -> vpc(file, size, values);
                case PARALLELS -> ParallelsFormat.create(file, size, (int) values.number("cluster_size", 1 << 20));
            }
        }
    }

    private static HostFile open(String name) {
        try {
            return HostFile.create(Path.of(name.startsWith("file:") ? name.substring(5) : name));
        } catch (HostException refused) {
            throw new CommandFailure("Could not create '" + name + "': " + HostErrors.text(refused));
        }
    }

    private static void raw(ImageFile file, long size, String preallocation) {
        file.resize(0);
        // The size is rounded as the tools round it.
        long rounded = Math.min(size, Long.MAX_VALUE - 511) + 511 & -512;
        switch (preallocation) {
            case "off" -> file.resize(rounded);
            default -> ImageFacts.preallocate(file, 0, rounded, preallocation.equals("full"));
        }
        file.flush();
    }

    private static void vpc(ImageFile file, long size, OptionValues values) {
        String kind = values.text("subformat", "dynamic");
        if (!kind.equals("dynamic") && !kind.equals("fixed")) {
            throw new CommandFailure("Invalid parameter '" + kind + "'");
        }
        VhdFormat.create(file, size, kind.equals("fixed"), values.on("force_size"), Clock.systemUTC());
    }

    private static Qcow2Options qcow2(long size, OptionValues values) {
        int version = switch (values.text("compat", "1.1")) {
            case "0.10", "v2" -> 2;
            case "1.1", "v3" -> 3;
            default -> throw new CommandFailure("Parameter 'version' does not accept value '" + values.text("compat")
                    + "'");
        };
        String preallocation = values.text("preallocation", "off");
        if (!List.of("off", "metadata", "falloc", "full").contains(preallocation)) {
            throw new CommandFailure("Parameter 'preallocation' does not accept value '" + preallocation + "'");
        }
        String compression = values.text("compression_type", "zlib");
        if (!List.of("zlib", "zstd").contains(compression)) {
            throw new CommandFailure("Parameter 'compression-type' does not accept value '" + compression + "'");
        }
        if (values.on("encryption") || values.isGiven("encrypt.format")) {
            throw new CommandFailure("Encrypted images cannot be made here");
        }
        long cluster = values.number("cluster_size", 65536);
        long refcountBits = values.number("refcount_bits", 16);
        boolean extended = values.on("extended_l2");
        String dataFile = values.text("data_file");
        String problem = Qcow2Rules.problem(new Qcow2Rules.Wanted(version, cluster, refcountBits, extended, values.on(
                "lazy_refcounts"), compression.equals("zstd"), dataFile != null, values.on("data_file_raw"), values
                        .text("backing_file") != null,
                values.text("backing_fmt") != null, preallocation));
        if (problem != null) {
            throw new CommandFailure(problem);
        }
        long rounded = Math.min(size, Long.MAX_VALUE - 511) + 511 & -512;
        try {
            return new Qcow2Options(rounded, version, (int) cluster, (int) refcountBits, extended, compression.equals(
                    "zstd"), values.text("backing_file"), values.text("backing_fmt"), dataFile, values.on(
                            "data_file_raw"),
                    values.on("lazy_refcounts"));
        } catch (ConfigurationException wrong) {
            throw new CommandFailure(wrong.getMessage());
        }
    }

    private static void qcow2(ImageFile file, String name, Qcow2Options options, String preallocation) {
        String dataFile = options.dataFile();
        if (dataFile != null) {
            try (HostFile data = open(dataFile)) {
                raw(data, options.size(), preallocation.equals("metadata") ? "off" : preallocation);
            }
        }
        Qcow2Format.create(file, options);
        if (!preallocation.equals("off")) {
            preallocate(name, options, preallocation);
        }
    }

    private static void preallocate(String name, Qcow2Options options, String preallocation) {
        try (DiskImage image = ImageStore.open(ImageSpec.ofName(name, "qcow2"), ImageStore.Mode.WRITE.alone())) {
            ImageFacts.preallocate(image, 0, options.size(), preallocation);
        }
    }
}
