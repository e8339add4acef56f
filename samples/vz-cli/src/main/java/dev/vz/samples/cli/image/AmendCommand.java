package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CacheOption;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageFacts;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.OptionList;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.storage.DiskImage;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.ImpliedFile;
import dev.vz.storage.qcow2.Qcow2Driver;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code amend}: changes options of an image that is there. */
final class AmendCommand {

    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;
    private static final int FORCE = 260;
    private static final List<String> NAMES = List.of("backing_file", "backing_fmt", "compat", "data_file",
            "data_file_raw", "lazy_refcounts", "refcount_bits", "size");

    private AmendCommand() {}

    static int run(Console console, List<String> arguments) {
        String format = null;
        String list = null;
        boolean imageOptions = false;
        boolean shown = false;
        boolean quiet = false;
        ImageStore.Mode mode = ImageStore.Mode.WRITE;
        var options = new GetOpt(arguments, "ho:f:t:pq", List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                "object", true, OBJECT), new GetOpt.Long("image-opts", false, IMAGE_OPTIONS),
                new GetOpt.Long("force",
                        false, FORCE)));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'o' -> list = CreateCommand.append(list, options.value());
                case 'f' -> format = options.value();
                case 't' -> mode = mode.withCache(CacheOption.parse(options.value()).orElseThrow(
                        () -> new CommandFailure("Invalid cache option: " + options.value())));
                case 'p' -> shown = true;
                case 'q' -> quiet = true;
                case FORCE -> {
                    // It is for encryption only.
                }
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        if (list == null) {
            throw Console.usage("Must specify options (-o)");
        }
        if (format != null && OptionList.asksForHelp(list)) {
            requireAmendable(format);
            CreateOptions.help(console, "Amend options for '" + format + "':", amendable());
            return 0;
        }
        if (options.operands().size() != 1) {
            throw new CommandFailure("Expecting one image file name");
        }
        var progress = new Progress(console, shown && !quiet);
        try (DiskImage image = Console.open(options.operands().getFirst(), format, imageOptions, mode)) {
            requireAmendable(image.driver().format().label());
            var values = new OptionValues(amendable());
            values.take(list);
            amend(image, (Qcow2Driver) image.driver(), values);
        } catch (VzException failure) {
            throw new CommandFailure(HostErrors.text(failure));
        }
        progress.end();
        return 0;
    }

    private static List<CreateOption> amendable() {
        return CreateOptions.ownOf(ImageFormat.QCOW2).stream().filter(option -> NAMES.contains(option.name())).toList();
    }

    private static void requireAmendable(String format) {
        if (!ImageStore.isFormat(format)) {
            throw new CommandFailure("Unknown file format '" + format + "'");
        }
        if (!format.equals(ImageFormat.QCOW2.label())) {
            throw new CommandFailure("Format driver '" + format + "' does not support option amendment");
        }
    }

    private static void amend(DiskImage image, Qcow2Driver driver, OptionValues values) {
        int version = switch (values.text("compat", "")) {
            case "" -> driver.header().version();
            case "0.10", "v2" -> 2;
            case "1.1", "v3" -> 3;
            default -> throw new CommandFailure("Unknown compatibility level " + values.text("compat"));
        };
        if (values.isGiven("refcount_bits") && values.number("refcount_bits", 16) != 1L << driver.header()
                .refcountOrder()) {
            throw new CommandFailure("Changing the refcount width of an image is not possible here; convert it into a "
                    + "new one");
        }
        boolean lazy = values.isGiven("lazy_refcounts") ? values.on("lazy_refcounts")
                : (driver.header().compatibleFeatures() & 1) != 0;
        if (version < 3 && lazy && values.isGiven("lazy_refcounts")) {
            throw new CommandFailure("Lazy refcounts only supported with compatibility level 1.1 and above (use "
                    + "compat=1.1 or greater)");
        }
        if (values.isGiven("backing_file") || values.isGiven("backing_fmt")) {
            ImpliedFile before = driver.backing().orElse(null);
            @Nullable
            String name = values.isGiven("backing_file") ? values.text("backing_file")
                    : before == null ? null : before.name();
            @Nullable
            String format = values.isGiven("backing_fmt") ? values.text("backing_fmt")
                    : before == null ? null : before.format();
            driver.changeBacking(name == null || name.isEmpty() ? null : name, format);
        }
        driver.amend(version, lazy && version >= 3);
        if (values.isGiven("size")) {
            ImageFacts.resize(image, values.number("size", image.info().size()), "off");
        }
    }
}
