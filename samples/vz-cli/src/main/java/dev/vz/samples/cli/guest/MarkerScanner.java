package dev.vz.samples.cli.guest;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Tells a guest program's bytes from the markers that the guest's first process puts around them: a NUL, the run's
 * marker word, a space, a word, a newline. Everything else passes through unchanged and in order.
 *
 * <p>
 * At most one marker's length of bytes is held back, and only while they could be the beginning of one. Not thread-safe.
 */
final class MarkerScanner {

    /** Where bytes and markers go. */
    interface Listener {

        /** One byte of the program's own. */
        void data(byte value);

        /** A marker with this word. */
        void marked(String word);
    }

    /** A longer word is not one of ours. */
    private static final int MAXIMUM_WORD = 32;

    private final byte[] prefix;
    private final Listener listener;
    private final ByteArrayOutputStream word = new ByteArrayOutputStream(MAXIMUM_WORD);
    private int matched;

    /** Looks for markers with {@code marker}, one word of printable ASCII. */
    MarkerScanner(String marker, Listener listener) {
        this.prefix = ("\0" + marker + " ").getBytes(StandardCharsets.US_ASCII);
        this.listener = listener;
    }

    /** The next byte. */
    void accept(byte value) {
        if (matched == prefix.length) {
            acceptWord(value);
        } else if (value == prefix[matched]) {
            matched++;
        } else {
            release();
            // The prefix has its first byte nowhere else: a match can only begin anew with this byte.
            if (value == prefix[0]) {
                matched = 1;
            } else {
                listener.data(value);
            }
        }
    }

    private void acceptWord(byte value) {
        if (value == '\n' && word.size() > 0) {
            String text = word.toString(StandardCharsets.US_ASCII);
            word.reset();
            matched = 0;
            listener.marked(text);
        } else if (value > ' ' && word.size() < MAXIMUM_WORD) {
            word.write(value);
        } else {
            release();
            accept(value);
        }
    }

    /** No more bytes will come: what was held back was no marker. */
    void finish() {
        release();
    }

    private void release() {
        for (int i = 0; i < matched; i++) {
            listener.data(prefix[i]);
        }
        for (byte held : word.toByteArray()) {
            listener.data(held);
        }
        word.reset();
        matched = 0;
    }
}
