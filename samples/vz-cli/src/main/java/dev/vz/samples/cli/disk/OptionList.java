package dev.vz.samples.cli.disk;

import java.util.LinkedHashMap;
import java.util.Map;

/** Lists such as {@code size=1M,static=on}: names and values between commas; two commas in a value stand for one. */
public final class OptionList {

    private OptionList() {}

    /** The options in their order; a later one replaces an earlier one of the same name. */
    public static Map<String, String> parse(String text) {
        Map<String, String> options = new LinkedHashMap<>();
        int at = 0;
        while (at < text.length()) {
            var word = new StringBuilder();
            while (at < text.length()) {
                char c = text.charAt(at++);
                if (c == ',') {
                    if (at < text.length() && text.charAt(at) == ',') {
                        at++;
                    } else {
                        break;
                    }
                }
                word.append(c);
            }
            int equals = word.indexOf("=");
            if (equals >= 0) {
                options.put(word.substring(0, equals), word.substring(equals + 1));
            } else if (word.indexOf("no") == 0 && word.length() > 2) {
                options.put(word.substring(2), "off");
            } else {
                options.put(word.toString(), "on");
            }
        }
        return options;
    }

    /** Whether an option list asks for help: {@code help} or {@code ?} on their own. */
    public static boolean asksForHelp(String text) {
        for (String word : text.split(",", -1)) {
            if (word.equals("help") || word.equals("?")) {
                return true;
            }
        }
        return false;
    }

    /** Whether {@code text} can stand in a list that is put together with commas. */
    public static boolean isWellFormed(String text) {
        if (text.isEmpty() || text.startsWith(",")) {
            return false;
        }
        int commas = 0;
        for (int i = text.length() - 1; i >= 0 && text.charAt(i) == ','; i--) {
            commas++;
        }
        return commas % 2 == 0;
    }

    /** {@code text} as a value in such a list. */
    public static String escape(String text) {
        return text.replace(",", ",,");
    }
}
