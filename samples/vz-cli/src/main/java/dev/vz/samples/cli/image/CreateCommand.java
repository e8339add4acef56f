package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.OptionList;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.samples.cli.disk.Sizes;
import dev.vz.storage.DiskImage;
import dev.vz.storage.image.ImageFormat;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** {@code create}. */
final class CreateCommand {

    private static final int OBJECT = 256;

    private CreateCommand() {}

    static int run(Console console, List<String> arguments) {
        String format = "raw";
        String backing = null;
        String backingFormat = null;
        String list = null;
        boolean quiet = false;
        boolean unchecked = false;
        var options = new GetOpt(arguments, "F:b:f:ho:qu", List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                "object", true, OBJECT)));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'F' -> backingFormat = options.value();
                case 'b' -> backing = options.value();
                case 'f' -> format = options.value();
                case 'o' -> list = append(list, options.value());
                case 'q' -> quiet = true;
                case 'u' -> unchecked = true;
                case OBJECT -> Secrets.add(options.value());
                default -> throw Console.wrongOption(option, options);
            }
        }
        List<String> operands = options.operands();
        if (list != null && OptionList.asksForHelp(list)) {
            help(console, operands.isEmpty() ? null : operands.getFirst(), format);
            return 0;
        }
        if (operands.isEmpty()) {
            throw Console.usage("Expecting image file name");
        }
        String name = operands.getFirst();
        long size = -1;
        if (operands.size() > 1) {
            size = Sizes.option("image size", operands.get(1), 0, Long.MAX_VALUE);
        }
        if (operands.size() > 2) {
            throw Console.usage("Unexpected argument: " + operands.get(2));
        }
        create(console, new Request(name, format, backing, backingFormat, list, size, quiet, unchecked));
        return 0;
    }

    /** Joins option lists of several {@code -o}. */
    static String append(@Nullable String list, String more) {
        if (!OptionList.isWellFormed(more)) {
            throw new CommandFailure("Invalid option list: " + more);
        }
        return list == null ? more : list + "," + more;
    }

    private static void help(Console console, @Nullable String name, String label) {
        ImageFormat format = creatable(label);
        if (name == null) {
            CreateOptions.help(console, "Supported " + label + " options:", CreateOptions.ownOf(format));
            console.say("\nThe protocol level may support further options.\n"
                    + "Specify the target filename to include those options.");
        } else {
            CreateOptions.help(console, "Supported options:", CreateOptions.of(format));
        }
    }

    private static ImageFormat creatable(String label) {
        if (!ImageStore.isFormat(label)) {
            throw new CommandFailure("Unknown file format '" + label + "'");
        }
        ImageFormat format = ImageFormat.ofLabel(label);
        if (CreateOptions.ownOf(format).isEmpty()) {
            throw new CommandFailure("Format driver '" + label + "' does not support image creation");
        }
        return format;
    }

    /**
     * What to make.
     *
     * @param size bytes; -1 if not stated
     */
    record Request(String name, String format, @Nullable String backing, @Nullable String backingFormat,
            @Nullable String list, long size, boolean quiet, boolean unchecked) {}

    /** Makes an image and says so. */
    static void create(Console console, Request request) {
        String where = request.name() + ": ";
        try {
            ImageFormat format = creatable(request.format());
            if (request.name().startsWith("json:") || request.name().startsWith("nbd:")) {
                throw new CommandFailure("Protocol driver '" + request.name().split(":", 2)[0]
                        + "' does not support image creation");
            }
            var values = new OptionValues(CreateOptions.of(format));
            if (request.list() != null) {
                values.take(request.list());
            }
            backingOptions(values, request, format);
            if (request.size() >= 0) {
                if (values.isGiven("size")) {
                    throw new CommandFailure("The image size must be specified only once");
                }
            }
            long size = request.size() >= 0 ? request.size() : values.number("size", -1);
            size = sizeOf(values, request, size);
            values.set("size", Long.toString(size));
            if (!request.quiet()) {
                console.say("Formatting '" + request.name() + "', fmt=" + request.format() + " " + values.told());
            }
            ImageMaker.make(format, request.name(), size, values);
            ImageMaker.sync(request.name());
        } catch (CommandFailure failure) {
            throw new CommandFailure(where + failure.getMessage(), failure.status(), failure.ended());
        } catch (VzException failure) {
            String text = HostErrors.text(failure);
            throw new CommandFailure(where + (!text.endsWith("choose larger clusters") ? text
                    : "The image size is too large for file format '" + request.format()
                            + "' (try using a larger cluster size)"));
        }
    }

    private static void backingOptions(OptionValues values, Request request, ImageFormat format) {
        if (request.backing() != null) {
            if (!values.isKnown("backing_file")) {
                throw new CommandFailure("Backing file not supported for file format '" + format + "'");
            }
            values.set("backing_file", request.backing());
        }
        if (request.backingFormat() != null) {
            if (!values.isKnown("backing_fmt")) {
                throw new CommandFailure("Backing format not supported for file format '" + format + "'");
            }
            values.set("backing_fmt", request.backingFormat());
        }
        String file = values.text("backing_file");
        if (file != null) {
            if (file.isEmpty()) {
                throw new CommandFailure("Expected backing file name, got empty string");
            }
            if (file.equals(request.name())) {
                throw new CommandFailure(
                        "Error: Trying to create an image with the same filename as the backing file");
            }
        }
        String label = values.text("backing_fmt");
        if (label != null && !ImageStore.isFormat(label)) {
            throw new CommandFailure("Unknown backing file format '" + label + "'");
        }
    }

    /** The size that is stated, or else that of the backing image, which must be there unless nobody is to look. */
    private static long sizeOf(OptionValues values, Request request, long stated) {
        String backing = values.text("backing_file");
        String format = values.text("backing_fmt");
        long size = stated;
        if (backing != null && (!request.unchecked() || size < 0)) {
            Opened below = open(ImageStore.relativeTo(request.name(), backing), format);
            if (format == null) {
                throw new CommandFailure("Backing file specified without backing format\nDetected format of "
                        + below.format() + ".", 1, false);
            }
            size = size < 0 ? below.size() : size;
        } else if (backing != null && format == null) {
            throw new CommandFailure("Backing file specified without backing format");
        }
        if (size < 0) {
            throw new CommandFailure("Image creation needs a size parameter");
        }
        return size;
    }

    private record Opened(long size, ImageFormat format) {}

    private static Opened open(String name, @Nullable String format) {
        try (DiskImage below = ImageStore.open(ImageSpec.ofName(name, format), ImageStore.Mode.READ)) {
            return new Opened(below.info().size(), below.driver().format());
        } catch (CommandFailure failure) {
            throw new CommandFailure(failure.getMessage() + "\nCould not open backing image.");
        }
    }

    /** The format that a backing image has by its content. */
    static Optional<ImageFormat> formatOf(String name) {
        return Optional.of(open(name, null).format());
    }
}
