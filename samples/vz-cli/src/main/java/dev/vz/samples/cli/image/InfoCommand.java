package dev.vz.samples.cli.image;

import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.ImageFacts;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.PrettyJson;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.samples.cli.disk.Sizes;
import dev.vz.storage.DiskImage;
import dev.vz.storage.image.ImpliedFile;
import dev.vz.storage.qcow2.Qcow2Driver;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** {@code info}. */
final class InfoCommand {

    private static final int OUTPUT = 256;
    private static final int CHAIN = 257;
    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;

    private InfoCommand() {}

    static int run(Console console, List<String> arguments) {
        String format = null;
        String output = "human";
        boolean chain = false;
        boolean imageOptions = false;
        var options = new GetOpt(arguments, "f:hU", List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                "format", true, 'f'), new GetOpt.Long("output", true, OUTPUT),
                new GetOpt.Long("backing-chain", false,
                        CHAIN),
                new GetOpt.Long("object", true, OBJECT), new GetOpt.Long("image-opts", false, IMAGE_OPTIONS),
                new GetOpt.Long("force-share", false, 'U')));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'f' -> format = options.value();
                case 'U' -> {
                    // Nothing is locked.
                }
                case OUTPUT -> output = options.value();
                case CHAIN -> chain = true;
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        if (options.operands().size() != 1) {
            throw Console.usage("Expecting one image file name");
        }
        boolean json = isJson(output);
        List<Map<String, Object>> facts = collect(options.operands().getFirst(), format, imageOptions, chain);
        if (json) {
            console.say(PrettyJson.lines(chain ? facts : facts.getFirst()));
        } else {
            for (int i = 0; i < facts.size(); i++) {
                console.out.print((i == 0 ? "" : "\n") + text(facts.get(i)));
            }
        }
        return 0;
    }

    /** Whether {@code --output} asks for JSON. */
    static boolean isJson(String output) {
        if (!output.equals("json") && !output.equals("human")) {
            throw new CommandFailure("--output must be used with human or json as argument.");
        }
        return output.equals("json");
    }

    private static List<Map<String, Object>> collect(String name, @Nullable String format, boolean imageOptions,
            boolean chain) {
        List<Map<String, Object>> all = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        String next = name;
        String nextFormat = format;
        boolean asOptions = imageOptions;
        while (next != null) {
            if (!seen.add(next)) {
                throw new CommandFailure("Backing file '" + next + "' creates an infinite loop.");
            }
            ImageSpec spec = Console.spec(next, nextFormat, asOptions);
            try (DiskImage image = Console.open(spec, ImageStore.Mode.READ.alone())) {
                Map<String, Object> facts = facts(spec.plainName(), image);
                all.add(facts);
                next = chain ? (String) facts.get("full-backing-filename") : null;
                nextFormat = (String) facts.get("backing-filename-format");
                asOptions = false;
            }
        }
        return all;
    }

    private static Map<String, Object> facts(String name, DiskImage image) {
        Map<String, Object> facts = new LinkedHashMap<>();
        if (image.driver() instanceof Qcow2Driver qcow2 && !qcow2.snapshots().isEmpty()) {
            facts.put("snapshots", qcow2.snapshots().stream().map(SnapshotTexts::facts).toList());
        }
        ImpliedFile backing = image.driver().backing().orElse(null);
        if (backing != null && backing.format() != null) {
            facts.put("backing-filename-format", backing.format());
        }
        facts.put("virtual-size", image.info().size());
        facts.put("filename", ImageSpec.withoutPrefix(name));
        ImageFacts.clusterSize(image).ifPresent(size -> facts.put("cluster-size", size));
        facts.put("format", image.driver().format().label());
        facts.put("actual-size", ImageFacts.allocatedBytes(image));
        Map<String, Object> specific = ImageFacts.specific(image);
        if (!specific.isEmpty()) {
            Map<String, Object> typed = new LinkedHashMap<>();
            typed.put("type", image.driver().format().label());
            typed.put("data", specific);
            facts.put("format-specific", typed);
        }
        if (backing != null) {
            facts.put("full-backing-filename", ImageStore.relativeTo(image.driver().file().name(), backing.name()));
            facts.put("backing-filename", backing.name());
        }
        if (image.driver() instanceof Qcow2Driver qcow2 && qcow2.encryption().isPresent()) {
            facts.put("encrypted", true);
        }
        ImageFacts.dirty(image).ifPresent(dirty -> facts.put("dirty-flag", dirty));
        return facts;
    }

    /** The number that {@code facts} has under {@code name}. */
    static long number(Map<String, Object> facts, String name) {
        return (Long) Objects.requireNonNull(facts.get(name), name);
    }

    @SuppressWarnings("unchecked")
    private static String text(Map<String, Object> facts) {
        var text = new StringBuilder();
        long size = number(facts, "virtual-size");
        text.append("image: ").append(facts.get("filename")).append('\n');
        text.append("file format: ").append(facts.get("format")).append('\n');
        text.append("virtual size: ").append(Sizes.human(size)).append(" (").append(size).append(" bytes)\n");
        text.append("disk size: ").append(Sizes.human(number(facts, "actual-size"))).append('\n');
        if (facts.containsKey("encrypted")) {
            text.append("encrypted: yes\n");
        }
        if (facts.containsKey("cluster-size")) {
            text.append("cluster_size: ").append(facts.get("cluster-size")).append('\n');
        }
        if (Boolean.TRUE.equals(facts.get("dirty-flag"))) {
            text.append("cleanly shut down: no\n");
        }
        if (facts.containsKey("backing-filename")) {
            text.append("backing file: ").append(facts.get("backing-filename"));
            if (!facts.get("backing-filename").equals(facts.get("full-backing-filename"))) {
                text.append(" (actual path: ").append(facts.get("full-backing-filename")).append(')');
            }
            text.append('\n');
            if (facts.containsKey("backing-filename-format")) {
                text.append("backing file format: ").append(facts.get("backing-filename-format")).append('\n');
            }
        }
        if (facts.get("snapshots") instanceof List<?> snapshots) {
            text.append("Snapshot list:\n").append(SnapshotTexts.HEADING).append('\n');
            snapshots.forEach(each -> text.append(SnapshotTexts.line((Map<String, Object>) each)).append('\n'));
        }
        if (facts.get("format-specific") instanceof Map<?, ?> typed) {
            text.append("Format specific information:\n").append(ImageFacts.text(
                    (Map<String, Object>) Objects.requireNonNull(typed.get("data"))));
        }
        return text.toString();
    }
}
