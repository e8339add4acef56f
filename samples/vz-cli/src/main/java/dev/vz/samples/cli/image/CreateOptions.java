package dev.vz.samples.cli.image;

import dev.vz.samples.cli.image.CreateOption.Kind;
import dev.vz.storage.image.ImageFormat;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** The options that each format takes when an image is made, in the order in which they are told. */
final class CreateOptions {

    private static final String BACKING_FILE = "File name of a base image";
    private static final String BACKING_FORMAT = "Image format of the base image";
    private static final CreateOption SIZE = size("size", null, "Virtual disk size");

    private static final List<CreateOption> QCOW2 = List.of(
            new CreateOption("encryption", Kind.SWITCH, null,
                    "Encrypt the image with format 'aes'. (Deprecated in favor of encrypt.format=aes)"),
            text("encrypt.format", "Encrypt the image, format choices: 'aes', 'luks'"),
            text("encrypt.key-secret", "ID of secret providing qcow AES key or LUKS passphrase"),
            text("encrypt.cipher-alg", "Name of encryption cipher algorithm"),
            text("encrypt.cipher-mode", "Name of encryption cipher mode"),
            text("encrypt.ivgen-alg", "Name of IV generator algorithm"),
            text("encrypt.ivgen-hash-alg", "Name of IV generator hash algorithm"),
            text("encrypt.hash-alg", "Name of encryption hash algorithm"),
            new CreateOption("encrypt.iter-time", Kind.NUMBER, null, "Time to spend in PBKDF in milliseconds"),
            size("cluster_size", "65536", "qcow2 cluster size"),
            flag("extended_l2", "off", "Extended L2 tables"),
            text("preallocation", "Preallocation mode (allowed values: off, metadata, falloc, full)"),
            new CreateOption("compression_type", Kind.STRING, "zlib",
                    "Compression method used for image cluster compression"),
            SIZE,
            text("compat", "Compatibility level (v2 [0.10] or v3 [1.1])"), text("backing_file", BACKING_FILE),
            text("backing_fmt", BACKING_FORMAT), text("data_file", "File name of an external data file"),
            flag("data_file_raw", null, "The external data file must stay valid as a raw image"),
            flag("lazy_refcounts", "off", "Postpone refcount updates"),
            new CreateOption("refcount_bits", Kind.NUMBER, "16", "Width of a reference count entry in bits"));

    private static final List<CreateOption> RAW = List.of(SIZE);
    private static final List<CreateOption> VDI = List.of(SIZE, flag("static", "off",
            "VDI static (pre-allocated) image"));
    private static final List<CreateOption> VPC = List.of(SIZE, text("subformat",
            "Type of virtual hard disk format. Supported formats are {dynamic (default) | fixed} "),
            flag("force_size",
                    null, "Force disk size calculation to use the actual size specified, rather than using the "
                            + "nearest CHS-based calculation"),
            beyond("backing_file"), beyond("backing_fmt"));
    private static final List<CreateOption> PARALLELS = List.of(SIZE, size("cluster_size", "1048576",
            "Parallels image cluster size"));
    private static final List<CreateOption> VMDK = List.of(SIZE, text("adapter_type",
            "Virtual adapter type, can be one of ide (default), lsilogic, buslogic or legacyESX"),
            text("backing_file",
                    BACKING_FILE),
            text("backing_fmt", "Must be 'vmdk' if present"), flag("compat6", "off", "VMDK version 6 image"),
            new CreateOption("hwversion", Kind.STRING, "undefined", "VMDK hardware version"), text("toolsversion",
                    "VMware guest tools version"),
            text("subformat", "VMDK flat extent format, can be one of {monolithicSparse (default) | monolithicFlat | "
                    + "twoGbMaxExtentSparse | twoGbMaxExtentFlat | streamOptimized} "),
            flag("zeroed_grain", null, "Enable efficient zero writes using the zeroed-grain GTE feature"));
    private static final List<CreateOption> QED = List.of(SIZE, text("backing_file", BACKING_FILE), text("backing_fmt",
            BACKING_FORMAT), size("cluster_size", "65536", "Cluster size (in bytes)"),
            size("table_size", null,
                    "L1/L2 table size (in clusters)"));
    private static final List<CreateOption> VHDX = List.of(size("size", null, "Virtual disk size; max of 64TB."), size(
            "log_size", "1048576", "Log size; min 1MB."),
            size("block_size", "0",
                    "Block Size; min 1MB, max 256MB. 0 means auto-calculate based on image size."),
            text("subformat", "VHDX format type, can be either 'dynamic' or 'fixed'. Default is 'dynamic'."), flag(
                    "block_state_zero", null, "Force use of payload blocks of type 'ZERO'. Non-standard, but default.  "
                            + "Do not set to 'off' when using 'qemu-img convert' with subformat=dynamic."),
            beyond("backing_file"), beyond("backing_fmt"));
    /** What the host's files take, whatever the format. */
    private static final List<CreateOption> HOST_FILE = List.of(size("extent_size_hint", null,
            "Extent size hint for the image file, 0 to disable"),
            flag("nocow", null,
                    "Turn off copy-on-write (valid only on btrfs)"),
            text("preallocation", "Preallocation mode (allowed values: off, falloc, full)"));

    private CreateOptions() {}

    /** An option that the tools do not have for that format, so that it is not told where they tell all. */
    private static CreateOption beyond(String name) {
        return new CreateOption(name, Kind.STRING, null, "");
    }

    private static CreateOption text(String name, String summary) {
        return new CreateOption(name, Kind.STRING, null, summary);
    }

    private static CreateOption size(String name, @org.jspecify.annotations.Nullable String value, String summary) {
        return new CreateOption(name, Kind.SIZE, value, summary);
    }

    private static CreateOption flag(String name, @org.jspecify.annotations.Nullable String value, String summary) {
        return new CreateOption(name, Kind.SWITCH, value, summary);
    }

    /** The format's own options, then those of the file. */
    static List<CreateOption> of(ImageFormat format) {
        List<CreateOption> own = ownOf(format);
        return Stream.concat(own.stream(), HOST_FILE.stream().filter(option -> own.stream().noneMatch(each -> each
                .name().equals(option.name())))).toList();
    }

    /** The format's own options. */
    static List<CreateOption> ownOf(ImageFormat format) {
        return switch (format) {
            case RAW -> RAW;
            case QCOW2 -> QCOW2;
            case VDI -> VDI;
            case VPC -> VPC;
            case PARALLELS -> PARALLELS;
            case VMDK -> VMDK;
            case QED -> QED;
            case VHDX -> VHDX;
            case DMG, CLOOP, BOCHS -> List.of();
        };
    }

    /** The lines that {@code -o help} prints. */
    static void help(Console console, String title, List<CreateOption> options) {
        console.say(title);
        options.stream().filter(option -> !option.summary().isEmpty()).sorted(Comparator.comparing(CreateOption::name))
                .forEach(option -> console.say(option.help()));
    }
}
