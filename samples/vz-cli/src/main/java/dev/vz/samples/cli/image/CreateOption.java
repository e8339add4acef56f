package dev.vz.samples.cli.image;

import org.jspecify.annotations.Nullable;

/**
 * One option of a format, for {@code -o}.
 *
 * @param name    its name
 * @param kind    what its value is
 * @param value   what it is if it is not given; {@code null} if it then is absent
 * @param summary what it means
 */
record CreateOption(String name, Kind kind, @Nullable String value, String summary) {

    enum Kind {
        STRING("str"),
        SIZE("size"),
        NUMBER("num"),
        SWITCH("bool (on/off)");

        final String label;

        Kind(String label) {
            this.label = label;
        }
    }

    String help() {
        String text = name + "=<" + kind.label + ">";
        return "  " + text + " ".repeat(Math.max(0, 22 - text.length())) + " - " + summary;
    }
}
