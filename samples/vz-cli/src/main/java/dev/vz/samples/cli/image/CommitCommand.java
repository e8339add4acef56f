package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CacheOption;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.storage.DiskImage;
import dev.vz.storage.image.ClearableDriver;
import dev.vz.storage.image.ImpliedFile;
import dev.vz.storage.image.LinkedDriver;
import dev.vz.storage.job.DiskCommit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** {@code commit}: writes what an image holds into one below it. */
final class CommitCommand {

    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;

    private CommitCommand() {}

    static int run(Console console, List<String> arguments) {
        String format = null;
        String base = null;
        boolean keep = false;
        boolean shown = false;
        boolean quiet = false;
        boolean imageOptions = false;
        ImageStore.Mode mode = ImageStore.Mode.WRITE;
        var options = new GetOpt(arguments, "f:ht:b:dpqr:",
                List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                        "object", true, OBJECT), new GetOpt.Long("image-opts", false, IMAGE_OPTIONS)));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'f' -> format = options.value();
                case 't' -> mode = mode.withCache(CacheOption.parse(options.value()).orElseThrow(
                        () -> new CommandFailure("Invalid cache option: " + options.value())));
                case 'b' -> {
                    base = options.value();
                    // An image in the middle would show something else if the top one gave up what it holds.
                    keep = true;
                }
                case 'd' -> keep = true;
                case 'p' -> shown = true;
                case 'q' -> quiet = true;
                case 'r' -> {
                    // Nothing is slowed down.
                }
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        if (options.operands().size() != 1) {
            throw Console.usage("Expecting one image file name");
        }
        String name = options.operands().getFirst();
        var progress = new Progress(console, shown && !quiet);
        try (DiskImage top = Console.open(name, format, imageOptions, mode)) {
            Below below = below(top, base);
            Optional<String> link;
            try (DiskImage target = Console.open(ImageSpec.ofName(below.name(), below.format()), mode)) {
                DiskCommit.run(top, target, below.depth(), progress);
                link = target.driver() instanceof LinkedDriver linked ? Optional.of(linked.link()) : Optional.empty();
            }
            if (below.depth() == 1 && link.isPresent() && top.driver() instanceof LinkedDriver linked) {
                linked.relink(link.get());
            }
            if (!keep && top.driver() instanceof ClearableDriver clearable) {
                clearable.clear();
            }
            progress.end();
            if (!quiet) {
                console.say("Image committed.");
            }
        } catch (VzException failure) {
            throw new CommandFailure("Block job failed: " + HostErrors.text(failure));
        }
        return 0;
    }

    private record Below(String name, String format, int depth) {}

    /** The image to write to: the next one, or the one in the chain that has that name. */
    private static Below below(DiskImage top, @Nullable String wanted) {
        DiskImage above = top;
        for (int depth = 1;; depth++) {
            Optional<ImpliedFile> implied = above.driver().backing();
            DiskImage next = above.backing().orElse(null);
            if (implied.isEmpty() || next == null) {
                throw new CommandFailure(wanted == null ? "Image does not have a backing file"
                        : "Did not find '" + wanted + "' in the backing chain of '" + top.driver().file().name() + "'");
            }
            String overlay = above.driver().file().name();
            String name = ImageStore.relativeTo(overlay, implied.get().name());
            // A relative name is looked for beside the image above, as that one's own words are.
            if (wanted == null || wanted.equals(implied.get().name()) || isSame(ImageStore.relativeTo(overlay, wanted),
                    name)) {
                return new Below(name, next.driver().format().label(), depth);
            }
            above = next;
        }
    }

    private static boolean isSame(String a, String b) {
        try {
            return Files.isSameFile(Path.of(a), Path.of(b));
        } catch (IOException | InvalidPathException noFile) {
            return false; // one of them is no file, so they are not the same
        }
    }
}
