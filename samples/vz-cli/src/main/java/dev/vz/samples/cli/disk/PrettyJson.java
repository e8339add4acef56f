package dev.vz.samples.cli.disk;

import java.util.List;
import java.util.Map;

/**
 * JSON laid out as the tools print it: four spaces for each level, members in the order of the map. Values are strings,
 * numbers, booleans, lists and maps.
 */
public final class PrettyJson {

    private static final String HEX = "0123456789abcdef";

    private PrettyJson() {}

    /** On many lines. */
    public static String lines(Object value) {
        var text = new StringBuilder();
        append(text, value, 0, true);
        return text.toString();
    }

    /** On one line. */
    public static String line(Object value) {
        var text = new StringBuilder();
        append(text, value, 0, false);
        return text.toString();
    }

    private static void append(StringBuilder text, Object value, int depth, boolean lines) {
        switch (value) {
            case Map<?, ?> map -> {
                text.append('{');
                String separator = "";
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    text.append(separator);
                    next(text, depth + 1, lines, separator);
                    quote(text, String.valueOf(entry.getKey()));
                    text.append(": ");
                    append(text, entry.getValue(), depth + 1, lines);
                    separator = ",";
                }
                end(text, depth, lines);
                text.append('}');
            }
            case List<?> list -> {
                text.append('[');
                String separator = "";
                for (Object each : list) {
                    text.append(separator);
                    next(text, depth + 1, lines, separator);
                    append(text, each, depth + 1, lines);
                    separator = ",";
                }
                end(text, depth, lines);
                text.append(']');
            }
            case String string -> quote(text, string);
            default -> text.append(value);
        }
    }

    private static void next(StringBuilder text, int depth, boolean lines, String separator) {
        if (lines) {
            text.append('\n').append("    ".repeat(depth));
        } else if (!separator.isEmpty()) {
            text.append(' ');
        }
    }

    private static void end(StringBuilder text, int depth, boolean lines) {
        if (lines) {
            text.append('\n').append("    ".repeat(depth));
        }
    }

    private static void quote(StringBuilder text, String string) {
        text.append('"');
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            switch (c) {
                case '"' -> text.append("\\\"");
                case '\\' -> text.append("\\\\");
                case '\b' -> text.append("\\b");
                case '\f' -> text.append("\\f");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                default -> {
                    if (c < 0x20 || c > 0x7e) {
                        text.append("\\u").append(HEX.charAt(c >> 12)).append(HEX.charAt(c >> 8 & 15))
                                .append(HEX.charAt(c >> 4 & 15)).append(HEX.charAt(c & 15));
                    } else {
                        text.append(c);
                    }
                }
            }
        }
        text.append('"');
    }
}
