package dev.vz.machine.json;

import dev.vz.error.FormatException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/**
 * Reads one JSON object field by field. Every message begins with the document and the field's path; {@link #done()} refuses
 * what nobody asked for. Used by one thread.
 */
final class Fields {

    private final String document;
    private final String path;
    private final JsonNode node;
    private final TreeSet<String> known = new TreeSet<>();

    /** The object {@code node} at {@code path} of {@code document}. */
    Fields(String document, String path, JsonNode node) {
        this.document = document;
        this.path = path;
        this.node = node;
        if (!node.isObject()) {
            throw bad("expected an object, found " + describe(node));
        }
    }

    FormatException bad(String what) {
        return new FormatException(document + ": " + path + ": " + what);
    }

    private FormatException bad(String field, String what) {
        return new FormatException(document + ": " + path + "." + field + ": " + what);
    }

    Optional<JsonNode> find(String field) {
        known.add(field);
        return node.optional(field).filter(value -> !value.isNull());
    }

    boolean has(String field) {
        return find(field).isPresent();
    }

    private JsonNode require(String field) {
        return find(field).orElseThrow(() -> bad("the field \"" + field + "\" is missing"));
    }

    Optional<Fields> object(String field) {
        return find(field).map(value -> new Fields(document, path + "." + field, value));
    }

    Fields requireObject(String field) {
        return new Fields(document, path + "." + field, require(field));
    }

    String requireText(String field) {
        return text(field, require(field));
    }

    Optional<String> text(String field) {
        return find(field).map(value -> text(field, value));
    }

    private String text(String field, JsonNode value) {
        if (!value.isString()) {
            throw bad(field, "expected a text, found " + describe(value));
        }
        return value.stringValue();
    }

    Path requirePath(String field) {
        return path(field, requireText(field));
    }

    Optional<Path> path(String field) {
        return text(field).map(text -> path(field, text));
    }

    List<Path> paths(String field) {
        return texts(field).stream().map(text -> path(field, text)).toList();
    }

    private Path path(String field, String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException impossible) {
            throw bad(field, "no file can have this name: " + impossible.getReason());
        }
    }

    private List<String> texts(String field) {
        Optional<JsonNode> value = find(field);
        if (value.isEmpty()) {
            return List.of();
        }
        if (!value.get().isArray()) {
            return List.of(text(field, value.get()));
        }
        var all = new ArrayList<String>();
        for (JsonNode element : value.get()) {
            all.add(text(field + "[" + all.size() + "]", element));
        }
        return all;
    }

    Optional<Boolean> flag(String field) {
        return find(field).map(value -> {
            if (!value.isBoolean()) {
                throw bad(field, "expected true or false, found " + describe(value));
            }
            return value.booleanValue();
        });
    }

    Optional<Integer> number(String field) {
        return find(field).map(value -> number(field, value));
    }

    int requireNumber(String field) {
        return number(field, require(field));
    }

    private int number(String field, JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw bad(field, "expected a whole number of 32 bits, found " + describe(value));
        }
        return value.intValue();
    }

    /** A number, or a text like {@code "0x10000"}. */
    long requireAddress(String field) {
        JsonNode value = require(field);
        if (value.isIntegralNumber() && value.canConvertToLong()) {
            return value.longValue();
        }
        if (value.isString() && value.stringValue().matches("0[xX][0-9a-fA-F]{1,16}")) {
            return Long.parseUnsignedLong(value.stringValue().substring(2), 16);
        }
        throw bad(field, "expected an address as a number or like \"0x10000\", found " + describe(value));
    }

    Optional<Long> size(String field) {
        return find(field).map(value -> size(field, value));
    }

    long requireSize(String field) {
        return size(field, require(field));
    }

    /** Bytes: a number, or a text with the suffix K, M, G or T for powers of 1024. */
    private long size(String field, JsonNode value) {
        if (value.isIntegralNumber() && value.canConvertToLong() && value.longValue() >= 0) {
            return value.longValue();
        }
        if (value.isString() && value.stringValue().matches("[0-9]{1,15}[KMGT]?")) {
            String text = value.stringValue();
            int power = "KMGT".indexOf(text.charAt(text.length() - 1)) + 1;
            long number = Long.parseLong(power == 0 ? text : text.substring(0, text.length() - 1));
            long scaled = number << 10 * power;
            if (scaled >>> 10 * power == number && scaled >= 0) {
                return scaled;
            }
        }
        throw bad(field, "expected a size in bytes like 536870912 or \"512M\", found " + describe(value));
    }

    /** One of an enumeration's constants, written in small letters with hyphens. */
    <E extends Enum<E>> Optional<E> choice(String field, Class<E> type) {
        return text(field).map(text -> constant(field, type, text));
    }

    /** Several of an enumeration's constants. */
    <E extends Enum<E>> List<E> choices(String field, Class<E> type) {
        return texts(field).stream().map(text -> constant(field, type, text)).toList();
    }

    private <E extends Enum<E>> E constant(String field, Class<E> type, String text) {
        for (E constant : type.getEnumConstants()) {
            if (spell(constant).equals(text)) {
                return constant;
            }
        }
        throw bad(field, "\"" + text + "\" is none of "
                + Arrays.stream(type.getEnumConstants()).map(Fields::spell).collect(Collectors.joining(", ")));
    }

    /** How a constant is written in a document. */
    static String spell(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Refuses fields that were not asked for. */
    void done() {
        for (String name : node.propertyNames()) {
            if (!known.contains(name)) {
                throw bad("there is no field \"" + name + "\"; known are " + String.join(", ", known));
            }
        }
    }

    private static String describe(JsonNode value) {
        String text = value.toString();
        return text.length() <= 60 ? text : text.substring(0, 60) + "...";
    }
}
