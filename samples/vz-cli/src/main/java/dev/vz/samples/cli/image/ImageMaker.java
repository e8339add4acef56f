package dev.vz.samples.cli.image;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageFacts;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.storage.DiskImage;
import dev.vz.storage.file.CacheMode;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.LinkedDriver;
import dev.vz.storage.parallels.ParallelsFormat;
import dev.vz.storage.qcow2.Qcow2Format;
import dev.vz.storage.qcow2.Qcow2Options;
import dev.vz.storage.vdi.VdiFormat;
import dev.vz.storage.qed.QedFormat;
import dev.vz.storage.vhd.VhdFormat;
import dev.vz.storage.vhdx.VhdxFormat;
import dev.vz.storage.vmdk.VmdkDriver;
import dev.vz.storage.vmdk.VmdkFormat;
import dev.vz.storage.vmdk.VmdkOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
                        qcow2(file, name, qcow2, values, preallocation);
                    }
                }
                case VDI -> VdiFormat.create(file, size, values.on("static"));
                case VPC -> vpc(file, name, size, values);
                case VMDK -> vmdk(file, name, size, values);
                case QED -> QedFormat.create(file, size, (int) values.number("cluster_size", QedFormat.DEFAULT_CLUSTER),
                        (int) values.number("table_size", QedFormat.DEFAULT_TABLE), values.text("backing_file"), values
                                .text("backing_fmt"));
                case VHDX -> vhdx(file, name, size, values);
                case DMG, CLOOP, BOCHS -> throw new CommandFailure("Format driver '" + format
                        + "' does not support image creation");
                case PARALLELS -> ParallelsFormat.create(file, size, (int) values.number("cluster_size", 1 << 20));
            }
        }
    }

    /** Makes what was made durable: once, at the end. */
    static void sync(String name) {
        try (HostFile file = HostFile.open(path(name), false)) {
            file.flush();
        }
    }

    private static Path path(String name) {
        return Path.of(name.startsWith("file:") ? name.substring(5) : name);
    }

    private static HostFile open(String name) {
        try {
            return HostFile.create(path(name), CacheMode.UNSAFE);
        } catch (HostException refused) {
            throw new CommandFailure("Could not create '" + name + "': " + HostErrors.text(refused));
        }
    }

    private static void raw(ImageFile file, long size, String preallocation) {
        file.resize(0);
        // The size is rounded as the tools round it.
        long rounded = Math.min(size, Long.MAX_VALUE - 511) + 511 & -512;
        switch (preallocation) {
            case "off" -> {
                file.resize(rounded);
                // The first block is always there: so the host's file system can be asked for its alignment.
                ImageFacts.preallocate(file, 0, Math.min(rounded, 4096), true);
            }
            default -> ImageFacts.preallocate(file, 0, rounded, preallocation.equals("full"));
        }
        file.flush();
    }

    /** The identifier by which an image over {@code backing} knows it. */
    private static String link(ImageFormat format, String name, String backing, @Nullable String stated) {
        try (DiskImage below = ImageStore.open(ImageSpec.ofName(ImageStore.relativeTo(name, backing), stated),
                ImageStore.Mode.READ)) {
            if (!(below.driver() instanceof LinkedDriver parent) || below.driver().format() != format) {
                throw new CommandFailure("Invalid backing file format: " + below.driver().format() + ". Must be "
                        + format);
            }
            return parent.link();
        }
    }

    private static void vpcOver(ImageFile file, String name, long size, String backing, @Nullable String stated) {
        String link = link(ImageFormat.VPC, name, backing, stated);
        try {
            VhdFormat.createOver(file, size, backing, link, Files.getLastModifiedTime(path(ImageStore.relativeTo(name,
                    backing))).toInstant(), Clock.systemUTC());
        } catch (IOException failure) {
            throw new CommandFailure("Could not read the time of '" + backing + "': " + failure.getMessage());
        }
    }

    private static void vpc(ImageFile file, String name, long size, OptionValues values) {
        String backing = values.text("backing_file");
        if (backing != null) {
            vpcOver(file, name, size, backing, values.text("backing_fmt"));
            return;
        }
        String kind = values.text("subformat", "dynamic");
        if (!kind.equals("dynamic") && !kind.equals("fixed")) {
            throw new CommandFailure("Invalid parameter '" + kind + "'");
        }
        VhdFormat.create(file, size, kind.equals("fixed"), values.on("force_size"), Clock.systemUTC());
    }

    private static void vhdx(ImageFile file, String name, long size, OptionValues values) {
        String backing = values.text("backing_file");
        if (backing != null) {
            String link = link(ImageFormat.VHDX, name, backing, values.text("backing_fmt"));
            VhdxFormat.createOver(file, size, (int) values.number("block_size", 0), (int) values.number("log_size",
                    VhdxFormat.DEFAULT_LOG), backing, link);
            return;
        }
        String kind = values.text("subformat", "dynamic");
        if (!kind.equals("dynamic") && !kind.equals("fixed")) {
            throw new CommandFailure("Invalid subformat '" + kind + "'");
        }
        VhdxFormat.create(file, size, kind.equals("fixed"), (int) values.number("block_size", 0), (int) values.number(
                "log_size", VhdxFormat.DEFAULT_LOG));
    }

    private static void vmdk(ImageFile file, String name, long size, OptionValues values) {
        String hardware = values.text("hwversion", "undefined");
        boolean compat6 = values.on("compat6");
        if (compat6 && !hardware.equals("undefined")) {
            throw new CommandFailure("compat6 cannot be enabled with hwversion set");
        }
        hardware = compat6 ? "6" : hardware.equals("undefined") ? "4" : hardware;
        String backing = values.text("backing_file");
        long parent = 0xffff_ffffL;
        if (backing != null) {
            try (DiskImage below = ImageStore.open(ImageSpec.ofName(ImageStore.relativeTo(name, backing), values.text(
                    "backing_fmt")), ImageStore.Mode.READ)) {
                if (!(below.driver() instanceof VmdkDriver vmdk)) {
                    throw new CommandFailure("Invalid backing file format: " + below.driver().format()
                            + ". Must be vmdk");
                }
                parent = vmdk.cid();
            }
        }
        Path path = Path.of(name).toAbsolutePath();
        VmdkFormat.create(file, String.valueOf(path.getFileName()), new VmdkOptions(size, values.text("subformat",
                "monolithicSparse"), values.text("adapter_type", "ide"), hardware,
                values.text("toolsversion",
                        "2147483647"),
                values.on("zeroed_grain"), backing, parent), extent -> open(path.resolveSibling(extent).toString()));
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
        if (values.on("encryption") || "aes".equals(values.text("encrypt.format"))) {
            throw new CommandFailure("Encryption with AES alone is not made here, as it is not safe; choose "
                    + "encrypt.format=luks");
        }
        long cluster = values.number("cluster_size", 65536);
        long refcountBits = values.number("refcount_bits", 16);
        boolean extended = values.on("extended_l2");
        String dataFile = values.text("data_file");
        String problem = Qcow2Rules.problem(new Qcow2Rules.Wanted(version, cluster, refcountBits, extended, values.on(
                "lazy_refcounts"), compression.equals("zstd"), dataFile != null, values.on("data_file_raw"),
                values
                        .text("backing_file") != null,
                values.text("backing_fmt") != null, preallocation));
        if (problem != null) {
            throw new CommandFailure(problem);
        }
        long rounded = Math.min(size, Long.MAX_VALUE - 511) + 511 & -512;
        try {
            return new Qcow2Options(rounded, version, (int) cluster, (int) refcountBits, extended, compression.equals(
                    "zstd"), values.text("backing_file"), values.text("backing_fmt"), dataFile,
                    values.on(
                            "data_file_raw"),
                    values.on("lazy_refcounts"));
        } catch (ConfigurationException wrong) {
            throw new CommandFailure(wrong.getMessage());
        }
    }

    private static void qcow2(ImageFile file, String name, Qcow2Options options, OptionValues values,
            String preallocation) {
        String dataFile = options.dataFile();
        if (dataFile != null) {
            try (HostFile data = open(dataFile)) {
                raw(data, options.size(), preallocation.equals("metadata") ? "off" : preallocation);
            }
        }
        Qcow2Format.create(file, options, encryption(values));
        if (!preallocation.equals("off")) {
            preallocate(name, options, preallocation);
        }
    }

    /** About so many rounds of the derivation take a millisecond. */
    private static final long ROUNDS_PER_MILLISECOND = 1000;

    private static Qcow2Format.@Nullable Encryption encryption(OptionValues values) {
        String format = values.text("encrypt.format");
        if (format == null) {
            return null;
        }
        if (!format.equals("luks")) {
            throw new CommandFailure("Parameter 'encrypt.format' does not accept value '" + format + "'");
        }
        String id = values.text("encrypt.key-secret");
        if (id == null) {
            throw new CommandFailure("Parameter 'encrypt.key-secret' is required for cipher");
        }
        byte[] passphrase = Secrets.find(id).orElseThrow(() -> new CommandFailure("No secret with id '" + id + "'"));
        long milliseconds = values.number("encrypt.iter-time", 2000);
        return new Qcow2Format.Encryption(passphrase, Math.clamp(milliseconds * ROUNDS_PER_MILLISECOND, 1000,
                10_000_000));
    }

    private static void preallocate(String name, Qcow2Options options, String preallocation) {
        try (DiskImage image = ImageStore.open(ImageSpec.ofName(name, "qcow2"),
                ImageStore.Mode.WRITE.withCache(CacheMode.UNSAFE)
                        .alone())) {
            ImageFacts.preallocate(image, 0, options.size(), preallocation);
        }
    }
}
