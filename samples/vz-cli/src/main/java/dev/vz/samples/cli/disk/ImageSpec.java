package dev.vz.samples.cli.disk;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;

/**
 * An image as a command line names it.
 *
 * @param name    as it stands there, for messages
 * @param options how to open it, with dotted names for nested ones: {@code driver}, {@code file.filename}
 */
public record ImageSpec(String name, Map<String, String> options) {

    private static final int MAX_DEPTH = 64;

    /**
     * A file, or a name with a protocol or {@code json:} in front.
     *
     * @param format the format that is stated; {@code null} to look at the file's content
     */
    public static ImageSpec ofName(String name, @Nullable String format) {
        Map<String, String> options = new LinkedHashMap<>();
        if (name.startsWith("json:")) {
            options.putAll(json(name.substring(5)));
        } else {
            options.putAll(fileOptions("file.", name));
        }
        if (format != null) {
            String stated = options.get("driver");
            if (stated != null && !stated.equals(format)) {
                throw new CommandFailure("Could not open '" + name + "': Driver specified twice");
            }
            options.put("driver", format);
        }
        return new ImageSpec(name, options);
    }

    /** What {@code --image-opts} gives. */
    public static ImageSpec ofOptions(String text) {
        Map<String, String> options = OptionList.parse(text);
        String file = options.remove("filename");
        if (file != null) {
            options.putAll(options.containsKey("driver") && isProtocol(options.get("driver"))
                    ? Map.of("filename", file)
                    : fileOptions("file.", file));
        }
        return new ImageSpec(text, options);
    }

    /** The name by which a person would call it: the one that says no less than the options do, if there is one. */
    public String plainName() {
        if (!name.startsWith("json:") && !name.contains("=")) {
            return name;
        }
        Map<String, String> file = below(options, "file.");
        boolean onlyFile = options.keySet().stream().allMatch(key -> key.equals("driver") || key.startsWith("file."));
        String plain = file.isEmpty() ? Protocols.nameOf(options) : onlyFile ? Protocols.nameOf(file) : null;
        return plain == null ? name : plain;
    }

    private static boolean isProtocol(@Nullable String driver) {
        return "file".equals(driver) || "host_device".equals(driver);
    }

    /** The options under {@code prefix} that stand for the plain name of a file, or one with a protocol. */
    static Map<String, String> fileOptions(String prefix, String name) {
        if (name.startsWith("json:")) {
            Map<String, String> options = new LinkedHashMap<>();
            json(name.substring(5)).forEach((key, value) -> options.put(prefix + key, value));
            return options;
        }
        Map<String, String> options = new LinkedHashMap<>();
        String protocol = protocolOf(name);
        if (protocol.isEmpty() || protocol.equals("file")) {
            options.put(prefix + "driver", "file");
            options.put(prefix + "filename", withoutPrefix(name));
        } else {
            options.put(prefix + "driver", protocol.startsWith("nbd+") ? "nbd" : protocol);
            options.put(prefix + "filename", name);
        }
        return options;
    }

    /** The path that {@code name} stands for; one whose first part has a colon is written so that this is no protocol. */
    public static String withoutPrefix(String name) {
        if (!name.startsWith("file:")) {
            return name;
        }
        String path = name.substring(5);
        return protocolOf(path).isEmpty() ? path : "./" + path;
    }

    /** What is in front of a name with a colon; empty if there is none, or a slash comes first. */
    static String protocolOf(String name) {
        int colon = name.indexOf(':');
        boolean word = colon > 0 && name.substring(0, colon).chars().allMatch(c -> Character.isLetterOrDigit(c)
                || c == '+' || c == '-' || c == '.' || c == '_');
        return word ? name.substring(0, colon) : "";
    }

    private static Map<String, String> json(String text) {
        Map<String, String> options = new LinkedHashMap<>();
        var factory = JsonFactory.builder().enable(JsonReadFeature.ALLOW_SINGLE_QUOTES).build();
        try (JsonParser parser = factory.createParser(ObjectReadContext.empty(), text)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new CommandFailure("Could not parse the JSON options");
            }
            object(parser, "", options, 0);
        } catch (JacksonException malformed) {
            throw new CommandFailure("Could not parse the JSON options");
        }
        return options;
    }

    private static void object(JsonParser parser, String prefix, Map<String, String> options, int depth) {
        if (depth > MAX_DEPTH) {
            throw new CommandFailure("Could not parse the JSON options");
        }
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = prefix + parser.currentName();
            parser.nextToken();
            value(parser, name, options, depth);
        }
    }

    private static void value(JsonParser parser, String name, Map<String, String> options, int depth) {
        switch (parser.currentToken()) {
            case START_OBJECT -> object(parser, name + ".", options, depth + 1);
            case START_ARRAY -> {
                for (int i = 0; parser.nextToken() != JsonToken.END_ARRAY; i++) {
                    value(parser, name + "." + i, options, depth + 1);
                }
            }
            case VALUE_TRUE -> options.put(name, "on");
            case VALUE_FALSE -> options.put(name, "off");
            case VALUE_NULL -> options.put(name, "");
            default -> options.put(name, parser.getString());
        }
    }

    /** The options whose names start with {@code prefix}, without it. */
    static Map<String, String> below(Map<String, String> options, String prefix) {
        Map<String, String> found = new LinkedHashMap<>();
        options.forEach((key, value) -> {
            if (key.startsWith(prefix)) {
                found.put(key.substring(prefix.length()), value);
            }
        });
        return found;
    }
}
