package dev.vz.samples.cli.nbd;

import dev.vz.storage.nbd.ExportInfo;
import java.util.List;
import java.util.function.Function;

/** Exports as qemu-nbd --list prints them. */
final class ExportText {

    private static final String[] FLAGS = {"", "readonly", "flush", "fua", "rotational", "trim", "zeroes", "df",
        "multi", "resize", "cache", "fast-zero"};

    private ExportText() {}

    static String list(List<ExportInfo> exports, Function<ExportInfo, List<String>> contexts) {
        var text = new StringBuilder("exports available: " + exports.size() + "\n");
        for (ExportInfo export : exports) {
            text.append(" export: '").append(export.name()).append("'\n");
            one(text, export, contexts.apply(export));
        }
        return text.toString();
    }

    static void one(StringBuilder text, ExportInfo export, List<String> contexts) {
        if (!export.description().isEmpty()) {
            text.append("  description: ").append(export.description()).append('\n');
        }
        text.append("  size:  ").append(export.size()).append('\n');
        text.append("  flags: 0x").append(Integer.toHexString(export.flags())).append(" (");
        for (int bit = 1; bit < FLAGS.length; bit++) {
            if ((export.flags() & 1 << bit) != 0) {
                text.append(' ').append(FLAGS[bit]);
            }
        }
        text.append(" )\n");
        text.append("  min block: ").append(export.minimumBlock()).append('\n');
        text.append("  opt block: ").append(export.preferredBlock()).append('\n');
        text.append("  max block: ").append(export.maximumPayload()).append('\n');
        if (!contexts.isEmpty()) {
            text.append("  available meta contexts: ").append(contexts.size()).append('\n');
            contexts.forEach(context -> text.append("   ").append(context).append('\n'));
        }
    }
}
