package dev.vz.samples.cli.image;

import dev.vz.error.ConfigurationException;
import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CacheOption;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Protocols;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.storage.DiskImage;
import dev.vz.storage.image.BackedDriver;
import dev.vz.storage.job.DiskRebase;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code rebase}: puts an image over another backing file. */
final class RebaseCommand {

    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;

    private RebaseCommand() {}

    static int run(Console console, List<String> arguments) {
        String format = null;
        String base = null;
        String baseFormat = null;
        boolean unsafe = false;
        boolean shown = false;
        boolean quiet = false;
        boolean imageOptions = false;
        ImageStore.Mode mode = ImageStore.Mode.WRITE;
        var options = new GetOpt(arguments, "hf:F:b:upt:T:qU", List.of(new GetOpt.Long("help", false, 'h'),
                new GetOpt.Long("object", true, OBJECT), new GetOpt.Long("image-opts", false, IMAGE_OPTIONS),
                new GetOpt.Long("force-share", false, 'U')));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'f' -> format = options.value();
                case 'F' -> baseFormat = options.value();
                case 'b' -> base = options.value();
                case 'u' -> unsafe = true;
                case 'p' -> shown = true;
                case 't' -> mode = mode.withCache(CacheOption.parse(options.value()).orElseThrow(
                        () -> new CommandFailure("Invalid cache option: " + options.value())));
                case 'T' -> {
                    if (CacheOption.parse(options.value()).isEmpty()) {
                        throw new CommandFailure("Invalid source cache option: " + options.value());
                    }
                }
                case 'q' -> quiet = true;
                case 'U' -> {
                    // Nothing is locked.
                }
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        if (options.operands().size() != 1) {
            throw Console.usage("Expecting one image file name");
        }
        if (!unsafe && base == null) {
            throw Console.usage("Must specify backing file (-b) or use unsafe mode (-u)");
        }
        String name = options.operands().getFirst();
        var progress = new Progress(console, shown && !quiet);
        try (DiskImage image = Console.open(name, format, imageOptions, unsafe ? mode.alone() : mode)) {
            // What takes a file's place has a driver's name, too.
            if (baseFormat != null && !ImageStore.isFormat(baseFormat) && !Protocols.isKnown(baseFormat)) {
                throw new CommandFailure("Invalid format name: '" + baseFormat + "'");
            }
            if (!unsafe && base != null) {
                rebase(image, name, base, baseFormat, progress);
            }
            change(image, base, baseFormat);
        }
        progress.end();
        return 0;
    }

    private static void rebase(DiskImage image, String name, String base, @Nullable String format, Progress progress) {
        DiskImage below = null;
        try {
            if (!base.isEmpty()) {
                try {
                    below = ImageStore.open(ImageSpec.ofName(ImageStore.relativeTo(name, base), format),
                            ImageStore.Mode.READ);
                } catch (CommandFailure failure) {
                    throw new CommandFailure("Could not open new backing file '" + base + "': " + failure
                            .getMessage());
                }
            }
            DiskRebase.run(image, below, progress);
        } catch (VzException failure) {
            throw new CommandFailure("Error while writing to COW image: " + HostErrors.text(failure));
        } finally {
            if (below != null) {
                below.close();
            }
        }
    }

    private static void change(DiskImage image, @Nullable String base, @Nullable String format) {
        String file = base == null || base.isEmpty() ? null : base;
        String refused = "Could not change the backing file to '" + base + "': ";
        if (!(image.driver() instanceof BackedDriver backed)) {
            throw new CommandFailure(refused + "Operation not supported");
        }
        if (file != null && format == null) {
            throw new CommandFailure(refused + "backing format must be specified");
        }
        try {
            backed.changeBacking(file, file == null ? null : format);
        } catch (ConfigurationException tooLong) {
            throw new CommandFailure("Could not change the backing file to '" + base
                    + "': No space left in the file header");
        }
    }
}
