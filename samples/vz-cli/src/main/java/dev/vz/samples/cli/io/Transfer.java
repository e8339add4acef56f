package dev.vz.samples.cli.io;

import dev.vz.samples.cli.disk.Sizes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** What reading and writing commands have in common: numbers, patterns, dumps and reports. */
final class Transfer {

    /** The most bytes of one request. */
    static final long MAX_BYTES = 2_147_483_136L;
    /** What fresh buffers are filled with. */
    static final int READ_FILL = 0xab;
    static final int WRITE_FILL = 0xcd;

    /** Bytes that are compared at a time. */
    private static final long COMPARED = 1 << 20;

    private Transfer() {}

    /** A number argument; says what is wrong with it. */
    static OptionalLong number(Session session, String text) {
        try {
            return OptionalLong.of(Sizes.parse(text));
        } catch (Sizes.NotASize wrong) {
            session.say("Parsing error: " + (wrong.problem() == Sizes.Problem.MALFORMED
                    ? "non-numeric argument, or extraneous/unrecognized suffix -- "
                    : "argument too large -- ") + text);
            return OptionalLong.empty();
        }
    }

    /** A byte to compare or write. */
    static OptionalInt pattern(Session session, String text) {
        try {
            int value = Integer.decode(text);
            if (value >= 0 && value <= 255) {
                return OptionalInt.of(value);
            }
        } catch (NumberFormatException none) {
            // Said below, with the other texts that are no byte.
        }
        session.say(text + " is not a valid pattern byte");
        return OptionalInt.empty();
    }

    /** A length argument within the limit of one request. */
    static OptionalLong length(Session session, String text, String suffix) {
        OptionalLong length = number(session, text);
        if (length.isPresent() && length.getAsLong() > MAX_BYTES) {
            session.say("length cannot exceed " + MAX_BYTES + suffix + ", given " + text);
            return OptionalLong.empty();
        }
        return length;
    }

    /** The lengths of a vector, as one sum. */
    static OptionalLong vector(Session session, List<String> texts) {
        long sum = 0;
        for (String text : texts) {
            OptionalLong length = number(session, text);
            if (length.isEmpty()) {
                return length;
            }
            if (length.getAsLong() > MAX_BYTES) {
                session.say("Argument '" + text + "' exceeds maximum size " + MAX_BYTES);
                return OptionalLong.empty();
            }
            sum += length.getAsLong();
            if (sum > MAX_BYTES) {
                session.say("The total number of bytes exceed the maximum size " + MAX_BYTES);
                return OptionalLong.empty();
            }
        }
        return OptionalLong.of(sum);
    }

    static boolean matches(MemorySegment buffer, long from, long length, int pattern) {
        byte[] expected = new byte[(int) Math.min(length, COMPARED)];
        Arrays.fill(expected, (byte) pattern);
        MemorySegment same = MemorySegment.ofArray(expected);
        for (long at = from; at < from + length; at += COMPARED) {
            long piece = Math.min(COMPARED, from + length - at);
            if (MemorySegment.mismatch(buffer, at, at + piece, same, 0, piece) >= 0) {
                return false;
            }
        }
        return true;
    }

    static void dump(Session session, MemorySegment buffer, long offset) {
        for (long at = 0; at < buffer.byteSize(); at += 16) {
            var line = new StringBuilder(String.format(Locale.ROOT, "%08x:  ", offset + at));
            var text = new StringBuilder();
            for (long i = at; i < at + 16 && i < buffer.byteSize(); i++) {
                int value = Byte.toUnsignedInt(buffer.get(ValueLayout.JAVA_BYTE, i));
                line.append(String.format(Locale.ROOT, "%02x ", value));
                boolean printable = value > 0x20 && value < 0x7f;
                text.append(printable ? (char) value : '.');
            }
            session.say(line + " " + text);
        }
    }

    static void report(Session session, String what, long nanos, long offset, long count, long total, boolean terse) {
        double seconds = Math.max(nanos, 1) / 1e9;
        if (terse) {
            session.say(total + ",1," + clock(nanos, true)
                    + String.format(Locale.ROOT, ",%.3f,%.3f", (double) total / seconds,
                            1 / seconds));
            return;
        }
        session.say(what + " " + total + "/" + count + " bytes at offset " + offset);
        session.say(Sizes.decimals(total) + ", 1 ops; " + clock(nanos, false) + " ("
                + Sizes.decimals((double) total / seconds)
                + "/sec and " + String.format(Locale.ROOT, "%.4f", 1 / seconds) + " ops/sec)");
    }

    private static String clock(long nanos, boolean full) {
        long whole = nanos / 1_000_000_000;
        double fraction = nanos % 1_000_000_000 / 1e9;
        if (!full && whole == 0) {
            return String.format(Locale.ROOT, "%05.2f sec", fraction);
        }
        return String.format(Locale.ROOT, "%d:%02d:%05.2f", whole / 3600, whole / 60 % 60, whole % 60 + fraction);
    }
}
