package dev.vz.samples.cli.disk;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Options in the grammar of GNU {@code getopt_long}: joined short options, values joined or apart, abbreviated long ones,
 * operands anywhere. Scripts written for the tools that are taken over rely on all of it.
 */
public final class GetOpt {

    /** No more options. */
    public static final int END = -1;
    /** An option that is not known; {@link #word()} is the word that it is in. */
    public static final int UNKNOWN = '?';
    /** An option without the value that it needs. */
    public static final int NO_VALUE = ':';

    /**
     * A long option.
     *
     * @param name  without the dashes
     * @param value whether it takes one
     * @param code  what {@link #next()} returns for it
     */
    public record Long(String name, boolean value, int code) {}

    private final List<String> arguments;
    private final String shorts;
    private final List<Long> longs;
    private final List<String> operands = new ArrayList<>();
    private int at;
    private int inWord;
    private String word = "";
    private @Nullable String value;

    /**
     * Options among {@code arguments}.
     *
     * @param shorts the letters of short options; a colon behind one that takes a value; a plus in front if the first
     *               operand ends the options
     */
    public GetOpt(List<String> arguments, String shorts, List<Long> longs) {
        this.arguments = List.copyOf(arguments);
        this.shorts = shorts;
        this.longs = List.copyOf(longs);
    }

    /** The next option's letter or code, or {@link #END}, {@link #UNKNOWN} or {@link #NO_VALUE}. */
    public int next() {
        value = null;
        if (inWord > 0) {
            return nextShort();
        }
        while (at < arguments.size()) {
            word = arguments.get(at++);
            if (word.equals("--")) {
                break;
            }
            if (word.startsWith("--")) {
                return nextLong();
            }
            if (word.length() > 1 && word.startsWith("-")) {
                inWord = 1;
                return nextShort();
            }
            operands.add(word);
            if (shorts.startsWith("+")) {
                break;
            }
        }
        while (at < arguments.size()) {
            operands.add(arguments.get(at++));
        }
        return END;
    }

    private int nextShort() {
        char letter = word.charAt(inWord++);
        boolean last = inWord == word.length();
        int known = letter == ':' || letter == '+' ? -1 : shorts.indexOf(letter);
        if (known < 0) {
            inWord = last ? 0 : inWord;
            return UNKNOWN;
        }
        if (known + 1 < shorts.length() && shorts.charAt(known + 1) == ':') {
            String rest = word.substring(inWord);
            inWord = 0;
            if (!last) {
                value = rest;
            } else if (at < arguments.size()) {
                value = arguments.get(at++);
            } else {
                return NO_VALUE;
            }
        } else if (last) {
            inWord = 0;
        }
        return letter;
    }

    private int nextLong() {
        int equals = word.indexOf('=');
        String name = word.substring(2, equals < 0 ? word.length() : equals);
        List<Long> fitting = longs.stream().filter(each -> each.name().equals(name)).toList();
        if (fitting.isEmpty()) {
            fitting = longs.stream().filter(each -> each.name().startsWith(name)).toList();
        }
        if (fitting.size() != 1 || equals >= 0 && !fitting.getFirst().value()) {
            return UNKNOWN;
        }
        Long option = fitting.getFirst();
        if (option.value()) {
            if (equals >= 0) {
                value = word.substring(equals + 1);
            } else if (at < arguments.size()) {
                value = arguments.get(at++);
            } else {
                return NO_VALUE;
            }
        }
        return option.code();
    }

    /** The value of the option that {@link #next()} returned. */
    public String value() {
        String known = value;
        if (known == null) {
            throw new IllegalStateException("The option in '" + word + "' has no value");
        }
        return known;
    }

    /** The word that the last option is in. */
    public String word() {
        return word;
    }

    /** What are no options, in their order; complete once {@link #next()} returned {@link #END}. */
    public List<String> operands() {
        return operands;
    }
}
