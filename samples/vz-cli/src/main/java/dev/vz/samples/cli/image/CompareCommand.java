package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CacheOption;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.storage.DiskImage;
import dev.vz.storage.MapExtent;
import dev.vz.storage.job.DiskComparison;
import java.util.List;
import java.util.OptionalLong;

/** {@code compare}: 0 if the disks are equal, 1 if they differ, 2 and more if that could not be found out. */
final class CompareCommand {

    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;
    private static final int CANNOT_OPEN = 2;
    private static final int CANNOT_READ = 4;

    private CompareCommand() {}

    static int run(Console console, List<String> arguments) {
        String format1 = null;
        String format2 = null;
        boolean shown = false;
        boolean quiet = false;
        boolean strict = false;
        boolean imageOptions = false;
        var options = new GetOpt(arguments, "hf:F:T:pqsU", List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                "object", true, OBJECT), new GetOpt.Long("image-opts", false, IMAGE_OPTIONS),
                new GetOpt.Long(
                        "force-share", false, 'U')));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'f' -> format1 = options.value();
                case 'F' -> format2 = options.value();
                case 'T' -> {
                    if (CacheOption.parse(options.value()).isEmpty()) {
                        throw new CommandFailure("Invalid source cache option: " + options.value(), CANNOT_OPEN);
                    }
                }
                case 'p' -> shown = true;
                case 'q' -> quiet = true;
                case 's' -> strict = true;
                case 'U' -> {
                    // Nothing is locked.
                }
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw new CommandFailure(Console.wrongOption(option, options).getMessage(), CANNOT_OPEN);
            }
        }
        List<String> names = options.operands();
        if (names.size() != 2) {
            throw Console.usage("Expecting two image file names");
        }
        try (DiskImage a = Console.open(names.get(0), format1, imageOptions, ImageStore.Mode.READ);
                DiskImage b = Console.open(names.get(1), format2, imageOptions, ImageStore.Mode.READ)) {
            var progress = new Progress(console, shown && !quiet);
            String difference = strict ? strict(a, b) : null;
            boolean sizes = a.info().size() != b.info().size();
            if (difference == null) {
                OptionalLong found = DiskComparison.firstDifference(a, b, progress);
                if (sizes && !quiet && (found.isEmpty() || found.getAsLong() >= Math.min(a.info().size(), b.info()
                        .size()))) {
                    console.say("Warning: Image size mismatch!");
                }
                // Told in sectors.
                difference = found.isEmpty() ? null : "Content mismatch at offset " + (found.getAsLong() & -512) + "!";
            }
            if (!quiet) {
                console.say(difference == null ? "Images are identical." : difference);
            }
            progress.end();
            return difference == null ? 0 : 1;
        } catch (CommandFailure failure) {
            throw new CommandFailure(failure.getMessage(), CANNOT_OPEN);
        } catch (VzException failure) {
            throw new CommandFailure("Error while reading: " + HostErrors.text(failure), CANNOT_READ);
        }
    }

    /** What the tool calls a status: whether it is data, zeros, there, in a place of a file, and the end of the disk. */
    private static int status(MapExtent extent, long size) {
        return (extent.data() ? 1 : 0) | (extent.zero() ? 2 : 0) | (extent.present() ? 4 : 0)
                | (extent.file() != null ? 8 : 0) | (extent.offset() + extent.length() == size ? 16 : 0);
    }

    private static @org.jspecify.annotations.Nullable String strict(DiskImage a, DiskImage b) {
        if (a.info().size() != b.info().size()) {
            return "Strict mode: Image size mismatch!";
        }
        long size = a.info().size();
        long at = 0;
        while (at < size) {
            MapExtent ofA = a.map(at, size - at);
            MapExtent ofB = b.map(at, size - at);
            if (status(ofA, size) != status(ofB, size)) {
                return "Strict mode: Offset " + at + " block status mismatch!";
            }
            at += Math.min(ofA.length(), ofB.length());
        }
        return null;
    }
}
