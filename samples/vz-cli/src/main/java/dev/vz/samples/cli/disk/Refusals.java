package dev.vz.samples.cli.disk;

import dev.vz.error.VzException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.ImageFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Why an image is not opened, in the words that scripts know from the tools; where there are none, in our own. */
final class Refusals {

    /** A reason as the library words it, and as the tool does; {@code $1} is what the first group found. */
    private record Wording(ImageFormat format, Pattern ours, String theirs) {}

    private static final List<Wording> WORDINGS = List.of(
            wording(ImageFormat.QCOW2, "does not start with the magic number", "Image is not in qcow2 format"),
            wording(ImageFormat.QCOW2, "versions 2 and 3 are known, it has (\\d+)", "Unsupported qcow2 version $1"),
            wording(ImageFormat.QCOW2, "header_length is", "qcow2 header exceeds cluster size"),
            wording(ImageFormat.QCOW2, "cluster_bits is (\\d+)", "Unsupported cluster size: 2^$1"),
            wording(ImageFormat.QCOW2, "it is encrypted with method (\\d+)", "Unsupported encryption method $1"),
            wording(ImageFormat.QCOW2, "the header extension 0x", "Header extension too large"),
            wording(ImageFormat.QCOW2, "name is (?:102[4-9]|10[3-9]\\d|1[1-9]\\d\\d|[2-9]\\d{3}|\\d{5,}) bytes at 0x",
                    "Backing file name too long"),
            wording(ImageFormat.QCOW2, "the backing file's name is", "Invalid backing file offset"),
            wording(ImageFormat.QCOW2, "its refcount table takes", "Reference count table too large"),
            wording(ImageFormat.QCOW2, "refcount_table_offset is", "Reference count table offset invalid"),
            wording(ImageFormat.QCOW2, "nb_snapshots is", "Snapshot table too large"),
            wording(ImageFormat.QCOW2, "snapshots_offset is", "Snapshot table offset invalid"),
            wording(ImageFormat.QCOW2, "its L1 table has \\d+ entries", "Active L1 table too large"),
            wording(ImageFormat.QCOW2, "a disk of \\d+ bytes needs \\d+ L1 entries", "L1 table is too small"),
            wording(ImageFormat.QCOW2, "l1_table_offset is", "Active L1 table offset invalid"),
            wording(ImageFormat.PARALLELS, "starts with no known magic", "Image not in Parallels format"),
            wording(ImageFormat.PARALLELS, "its table has \\d+ entries", "Catalog too large"),
            wording(ImageFormat.PARALLELS, "its clusters have 0 sectors", "Invalid image: Zero sectors per track"),
            wording(ImageFormat.VPC, "it has no footer", "invalid VPC image"),
            wording(ImageFormat.VPC, "its blocks have (\\d+) bytes", "Invalid block size $1"),
            wording(ImageFormat.VPC, "its block table has (\\d+) entries", "Max Table Entries too large ($1)"),
            wording(ImageFormat.QED, "does not start with the magic number", "Image not in QED format"),
            wording(ImageFormat.QED, "(?:l1_table_offset|header_size) is", "QED table offset is invalid"),
            wording(ImageFormat.QED, "cluster_size is", "QED cluster size is invalid"),
            wording(ImageFormat.QED, "table_size is", "QED table size is invalid"),
            wording(ImageFormat.QED, "image_size is", "QED image size is invalid"),
            wording(ImageFormat.VDI, "its blocks have (\\d+) bytes",
                    "unsupported VDI image (block size $1 is not 1048576)"),
            wording(ImageFormat.VMDK, "does not start with the magic number", "Image not in VMDK format"),
            wording(ImageFormat.VMDK, "grainSize is", "Invalid granularity, image may be corrupt"),
            wording(ImageFormat.VMDK, "numGTEsPerGT is", "L2 table size too big"),
            wording(ImageFormat.VMDK, "capacity is", "L1 size too big"),
            wording(ImageFormat.VMDK, "the file is truncated, expecting at least (\\d+) bytes",
                    "File truncated, expecting at least $1 bytes"));

    private static final Pattern FEATURES = Pattern.compile("incompatible features that are not known here: (.*)",
            Pattern.DOTALL);
    private static final Pattern BIT = Pattern.compile("bit (\\d+)(?: \\(([^)]*)\\))?");
    private static final Pattern TABLES = Pattern.compile("a disk of \\d+ bytes needs (\\d{1,18}) L1 entries");

    private Refusals() {}

    private static Wording wording(ImageFormat format, String ours, String theirs) {
        return new Wording(format, Pattern.compile(ours), theirs);
    }

    /** Unknown features by their names, where the image has them; the others as a mask. */
    private static String features(String list) {
        var names = new ArrayList<String>();
        long unnamed = 0;
        Matcher bits = BIT.matcher(list);
        while (bits.find()) {
            if (bits.group(2) == null) {
                unnamed |= 1L << Integer.parseInt(bits.group(1));
            } else {
                names.add(bits.group(2));
            }
        }
        if (unnamed != 0) {
            names.add("Unknown incompatible feature: " + Long.toHexString(unnamed));
        }
        return "Unsupported qcow2 feature(s): " + String.join(", ", names);
    }

    static String text(VzException refused, ImageFile file, ImageFormat format) {
        String text = refused.getMessage();
        Matcher features = FEATURES.matcher(text);
        if (format == ImageFormat.QCOW2 && features.find()) {
            return features(features.group(1));
        }
        Matcher tables = TABLES.matcher(text);
        if (format == ImageFormat.QCOW2 && tables.find() && Long.parseLong(tables.group(1)) > Integer.MAX_VALUE) {
            return "Image is too big";
        }
        for (Wording wording : WORDINGS) {
            Matcher found = wording.ours().matcher(text);
            if (wording.format() == format && found.find()) {
                return wording.theirs().replace("$1", found.groupCount() == 0 ? "" : found.group(1));
            }
        }
        if (format == ImageFormat.VHDX && text.contains("contains a log that needs to be replayed")) {
            return text + "\nTo replay the log, run:\nqemu-img check -r all '" + file.name() + "'";
        }
        return text;
    }
}
