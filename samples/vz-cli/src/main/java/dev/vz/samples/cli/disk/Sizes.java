package dev.vz.samples.cli.disk;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.OptionalLong;

/** Sizes as the tools read and print them; powers of 1024 throughout. */
public final class Sizes {

    /** The largest multiple of 512 that an offset may have. */
    public static final long MAX = Long.MAX_VALUE - 511;
    private static final String SUFFIXES = "BKMGTPE";
    private static final String[] UNITS = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};

    /** What is wrong with a text that is no size. */
    public enum Problem {
        /** It is no number with a known suffix. */
        MALFORMED,
        /** It is too large. */
        TOO_LARGE
    }

    /** A text is no size. */
    public static final class NotASize extends Exception {
        private static final long serialVersionUID = 1L;
        private final Problem problem;

        NotASize(Problem problem) {
            super(problem.name());
            this.problem = problem;
        }

        /** What is wrong with it. */
        public Problem problem() {
            return problem;
        }
    }

    private Sizes() {}

    /** Bytes: digits with an optional fraction and suffix, or hexadecimal digits after {@code 0x}. */
    public static long parse(String text) throws NotASize {
        String trimmed = text.strip();
        boolean negative = trimmed.startsWith("-");
        String number = negative || trimmed.startsWith("+") ? trimmed.substring(1) : trimmed;
        BigDecimal value;
        if (number.startsWith("0x") || number.startsWith("0X")) {
            value = hexadecimal(number.substring(2));
        } else {
            value = decimal(number);
        }
        BigInteger whole = value.setScale(0, RoundingMode.DOWN).toBigInteger();
        if (negative && whole.signum() != 0) {
            throw new NotASize(Problem.MALFORMED);
        }
        if (whole.bitLength() > 63) {
            throw new NotASize(Problem.TOO_LARGE);
        }
        return whole.longValueExact();
    }

    private static BigDecimal hexadecimal(String digits) throws NotASize {
        // Only whole numbers with the suffixes that are no digits.
        String body = digits;
        long unit = 1;
        if (!body.isEmpty() && "KMGTPkmgtp".indexOf(body.charAt(body.length() - 1)) >= 0) {
            unit = unit(body.charAt(body.length() - 1));
            body = body.substring(0, body.length() - 1);
        }
        if (body.isEmpty() || !body.chars().allMatch(each -> Character.digit(each, 16) >= 0)) {
            throw new NotASize(Problem.MALFORMED);
        }
        return new BigDecimal(new BigInteger(body, 16)).multiply(BigDecimal.valueOf(unit));
    }

    private static BigDecimal decimal(String number) throws NotASize {
        int end = 0;
        while (end < number.length() && (Character.isDigit(number.charAt(end)) || number.charAt(end) == '.')) {
            end++;
        }
        String digits = number.substring(0, end);
        String suffix = number.substring(end);
        if (digits.isEmpty() || digits.startsWith(".") || digits.indexOf('.') != digits.lastIndexOf('.')
                || suffix.length() > 1) {
            throw new NotASize(Problem.MALFORMED);
        }
        long unit = 1;
        if (!suffix.isEmpty()) {
            if (SUFFIXES.indexOf(Character.toUpperCase(suffix.charAt(0))) < 0) {
                throw new NotASize(Problem.MALFORMED);
            }
            unit = unit(suffix.charAt(0));
        } else if (digits.indexOf('.') >= 0 && new BigDecimal(digits + "0").stripTrailingZeros().scale() > 0) {
            throw new NotASize(Problem.MALFORMED);
        }
        return new BigDecimal(digits.endsWith(".") ? digits + "0" : digits).multiply(BigDecimal.valueOf(unit));
    }

    private static long unit(char suffix) {
        return 1L << 10 * SUFFIXES.indexOf(Character.toUpperCase(suffix));
    }

    /** The value that {@code text} states, or none. */
    public static OptionalLong tryParse(String text) {
        try {
            return OptionalLong.of(parse(text));
        } catch (NotASize none) {
            return OptionalLong.empty();
        }
    }

    /**
     * A size that an option gives, checked.
     *
     * @param name what it is, for the message
     */
    public static long option(String name, String text, long min, long max) {
        try {
            long value = parse(text);
            if (value >= min && value <= max) {
                return value;
            }
        } catch (NotASize wrong) {
            if (wrong.problem() == Problem.MALFORMED) {
                throw new CommandFailure("Invalid " + name + " specified. You may use k, M, G, T, P or E suffixes for\n"
                        + Program.name() + ": kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
            }
        }
        throw new CommandFailure("Invalid " + name + " specified. Must be between " + min + " and " + max + ".");
    }

    /** As {@code 1.5 MiB}: three significant digits. */
    public static String human(long bytes) {
        int power = 0;
        // 1000 and more of a unit is written in the next one, so that there are never more than three digits.
        BigDecimal limit = BigDecimal.valueOf(1000);
        BigDecimal value = BigDecimal.valueOf(bytes);
        while (value.compareTo(limit) >= 0 && power < UNITS.length - 1) {
            value = value.divide(BigDecimal.valueOf(1024), MathContext.DECIMAL128);
            power++;
        }
        return significant(value) + " " + UNITS[power] + "B";
    }

    private static String significant(BigDecimal value) {
        BigDecimal rounded = value.round(new MathContext(3, RoundingMode.HALF_EVEN));
        if (rounded.compareTo(BigDecimal.valueOf(1000)) >= 0) {
            return "1e+03";
        }
        return rounded.signum() == 0 ? "0" : rounded.stripTrailingZeros().toPlainString();
    }

    /** {@link #decimals(double)} of a whole number of bytes. */
    public static String decimals(long bytes) {
        return decimals((double) bytes);
    }

    /** As {@code 64 KiB} or {@code 63.938 MiB}: three decimals, none where they are zeros. */
    public static String decimals(double bytes) {
        double value = bytes;
        String unit = " bytes";
        String[] names = {" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
        for (int i = 0; i < names.length && value >= 1024; i++) {
            value /= 1024;
            unit = names[i];
        }
        // A tie goes to the even digit, as in C.
        String text = Double.isInfinite(value) ? "inf" : new BigDecimal(value).setScale(unit.equals(" bytes") ? 6 : 3,
                RoundingMode.HALF_EVEN).toPlainString();
        int dot = text.indexOf(".000");
        return (dot < 0 ? text : text.substring(0, dot)) + unit;
    }
}
