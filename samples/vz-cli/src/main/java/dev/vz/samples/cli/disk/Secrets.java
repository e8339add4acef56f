package dev.vz.samples.cli.disk;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** What {@code --object secret,id=…} defines. */
public final class Secrets {

    private static final Map<String, byte[]> KNOWN = new ConcurrentHashMap<>();

    private Secrets() {}

    /** Takes an object definition. */
    public static void add(String definition) {
        Map<String, String> options = OptionList.parse(definition);
        String kind = options.containsKey("qom-type") ? options.get("qom-type") : definition.split(",", 2)[0];
        if (!kind.equals("secret")) {
            throw new CommandFailure("invalid object type: " + kind);
        }
        String id = options.get("id");
        if (id == null) {
            throw new CommandFailure("Parameter 'id' is missing");
        }
        KNOWN.put(id, content(options));
    }

    private static byte[] content(Map<String, String> options) {
        String file = options.get("file");
        if (file == null) {
            return options.getOrDefault("data", "").getBytes(StandardCharsets.UTF_8);
        }
        try {
            return Files.readAllBytes(Path.of(file));
        } catch (IOException failure) {
            throw new CommandFailure("Unable to read " + file + ": " + failure.getMessage());
        }
    }

    /** The bytes of the secret {@code id}. */
    public static Optional<byte[]> find(String id) {
        return Optional.ofNullable(KNOWN.get(id)).map(byte[]::clone);
    }
}
