package dev.vz.samples.cli.image;

import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.OptionList;
import dev.vz.samples.cli.disk.Sizes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What was given for a format's options, and what holds where nothing was given. */
final class OptionValues {

    private final List<CreateOption> options;
    private final Map<String, String> given = new LinkedHashMap<>();

    OptionValues(List<CreateOption> options) {
        this.options = options;
    }

    /** Takes a list such as {@code size=1M,static=on}. */
    void take(String list) {
        OptionList.parse(list).forEach(this::set);
    }

    /** Takes one value and checks it. */
    void set(String name, String value) {
        CreateOption option = options.stream().filter(each -> each.name().equals(name)).findFirst().orElseThrow(
                () -> new CommandFailure("Invalid parameter '" + name + "'"));
        switch (option.kind()) {
            case SIZE -> {
                try {
                    Sizes.parse(value);
                } catch (Sizes.NotASize wrong) {
                    throw new CommandFailure("Parameter '" + name + "' expects a non-negative number below 2^64\n"
                            + "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n"
                            + "and exabytes, respectively.");
                }
            }
            case SWITCH -> {
                if (!value.equals("on") && !value.equals("off")) {
                    throw new CommandFailure("Parameter '" + name + "' expects 'on' or 'off'");
                }
            }
            case NUMBER -> {
                if (value.isEmpty() || !value.chars().allMatch(Character::isDigit)) {
                    throw new CommandFailure("Parameter '" + name + "' expects a number");
                }
            }
            case STRING -> {
                // Its meaning is the format's business.
            }
        }
        given.put(name, value);
    }

    boolean isGiven(String name) {
        return given.containsKey(name);
    }

    boolean isKnown(String name) {
        return options.stream().anyMatch(each -> each.name().equals(name));
    }

    @Nullable
    String text(String name) {
        String value = given.get(name);
        if (value != null) {
            return value;
        }
        return options.stream().filter(each -> each.name().equals(name)).findFirst().map(CreateOption::value).orElse(
                null);
    }

    String text(String name, String otherwise) {
        String value = text(name);
        return value == null ? otherwise : value;
    }

    boolean on(String name) {
        return "on".equals(text(name));
    }

    long number(String name, long otherwise) {
        String value = text(name);
        return value == null ? otherwise : Sizes.tryParse(value).orElse(otherwise);
    }

    /** All values, given or not, as {@code create} tells them: {@code a=1 b=2}. */
    String told() {
        var text = new StringBuilder();
        for (CreateOption option : options) {
            String value = given.get(option.name());
            if (value != null && option.kind() == CreateOption.Kind.SIZE) {
                value = Long.toString(Sizes.tryParse(value).orElse(0));
            }
            if (value == null) {
                value = option.value();
            }
            if (value != null) {
                text.append(text.isEmpty() ? "" : " ").append(option.name()).append('=').append(option
                        .kind() == CreateOption.Kind.STRING ? OptionList.escape(value) : value);
            }
        }
        return text.toString();
    }
}
