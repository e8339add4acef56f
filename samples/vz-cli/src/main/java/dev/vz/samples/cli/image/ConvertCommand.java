package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CacheOption;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.OptionList;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.samples.cli.disk.Sizes;
import dev.vz.storage.DiskImage;
import dev.vz.storage.file.CacheMode;
import dev.vz.storage.image.CompressingDriver;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.job.DiskCopy;
import dev.vz.storage.qcow2.Qcow2Driver;
import dev.vz.storage.vmdk.VmdkDriver;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code convert}. */
final class ConvertCommand {

    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;
    private static final int SALVAGE = 260;
    private static final int TARGET_OPTIONS = 261;
    private static final int TARGET_IS_ZERO = 262;
    private static final int BITMAPS = 263;
    private static final int SKIP_BROKEN = 264;
    private static final int MAX_COROUTINES = 16;
    private static final long MAX_SPARSE = 1L << 24;

    private @Nullable String format;
    private String target = "raw";
    private @Nullable String backing;
    private @Nullable String backingFormat;
    private @Nullable String list;
    private @Nullable String snapshot;
    private @Nullable String targetSecret;
    private boolean compress;
    private boolean create = true;
    private boolean shown;
    private boolean quiet;
    private boolean unordered;
    private boolean imageOptions;
    private boolean targetOptions;
    private boolean offload;
    private boolean salvage;
    private boolean sparseGiven;
    private boolean targetIsZero;
    private boolean bitmaps;
    private boolean skipBroken;
    private long sparse = 4096;
    private int coroutines = 8;
    private CacheMode targetCache = CacheMode.UNSAFE;

    private ConvertCommand() {}

    static int run(Console console, List<String> arguments) {
        var command = new ConvertCommand();
        return command.convert(console, command.parse(arguments));
    }

    /** The name or id in {@code snapshot.name=…}, {@code snapshot.id=…}, or as it is. */
    static String snapshotName(String text) {
        if (!text.startsWith("snapshot.")) {
            return text;
        }
        Map<String, String> options = OptionList.parse(text);
        String name = options.getOrDefault("snapshot.name", options.get("snapshot.id"));
        if (name == null) {
            throw new CommandFailure("Failed in parsing snapshot param '" + text + "'");
        }
        return name;
    }

