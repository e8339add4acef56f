package dev.vz.samples.cli.image;

import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.samples.cli.disk.Sizes;
import dev.vz.storage.DiskImage;
import dev.vz.storage.MapExtent;
import java.util.List;
import java.util.Locale;

/** {@code map}. */
final class MapCommand {

    private static final int OUTPUT = 256;
    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;

    private MapCommand() {}

    static int run(Console console, List<String> arguments) {
        String format = null;
        String output = "human";
        boolean imageOptions = false;
        long start = 0;
        long most = Long.MAX_VALUE;
        var options = new GetOpt(arguments, "f:s:l:hU", List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                "format", true, 'f'), new GetOpt.Long("output", true, OUTPUT), new GetOpt.Long("object", true, OBJECT),
                new GetOpt.Long("image-opts", false, IMAGE_OPTIONS), new GetOpt.Long("force-share", false, 'U'),
                new GetOpt.Long("start-offset", true, 's'), new GetOpt.Long("max-length", true, 'l')));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'f' -> format = options.value();
                case 's' -> start = Sizes.option("start offset", options.value(), 0, Long.MAX_VALUE);
                case 'l' -> most = Sizes.option("max length", options.value(), 0, Long.MAX_VALUE);
                case 'U' -> {
                    // Nothing is locked.
                }
                case OUTPUT -> output = options.value();
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        if (options.operands().size() != 1) {
            throw Console.usage("Expecting one image file name");
        }
        boolean json = InfoCommand.isJson(output);
        ImageSpec spec = Console.spec(options.operands().getFirst(), format, imageOptions);
        // What is not cached by the host is read, and so told of, in whole sectors.
        boolean direct = "on".equals(spec.options().getOrDefault("cache.direct", spec.options().get(
                "file.cache.direct")));
        try (DiskImage image = Console.open(spec, ImageStore.Mode.READ)) {
            long size = image.info().size();
            long end = most > size - Math.min(start, size) ? size : start + most;
            print(console, image, start, end, json, direct ? 512 : 1);
        }
        return 0;
    }

    private static void print(Console console, DiskImage image, long start, long end, boolean json, int unit) {
        var text = new StringBuilder(json ? "[" : line("Offset", "Length", "Mapped to", "File"));
        MapExtent current = null;
        long at = start;
        while (at < end) {
            MapExtent next = image.map(at, end - at);
            long until = Math.min(end, Math.ceilDiv(at + next.length(), unit) * unit);
            next = new MapExtent(at, until - at, next.depth(), next.present(), next.zero(), next.data(), next
                    .compressed(), next.file(), next.fileOffset());
            at += next.length();
            if (current == null) {
                current = next;
            } else if (current.continuedBy(next)) {
                current = current.joined(next);
            } else {
                text.append(entry(current, json, false));
                current = next;
            }
            if (text.length() > 1 << 16) {
                console.out.print(text);
                text.setLength(0);
            }
        }
        console.out.print(text);
        if (current != null) {
            console.out.print(entry(current, json, true));
        }
        if (json) {
            console.out.println("]");
        }
    }

    private static String line(String offset, String length, String mapped, String file) {
        return String.format(Locale.ROOT, "%-16s%-16s%-16s%s%n", offset, length, mapped, file);
    }

    private static String hex(long value) {
        return value == 0 ? "0" : "0x" + Long.toHexString(value);
    }

    private static String entry(MapExtent extent, boolean json, boolean last) {
        if (!json) {
            if (!extent.data() || extent.zero()) {
                return "";
            }
            if (extent.file() == null) {
                throw new CommandFailure("File contains external, encrypted or compressed clusters.");
            }
            return line(hex(extent.offset()), hex(extent.length()), hex(extent.fileOffset()), extent.file().name());
        }
        return "{ \"start\": " + extent.offset() + ", \"length\": " + extent.length() + ", \"depth\": " + extent.depth()
                + ", \"present\": " + extent.present() + ", \"zero\": " + extent.zero() + ", \"data\": " + extent.data()
                + (extent.file() == null ? "" : ", \"offset\": " + extent.fileOffset()) + "}" + (last ? "" : ",\n");
    }
}
