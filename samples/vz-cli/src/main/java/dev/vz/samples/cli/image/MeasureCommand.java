package dev.vz.samples.cli.image;

import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.PrettyJson;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.samples.cli.disk.Sizes;
import dev.vz.storage.DiskImage;
import dev.vz.storage.MapExtent;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.qcow2.BitmapInfo;
import dev.vz.storage.qcow2.Qcow2Driver;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code measure}: how large a file a conversion would make. */
final class MeasureCommand {

    private static final int OUTPUT = 256;
    private static final int SIZE = 257;
    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;

    private MeasureCommand() {}

    static int run(Console console, List<String> arguments) {
        String format = null;
        String target = "raw";
        String list = null;
        String output = "human";
        String snapshot = null;
        long size = -1;
        boolean imageOptions = false;
        var options = new GetOpt(arguments, "hf:O:o:l:U", List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                "output", true, OUTPUT), new GetOpt.Long("size", true, SIZE), new GetOpt.Long("object", true, OBJECT),
                new GetOpt.Long("image-opts", false, IMAGE_OPTIONS), new GetOpt.Long("force-share", false, 'U')));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'f' -> format = options.value();
                case 'O' -> target = options.value();
                case 'o' -> list = CreateCommand.append(list, options.value());
                case 'l' -> snapshot = ConvertCommand.snapshotName(options.value());
                case 'U' -> {
                    // Nothing is locked.
                }
                case OUTPUT -> output = options.value();
                case SIZE -> size = Sizes.option("image size", options.value(), 0, Long.MAX_VALUE);
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        boolean json = InfoCommand.isJson(output);
        List<String> names = options.operands();
        if (names.size() > 1) {
            throw new CommandFailure("At most one filename argument is allowed.");
        }
        if (names.isEmpty() && (imageOptions || format != null || snapshot != null)) {
            throw new CommandFailure("--image-opts, -f, and -l require a filename argument.");
        }
        if (!names.isEmpty() && size >= 0) {
            throw new CommandFailure("--size N cannot be used together with a filename.");
        }
        if (names.isEmpty() && size < 0) {
            throw new CommandFailure("Either --size N or one filename must be specified.");
        }
        OptionValues values = values(target, list);
        Map<String, Object> facts;
        if (names.isEmpty()) {
            facts = measure(ImageFormat.ofLabel(target), size, null, values);
        } else {
            try (DiskImage source = Console.open(names.getFirst(), format, imageOptions, ImageStore.Mode.READ
                    .withSnapshot(snapshot))) {
                facts = measure(ImageFormat.ofLabel(target), source.info().size(), source, values);
            }
        }
        if (json) {
            console.say(PrettyJson.lines(facts));
        } else {
            console.say("required size: " + facts.get("required"));
            console.say("fully allocated size: " + facts.get("fully-allocated"));
            if (facts.containsKey("bitmaps")) {
                console.say("bitmaps size: " + facts.get("bitmaps"));
            }
        }
        return 0;
    }

    private static OptionValues values(String target, @Nullable String list) {
        if (!ImageStore.isFormat(target)) {
            throw new CommandFailure("Unknown file format '" + target + "'");
        }
        ImageFormat format = ImageFormat.ofLabel(target);
        if (format != ImageFormat.RAW && format != ImageFormat.QCOW2) {
            throw new CommandFailure("Block driver '" + target + "' does not support size measurement");
        }
        var values = new OptionValues(CreateOptions.of(format));
        if (list != null) {
            try {
                values.take(list);
            } catch (CommandFailure wrong) {
                throw new CommandFailure(wrong.getMessage() + "\n" + dev.vz.samples.cli.disk.Program.name()
                        + ": Invalid options for file format '" + target + "'");
            }
        }
        return values;
    }

    private static Map<String, Object> measure(ImageFormat format, long size, @Nullable DiskImage source,
            OptionValues values) {
        Map<String, Object> facts = new LinkedHashMap<>();
        if (format == ImageFormat.RAW) {
            facts.put("required", size);
            facts.put("fully-allocated", size);
            return facts;
        }
        long cluster = values.number("cluster_size", 65536);
        long refcountBits = values.number("refcount_bits", 16);
        String problem = Qcow2Rules.problem(new Qcow2Rules.Wanted(values.text("compat", "1.1").equals("0.10") ? 2 : 3,
                cluster, refcountBits, values.on("extended_l2"), false, false, false, false, false, false, "off"));
        if (problem != null) {
            throw new CommandFailure(problem);
        }
        long virtual = roundUp(size, cluster);
        long full = qcow2Size(virtual, cluster, refcountBits, values.on("extended_l2"));
        String preallocation = values.text("preallocation", "off");
        long data = source == null ? 0 : dataBytes(source, cluster);
        if (preallocation.equals("falloc") || preallocation.equals("full")) {
            data = virtual;
        }
        boolean marks = !values.text("compat", "1.1").equals("0.10");
        if (marks && source != null && source.driver() instanceof Qcow2Driver driver
                && driver.header().version() >= 3) {
            facts.put("bitmaps", bitmapBytes(driver.bitmaps(), size, cluster));
        }
        facts.put("required", full - virtual + data);
        facts.put("fully-allocated", full);
        return facts;
    }

    private static long dataBytes(DiskImage source, long cluster) {
        long size = source.info().size();
        long bytes = 0;
        long counted = 0;
        long at = 0;
        while (at < size) {
            MapExtent extent = source.map(at, size - at);
            if (extent.data() && !extent.zero()) {
                // A cluster that data is in counts as a whole, and once.
                long from = Math.max(counted, at / cluster * cluster);
                long to = roundUp(at + extent.length(), cluster);
                bytes += Math.max(0, to - from);
                counted = Math.max(counted, to);
            }
            at += extent.length();
        }
        return bytes;
    }

    /** What {@code convert --bitmaps} would add: bits and a table for each bitmap, whole or not, and their directory. */
    private static long bitmapBytes(List<BitmapInfo> bitmaps, long size, long cluster) {
        long bytes = 0;
        long directory = 0;
        for (BitmapInfo info : bitmaps) {
            long clusters = Math.ceilDiv(Math.ceilDiv(Math.ceilDiv(size, info.granularity()), 8), cluster);
            bytes += clusters * cluster + roundUp(clusters * 8, cluster);
            directory += roundUp(24 + info.name().getBytes(StandardCharsets.UTF_8).length, 8);
        }
        return bytes + roundUp(directory, cluster);
    }

    private static long roundUp(long value, long unit) {
        return Math.ceilDiv(value, unit) * unit;
    }

    /** The file of an image all of whose clusters are allocated: header, L1, L2, refcounts that count themselves, data. */
    private static long qcow2Size(long virtual, long cluster, long refcountBits, boolean extended) {
        long entryBytes = extended ? 16 : 8;
        long l2Entries = roundUp(virtual / cluster, cluster / entryBytes);
        long l1Entries = roundUp(l2Entries * entryBytes / cluster, cluster / 8);
        long tables = cluster + l2Entries * entryBytes + l1Entries * 8;
        long clusters = (tables + virtual) / cluster;
        long perBlock = cluster * 8 / refcountBits;
        long blocks = 0;
        long tableClusters = 0;
        long before;
        long total = 0;
        do {
            before = total;
            blocks = Math.ceilDiv(clusters + tableClusters + blocks, perBlock);
            tableClusters = Math.ceilDiv(blocks, cluster / 8);
            total = clusters + blocks + tableClusters;
        } while (total != before);
        return tables + virtual + (blocks + tableClusters) * cluster;
    }
}
