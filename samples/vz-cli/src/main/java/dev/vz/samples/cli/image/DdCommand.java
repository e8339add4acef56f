package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.samples.cli.disk.Sizes;
import dev.vz.storage.DiskImage;
import dev.vz.storage.image.ImageFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code dd}. */
final class DdCommand {

    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;

    private @Nullable String input;
    private @Nullable String output;
    private long block = 512;
    private long count = -1;
    private long skip;

    private DdCommand() {}

    static int run(Console console, List<String> arguments) {
        return new DdCommand().perform(console, arguments);
    }

    private int perform(Console console, List<String> arguments) {
        String format = null;
        String target = "raw";
        boolean imageOptions = false;
        var options = new GetOpt(arguments, "hf:O:U", List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                "object", true, OBJECT), new GetOpt.Long("image-opts", false, IMAGE_OPTIONS),
                new GetOpt.Long(
                        "force-share", false, 'U')));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'f' -> format = options.value();
                case 'O' -> target = options.value();
                case 'U' -> {
                    // Nothing is locked.
                }
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        options.operands().forEach(this::operand);
        String from = input;
        String to = output;
        if (from == null || to == null) {
            throw new CommandFailure("Must specify both input and output files");
        }
        if (!ImageStore.isFormat(target)) {
            throw new CommandFailure("Unknown file format '" + target + "'");
        }
        try (DiskImage source = Console.open(from, format, imageOptions, ImageStore.Mode.READ)) {
            long size = source.info().size();
            if (count >= 0 && block * count < size) {
                size = block * count;
            }
            long start = Math.multiplyExact(skip, block);
            long length = start > source.info().size() ? 0 : Math.min(size, source.info().size() - start);
            if (count >= 0 && count <= Long.MAX_VALUE / block) {
                length = Math.min(length, count * block);
            }
            var values = new OptionValues(CreateOptions.of(ImageFormat.ofLabel(target)));
            try {
                ImageMaker.make(ImageFormat.ofLabel(target), to, length, values);
            } catch (CommandFailure failure) {
                throw new CommandFailure(to + ": error while creating output image: " + failure.getMessage());
            }
            if (start > source.info().size()) {
                console.complain(from + ": cannot skip to specified offset");
            }
            try (DiskImage copy = Console.open(ImageSpec.ofName(to, target), ImageStore.Mode.WRITE)) {
                copy(source, start, copy, length);
            }
        }
        return 0;
    }

    private void operand(String word) {
        int equals = word.indexOf('=');
        String name = equals < 0 ? word : word.substring(0, equals);
        String value = equals < 0 ? "" : word.substring(equals + 1);
        if (equals < 0 || !List.of("bs", "count", "if", "of", "skip").contains(name)) {
            throw new CommandFailure("unrecognized operand " + (equals < 0 ? word : name));
        }
        switch (name) {
            case "if" -> input = value;
            case "of" -> output = value;
            case "bs" -> block = number("bs", value, 1);
            case "count" -> count = number("count", value, 0);
            default -> skip = number("skip", value, 0);
        }
    }

    private static long number(String name, String text, long min) {
        return Sizes.option(name, text, min, name.equals("bs") ? Integer.MAX_VALUE : Long.MAX_VALUE);
    }

    private void copy(DiskImage source, long start, DiskImage target, long length) {
        long piece = Math.max(block, 1 << 16);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(piece);
            for (long done = 0; done < length; done += piece) {
                MemorySegment part = buffer.asSlice(0, Math.min(piece, length - done));
                try {
                    source.read(start + done, part);
                } catch (VzException failure) {
                    throw new CommandFailure("error while reading from input image file: " + HostErrors.text(failure));
                }
                try {
                    target.write(done, part);
                } catch (VzException failure) {
                    throw new CommandFailure("error while writing to output image file: " + HostErrors.text(failure));
                }
            }
        }
    }
}
