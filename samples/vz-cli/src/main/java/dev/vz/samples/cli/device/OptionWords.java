package dev.vz.samples.cli.device;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * The words of an option such as {@code file=disk.img,readonly=on}: separated by commas, a comma inside a value written
 * twice; the first may be the value alone. Used by one thread.
 */
final class OptionWords {

    private final Map<String, String> words = new LinkedHashMap<>();

    /**
     * Takes {@code text} apart.
     *
     * @param first the key of a first word without one
     * @param known the keys that there are
     * @throws IllegalArgumentException saying which word is wrong
     */
    OptionWords(String text, String first, Set<String> known) {
        String rest = text;
        boolean leading = true;
        while (leading || !rest.isEmpty()) {
            int end = end(rest);
            String word = rest.substring(0, end).replace(",,", ",");
            rest = end == rest.length() ? "" : rest.substring(end + 1);
            int equals = word.indexOf('=');
            boolean named = equals > 0 && known.contains(word.substring(0, equals));
            if (!named && !leading) {
                throw new IllegalArgumentException("'" + word + "' is none of " + String.join("=, ", known) + "=");
            }
            String key = named ? word.substring(0, equals) : first;
            if (words.put(key, named ? word.substring(equals + 1) : word) != null) {
                throw new IllegalArgumentException("'" + key + "' is there twice");
            }
            leading = false;
        }
    }

    /** Where the first word ends: at a comma that is not written twice. */
    private static int end(String text) {
        int at = 0;
        while (at < text.length()) {
            if (text.charAt(at) == ',') {
                if (at + 1 == text.length() || text.charAt(at + 1) != ',') {
                    return at;
                }
                at++;
            }
            at++;
        }
        return text.length();
    }

    /** The value of {@code key}, which must be there and not be empty. */
    String required(String key) {
        String value = words.getOrDefault(key, "");
        if (value.isEmpty()) {
            throw new IllegalArgumentException("'" + key + "=' is missing");
        }
        return value;
    }

    Optional<String> optional(String key) {
        return Optional.ofNullable(words.get(key));
    }

    /** A switch: {@code on} or {@code off}, or as others write it. */
    boolean isOn(String key, boolean otherwise) {
        return optional(key).map(value -> switch (value) {
            case "on", "true", "yes" -> true;
            case "off", "false", "no" -> false;
            default -> throw new IllegalArgumentException("'" + key + "=" + value + "' is neither on nor off");
        }).orElse(otherwise);
    }

    int number(String key, int otherwise, int least, int most) {
        return optional(key).map(value -> {
            try {
                int number = Integer.parseInt(value);
                if (number >= least && number <= most) {
                    return number;
                }
            } catch (NumberFormatException noNumber) {
                // Said below, as for a number that is out of range.
            }
            throw new IllegalArgumentException("'" + key + "=" + value + "' is not between " + least + " and " + most);
        }).orElse(otherwise);
    }

    /** One of a few names. */
    <T> T choice(String key, T otherwise, Function<String, Optional<T>> names, String shown) {
        return optional(key).map(value -> names.apply(value).orElseThrow(
                () -> new IllegalArgumentException("'" + key + "=" + value + "' is none of " + shown)))
                .orElse(otherwise);
    }
}
