package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageFacts;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Program;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.samples.cli.disk.Sizes;
import dev.vz.storage.DiskImage;
import java.util.List;
import java.util.OptionalLong;

/** {@code resize}. */
final class ResizeCommand {

    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;
    private static final int PREALLOCATION = 260;
    private static final int SHRINK = 261;

    private ResizeCommand() {}

    static int run(Console console, List<String> arguments) {
        if (arguments.size() < 2) {
            throw Console.usage("Not enough arguments");
        }
        // The size comes last and may start like an option.
        String size = arguments.getLast();
        String format = null;
        String preallocation = "off";
        boolean quiet = false;
        boolean shrink = false;
        boolean imageOptions = false;
        var options = new GetOpt(arguments.subList(0, arguments.size() - 1), "f:hq", List.of(new GetOpt.Long("help",
                false, 'h'), new GetOpt.Long("object", true, OBJECT),
                new GetOpt.Long("image-opts", false,
                        IMAGE_OPTIONS),
                new GetOpt.Long("preallocation", true, PREALLOCATION), new GetOpt.Long("shrink", false, SHRINK)));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'f' -> format = options.value();
                case 'q' -> quiet = true;
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                case PREALLOCATION -> {
                    preallocation = options.value();
                    if (!List.of("off", "metadata", "falloc", "full").contains(preallocation)) {
                        throw new CommandFailure("Invalid preallocation mode '" + preallocation + "'");
                    }
                }
                case SHRINK -> shrink = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        if (options.operands().size() != 1) {
            throw Console.usage("Expecting image file name and size");
        }
        int sign = size.startsWith("+") ? 1 : size.startsWith("-") ? -1 : 0;
        long amount = parse(sign == 0 ? size : size.substring(1));
        try (DiskImage image = Console.open(options.operands().getFirst(), format, imageOptions,
                ImageStore.Mode.WRITE)) {
            long now = image.info().size();
            long wanted = sign == 0 ? amount : now + sign * amount;
            if (wanted <= 0) {
                throw new CommandFailure("New image size must be positive");
            }
            if (wanted <= now && !preallocation.equals("off")) {
                throw new CommandFailure("Preallocation can only be used for growing images");
            }
            if (wanted < now && !shrink) {
                throw new CommandFailure("Use the --shrink option to perform a shrink operation.\n" + Program.name()
                        + ": warning: Shrinking an image will delete all data beyond the shrunken image's end. Before "
                        + "performing such an operation, make sure there is no important data there.");
            }
            try {
                ImageFacts.resize(image, wanted, preallocation);
            } catch (VzException failure) {
                throw new CommandFailure(HostErrors.text(failure));
            }
            if (!quiet) {
                console.say("Image resized.");
            }
        }
        return 0;
    }

    private static long parse(String text) {
        OptionalLong value = Sizes.tryParse(text);
        if (value.isEmpty()) {
            throw new CommandFailure("""
                    Parameter 'size' expects a non-negative number below 2^64
                    Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-
                    and exabytes, respectively.""");
        }
        return value.getAsLong();
    }
}
