package dev.vz.samples.cli.disk;

import dev.vz.error.HostException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Which requests are to fail, as the driver {@code blkdebug} is told in a file or by options: errors that are injected when
 * something happens, and states that it brings about. One thread.
 */
public final class FaultRules {

    /** What a request does. */
    public enum Kind {
        /** Reads data. */
        READ,
        /** Writes data. */
        WRITE,
        /** Writes zeros. */
        WRITE_ZEROES,
        /** Gives storage back. */
        DISCARD,
        /** Makes durable. */
        FLUSH
    }

    /** The requests of no rules. */
    public static final FaultRules NONE = new FaultRules(List.of());

    private static final String ALWAYS = "none";
    private static final int FIRST_STATE = 1;
    private static final Set<String> EVENTS = Set.of(ALWAYS, "read_aio", "write_aio", "pwritev", "pwritev_zero",
            "flush_to_os", "flush_to_disk", "cor_write");
    private static final Map<Integer, String> ERRNO = Map.of(1, "EPERM", 5, "EIO", 13, "EACCES", 16, "EBUSY", 22,
            "EINVAL", 28, "ENOSPC", 30, "EROFS", 95, "EOPNOTSUPP");

    /** {@code state}: 0 for any; {@code next}: the state that it brings about, 0 for an error; {@code at}: -1 for anywhere. */
    private record Rule(String event, int state, int next, int errno, long at, boolean once, Set<Kind> kinds) {}

    private final List<Rule> rules;
    private final List<Rule> active = new ArrayList<>();
    private int state = FIRST_STATE;

    private FaultRules(List<Rule> rules) {
        this.rules = new ArrayList<>(rules);
    }

    /** The rules in the file that {@code config} names, and in options such as {@code inject-error.0.event}. */
    static FaultRules of(Map<String, String> options) {
        List<Rule> rules = new ArrayList<>();
        String config = options.getOrDefault("config", "");
        if (!config.isEmpty()) {
            rules.addAll(file(config));
        }
        for (String group : List.of("inject-error", "set-state")) {
            for (int i = 0;; i++) {
                Map<String, String> one = ImageSpec.below(options, group + "." + i + ".");
                if (one.isEmpty()) {
                    break;
                }
                rules.add(rule(group, one));
            }
        }
        return rules.isEmpty() ? NONE : new FaultRules(rules);
    }

    private static List<Rule> file(String name) {
        List<String> lines;
        try {
            lines = Files.readAllLines(Path.of(name));
        } catch (IOException | InvalidPathException failure) {
            throw new CommandFailure("Could not read blkdebug config file: No such file or directory");
        }
        List<Rule> rules = new ArrayList<>();
        String group = "";
        Map<String, String> values = new LinkedHashMap<>();
        for (String line : lines) {
            String text = line.strip();
            if (text.startsWith("[") && text.endsWith("]")) {
                add(rules, group, values);
                group = text.substring(1, text.length() - 1).strip();
                values.clear();
            } else if (!text.isEmpty() && !text.startsWith("#")) {
                int equals = text.indexOf('=');
                if (equals < 0) {
                    throw new CommandFailure("Could not parse blkdebug config file: '" + text + "'");
                }
                String value = text.substring(equals + 1).strip();
                boolean quoted = value.length() > 1 && value.startsWith("\"") && value.endsWith("\"");
                values.put(text.substring(0, equals).strip(), quoted ? value.substring(1, value.length() - 1) : value);
            }
        }
        add(rules, group, values);
        return rules;
    }

    private static void add(List<Rule> rules, String group, Map<String, String> values) {
        if (!group.isEmpty()) {
            rules.add(rule(group, values));
        }
    }

    private static Rule rule(String group, Map<String, String> values) {
        String event = values.getOrDefault("event", ALWAYS).toLowerCase(Locale.ROOT);
        if (!EVENTS.contains(event)) {
            throw new CommandFailure("Errors cannot be injected at the event '" + event + "' here");
        }
        int state = number(values, "state", 0);
        if (group.equals("set-state")) {
            return new Rule(event, state, number(values, "new_state", FIRST_STATE), 0, 0, false, Set.of());
        }
        if (!group.equals("inject-error")) {
            throw new CommandFailure("Unknown blkdebug rule '" + group + "'");
        }
        int errno = number(values, "errno", 5);
        int sector = number(values, "sector", -1);
        Set<Kind> kinds = EnumSet.allOf(Kind.class);
        String kind = values.get("iotype");
        if (kind != null) {
            String wanted = kind.toUpperCase(Locale.ROOT).replace('-', '_');
            kinds = EnumSet.copyOf(Arrays.stream(Kind.values()).filter(each -> each.name().equals(wanted)).findFirst()
                    .map(List::of).orElseThrow(() -> new CommandFailure("Invalid parameter '" + kind + "'")));
        }
        return new Rule(event, state, 0, errno, sector < 0 ? -1 : sector * 512L, "on".equals(values.get("once")),
                kinds);
    }

    private static int number(Map<String, String> values, String name, int otherwise) {
        String text = values.get(name);
        try {
            return text == null ? otherwise : Integer.parseInt(text);
        } catch (NumberFormatException wrong) {
            throw new CommandFailure("Parameter '" + name + "' expects a number");
        }
    }

    boolean isEmpty() {
        return rules.isEmpty();
    }

    /** Something happened: errors may follow, and the state may change. */
    public void event(String name) {
        int before = state;
        for (Rule rule : rules) {
            if (rule.event().equals(name) && (rule.state() == 0 || rule.state() == before)) {
                if (rule.next() != 0) {
                    state = rule.next();
                } else if (!active.contains(rule)) {
                    active.add(rule);
                }
            }
        }
    }

    /**
     * A request for {@code length} bytes at {@code offset} is made.
     *
     * @throws HostException if a rule lets it fail
     */
    public void request(Kind kind, long offset, long length) {
        event(ALWAYS);
        Rule hit = active.stream().filter(rule -> rule.kinds().contains(kind) && (rule.at() < 0 || rule
                .at() >= offset && rule.at() < offset + length)).findFirst().orElse(null);
        if (hit == null) {
            return;
        }
        if (hit.once()) {
            rules.remove(hit);
            active.remove(hit);
        }
        String name = ERRNO.getOrDefault(hit.errno(), "errno " + hit.errno());
        throw new HostException("an injected error of a " + kind.name().toLowerCase(Locale.ROOT), offset + " and "
                + length + " bytes from there", hit.errno(), name, null);
    }
}
