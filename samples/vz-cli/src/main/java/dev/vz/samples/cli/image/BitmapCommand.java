package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.samples.cli.disk.Sizes;
import dev.vz.storage.DiskImage;
import dev.vz.storage.qcow2.ChangeBits;
import dev.vz.storage.qcow2.Qcow2Driver;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code bitmap}: persistent bitmaps of what was written. */
final class BitmapCommand {

    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;
    private static final int ADD = 260;
    private static final int REMOVE = 261;
    private static final int CLEAR = 262;
    private static final int ENABLE = 263;
    private static final int DISABLE = 264;
    private static final int MERGE = 265;

    private record Step(int action, String source) {}

    private final List<Step> steps = new ArrayList<>();
    private @Nullable String sourceFile;
    private @Nullable String sourceFormat;
    private int granularity;

    private BitmapCommand() {}

    static int run(Console console, List<String> arguments) {
        return new BitmapCommand().perform(arguments);
    }

    private int perform(List<String> arguments) {
        String format = null;
        boolean imageOptions = false;
        var options = new GetOpt(arguments, "b:f:F:g:h", List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                "object", true, OBJECT), new GetOpt.Long("image-opts", false, IMAGE_OPTIONS),
                new GetOpt.Long("add",
                        false, ADD),
                new GetOpt.Long("granularity", true, 'g'), new GetOpt.Long("remove", false, REMOVE), new GetOpt.Long(
                        "clear", false, CLEAR),
                new GetOpt.Long("enable", false, ENABLE), new GetOpt.Long("disable", false, DISABLE), new GetOpt.Long(
                        "merge", true, MERGE),
                new GetOpt.Long("source-file", true, 'b'), new GetOpt.Long("source-format", true, 'F')));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'b' -> sourceFile = options.value();
                case 'F' -> sourceFormat = options.value();
                case 'f' -> format = options.value();
                case 'g' -> granularity = (int) Sizes.option("granularity", options.value(), 1, 1 << 30);
                case ADD, REMOVE, CLEAR, ENABLE, DISABLE -> steps.add(new Step(option, ""));
                case MERGE -> steps.add(new Step(option, options.value()));
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        if (options.operands().size() != 2) {
            throw new CommandFailure("Expecting filename and bitmap name");
        }
        if (steps.isEmpty()) {
            throw new CommandFailure("Need at least one of --add, --remove, --clear, --enable, --disable, or --merge");
        }
        if (granularity > 0 && steps.stream().noneMatch(step -> step.action() == ADD)) {
            throw new CommandFailure("granularity only supported with --add");
        }
        if (sourceFormat != null && sourceFile == null) {
            throw new CommandFailure("-F only supported with -b");
        }
        if (sourceFile != null && steps.stream().noneMatch(step -> step.action() == MERGE)) {
            throw new CommandFailure("Merge bitmap source file only supported with --merge");
        }
        try (DiskImage image = Console.open(options.operands().get(0), format, imageOptions, ImageStore.Mode.WRITE
                .alone())) {
            if (!(image.driver() instanceof Qcow2Driver driver)) {
                throw new CommandFailure("Format driver '" + image.driver().format() + "' does not support bitmaps");
            }
            String name = options.operands().get(1);
            for (Step step : steps) {
                perform(driver, step, name);
            }
        }
        return 0;
    }

    private void perform(Qcow2Driver driver, Step step, String name) {
        String what = "";
        try {
            switch (step.action()) {
                case ADD -> {
                    what = "add";
                    driver.addBitmap(name, granularity > 0 ? granularity : Math.clamp(driver.granule(), 4096, 65536),
                            true);
                }
                case REMOVE -> {
                    what = "remove";
                    driver.removeBitmap(name);
                }
                case CLEAR -> {
                    what = "clear";
                    driver.clearBitmap(name);
                }
                case ENABLE -> {
                    what = "enable";
                    driver.enableBitmap(name, true);
                }
                case DISABLE -> {
                    what = "disable";
                    driver.enableBitmap(name, false);
                }
                default -> {
                    what = "merge";
                    driver.mergeBitmap(name, source(driver, step.source()));
                }
            }
        } catch (VzException failure) {
            throw new CommandFailure(
                    "Operation " + what + " on bitmap " + name + " failed: " + HostErrors.text(failure));
        }
    }

    private ChangeBits source(Qcow2Driver driver, String name) {
        String file = sourceFile;
        if (file == null) {
            return driver.bitmap(name);
        }
        try (DiskImage other = Console.open(file, sourceFormat, false, ImageStore.Mode.READ.alone())) {
            if (!(other.driver() instanceof Qcow2Driver qcow2)) {
                throw new CommandFailure("Source lacks bitmap support");
            }
            return qcow2.bitmap(name);
        }
    }
}