    private List<String> parse(List<String> arguments) {
        var options = new GetOpt(arguments, "hf:O:B:CcF:o:l:S:pt:T:qnm:WUr:", List.of(new GetOpt.Long("help", false,
                'h'), new GetOpt.Long("source-image-opts", false, IMAGE_OPTIONS),
                new GetOpt.Long("image-opts", false,
                        IMAGE_OPTIONS),
                new GetOpt.Long("object", true, OBJECT), new GetOpt.Long("force-share", false, 'U'), new GetOpt.Long(
                        "target-image-opts", false, TARGET_OPTIONS),
                new GetOpt.Long("salvage", false, SALVAGE), new GetOpt.Long("target-is-zero", false, TARGET_IS_ZERO),
                new GetOpt.Long("bitmaps", false, BITMAPS), new GetOpt.Long("skip-broken-bitmaps", false,
                        SKIP_BROKEN)));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            take(option, options);
        }
        if (offload && compress) {
            throw new CommandFailure("Cannot enable copy offloading when -c is used");
        }
        if (offload && sparseGiven) {
            throw new CommandFailure("Cannot enable copy offloading when -S is used");
        }
        if (offload && salvage) {
            throw new CommandFailure("Cannot use copy offloading in salvaging mode");
        }
        if (targetOptions && create) {
            throw new CommandFailure("--target-image-opts requires use of -n flag");
        }
        if (!create && list != null) {
            throw new CommandFailure("-o has no effect when skipping image creation");
        }
        if (targetIsZero && create) {
            throw new CommandFailure("--target-is-zero requires use of -n flag");
        }
        if (skipBroken && !bitmaps) {
            throw new CommandFailure("Use of --skip-broken-bitmaps requires --bitmaps");
        }
        return options.operands();
    }

    private void take(int option, GetOpt options) {
        switch (option) {
            case 'f' -> format = options.value();
            case 'O' -> target = options.value();
            case 'B' -> backing = options.value();
            case 'F' -> backingFormat = options.value();
            case 'C' -> offload = true;
            case 'c' -> compress = true;
            case 'o' -> list = CreateCommand.append(list, options.value());
            case 'l' -> snapshot = snapshotName(options.value());
            case 'S' -> {
                sparse = Sizes.option("buffer size for sparse output", options.value(), 0, Long.MAX_VALUE);
                sparseGiven = true;
                if (sparse % 512 != 0 || sparse > MAX_SPARSE) {
                    throw new CommandFailure(
                            "Invalid buffer size for sparse output specified. Valid sizes are multiples"
                                    + " of 512 up to " + MAX_SPARSE
                                    + ". Select 0 to disable sparse detection (fully allocates output).");
                }
            }
            case 'p' -> shown = true;
            case 't' -> targetCache = CacheOption.parse(options.value()).orElseThrow(() -> new CommandFailure(
                    "Invalid cache option: " + options.value()));
            case 'T' -> {
                if (CacheOption.parse(options.value()).isEmpty()) {
                    throw new CommandFailure("Invalid source cache option: " + options.value());
                }
            }
            case 'q' -> quiet = true;
            case 'n' -> create = false;
            case 'm' -> {
                coroutines = (int) Sizes.tryParse(options.value()).orElse(0);
                if (coroutines < 1 || coroutines > MAX_COROUTINES) {
                    throw new CommandFailure("Invalid number of coroutines. Allowed number of coroutines is between 1 "
                            + "and " + MAX_COROUTINES);
                }
            }
            case 'W' -> unordered = true;
            case 'U', 'r' -> {
                // Nothing is locked, and nothing slowed down.
            }
            case OBJECT -> Secrets.add(options.value());
            case IMAGE_OPTIONS -> imageOptions = true;
            case TARGET_OPTIONS -> targetOptions = true;
            case SALVAGE -> salvage = true;
            case TARGET_IS_ZERO -> targetIsZero = true;
            case BITMAPS -> bitmaps = true;
            case SKIP_BROKEN -> skipBroken = true;
            default -> throw Console.wrongOption(option, options);
        }
    }

    private int convert(Console console, List<String> names) {
        if (list != null && OptionList.asksForHelp(list)) {
            CreateOptions.help(console, "Supported options:", CreateOptions.of(ImageFormat.ofLabel(target)));
            return 0;
        }
        if (names.size() < 2) {
            throw new CommandFailure("Must specify image file name");
        }
        String out = names.getLast();
        List<DiskImage> sources = new ArrayList<>();
        try {
            for (String name : names.subList(0, names.size() - 1)) {
                try {
                    sources.add(Console.open(name, format, imageOptions, ImageStore.Mode.READ.withSnapshot(snapshot)));
                } catch (CommandFailure failure) {
                    throw snapshot == null ? failure : new CommandFailure("Failed to load snapshot: " + failure
                            .getMessage());
                }
            }
            if (sources.size() > 1 && snapshot != null) {
                throw new CommandFailure("No support for concatenating multiple snapshot");
            }
            BitmapCopy copied = bitmaps ? BitmapCopy.of(sources, skipBroken) : null;
            long size = sources.stream().mapToLong(source -> source.info().size()).sum();
            if (create) {
                create(out, size, sources.size());
            } else if (backing != null && sources.size() > 1) {
                throw new CommandFailure(
                        "Having a backing file for the target makes no sense when concatenating multiple input images");
            }
            copy(console, sources, size, out, copied);
        } finally {
            sources.forEach(DiskImage::close);
        }
        return 0;
    }

    private void create(String out, long size, int sources) {
        if (!ImageStore.isFormat(target)) {
            throw new CommandFailure("Unknown file format '" + target + "'");
        }
        ImageFormat made = ImageFormat.ofLabel(target);
        if (CreateOptions.ownOf(made).isEmpty()) {
            throw new CommandFailure("Format driver '" + target + "' does not support image creation");
        }
        var values = new OptionValues(CreateOptions.of(made));
        if (list != null) {
            values.take(list);
        }
        if (!values.isGiven("size")) {
            values.set("size", Long.toString(size));
        }
        if (backing != null) {
            if (!values.isKnown("backing_file")) {
                throw new CommandFailure("Backing file not supported for file format '" + target + "'");
            }
            values.set("backing_file", backing);
        }
        if (backingFormat != null) {
            values.set("backing_fmt", backingFormat);
        }
        if (values.text("backing_file") != null) {
            if (sources > 1) {
                throw new CommandFailure(
                        "Having a backing file for the target makes no sense when concatenating multiple input images");
            }
            if (values.text("backing_fmt") == null) {
                throw new CommandFailure("Use of backing file requires explicit backing format");
            }
            backing = values.text("backing_file");
        }
        targetSecret = values.isKnown("encrypt.key-secret") ? values.text("encrypt.key-secret") : null;
        if (compress) {
            if (made != ImageFormat.QCOW2 && !"streamOptimized".equals(values.isKnown("subformat") ? values.text(
                    "subformat") : null)) {
                throw new CommandFailure("Compression not supported for this file format");
            }
            if (!values.text("preallocation", "off").equals("off")) {
                throw new CommandFailure("Compression and preallocation not supported at the same time");
            }
        }
        try {
            ImageMaker.make(made, out, values.number("size", size), values);
        } catch (CommandFailure failure) {
            throw new CommandFailure(out + ": error while converting " + target + ": " + failure.getMessage());
        } catch (VzException failure) {
            throw new CommandFailure(out + ": error while converting " + target + ": " + HostErrors.text(failure));
        }
    }

    private void copy(Console console, List<DiskImage> sources, long size, String out, @Nullable BitmapCopy bitmaps) {
        ImageStore.Mode mode = ImageStore.Mode.WRITE.withCache(targetCache);
        ImageSpec spec = targetOptions ? ImageSpec.ofOptions(out) : ImageSpec.ofName(out, target);
        if (targetSecret != null) {
            spec.options().put("encrypt.key-secret", targetSecret);
        }
        try (DiskImage copy = Console.open(spec, mode)) {
            if (copy.info().size() < size) {
                throw new CommandFailure("output file is smaller than input file");
            }
            if (compress && !(copy.driver() instanceof CompressingDriver)) {
                throw new CommandFailure("Compression not supported for this file format");
            }
            if (bitmaps != null) {
                BitmapCopy.demand(copy);
            }
            boolean below = copy.driver().backing().isPresent();
            if (below && targetIsZero) {
                throw new CommandFailure(
                        "Cannot use --target-is-zero when the destination image has a backing file");
            }
            // A stream is read from front to back, so its grains are in order.
            int threads = wantsCompressed(copy) && !unordered ? 1
                    : Math.min(coroutines, Runtime.getRuntime().availableProcessors());
            var options = new DiskCopy.Options(threads, compress || wantsCompressed(copy), unit())
                    .withTopOnly(below && backing != null)
                    .withTargetZero(targetIsZero || !below && isNewAndZero(copy, out))
                    .withAllocateAll(sparse == 0);
            var progress = new Progress(console, shown && !quiet);
            long at = 0;
            for (DiskImage source : sources) {
                DiskCopy.run(source, copy, at, options, progress);
                at += source.info().size();
            }
            progress.end();
            if (bitmaps != null) {
                bitmaps.into(copy, console);
            }
        } catch (VzException failure) {
            throw new CommandFailure("error while converting: " + HostErrors.text(failure));
        }
    }

    /** Whether the target, which has no backing file, was made just now where nothing old can show through. */
    private boolean isNewAndZero(DiskImage copy, String out) {
        return create && targetSecret == null && Files.isRegularFile(Path.of(out))
                && !(copy.driver() instanceof Qcow2Driver qcow2 && qcow2.dataFileName().isPresent());
    }

    /** Stream-optimized images take nothing else. */
    private static boolean wantsCompressed(DiskImage target) {
        return target.driver() instanceof VmdkDriver vmdk && vmdk.compresses();
    }

    /** Zeros are looked for in pieces of a power of two. */
    private int unit() {
        return sparse == 0 ? 0 : Math.clamp(Long.highestOneBit(sparse), 512, 1 << 20);
    }
}
