package dev.vz.samples.cli.guest;

import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The end of what a guest's console said: enough to tell, when it stopped, whether its kernel panicked and what it said
 * last. Keeps 16 KiB. Written by one thread, read by another.
 */
final class ConsoleLog {

    private static final int CAPACITY = 1 << 14;
    private static final String PANIC = "Kernel panic - not syncing";
    private static final int LONGEST_LINE = 200;

    private final byte[] ring = new byte[CAPACITY];
    private long written;

    /** The next byte. */
    synchronized void write(byte value) {
        ring[(int) (written++ % CAPACITY)] = value;
    }

    /** The line with which the kernel gave up, if it did. */
    Optional<String> panic() {
        return text().lines().filter(line -> line.contains(PANIC)).findFirst()
                .map(line -> printable(line.substring(line.indexOf(PANIC))));
    }

    /** The last line that is not blank. */
    Optional<String> lastLine() {
        return text().lines().map(ConsoleLog::printable).filter(line -> !line.isBlank()).reduce((first, last) -> last);
    }

    private synchronized String text() {
        int length = (int) Math.min(written, CAPACITY);
        var bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = ring[(int) ((written - length + i) % CAPACITY)];
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** What the guest says is repeated on the user's terminal: no control characters, and no more than fits a line. */
    private static String printable(String line) {
        String clean = line.replaceAll("\u001b\\[[0-9;?]*[A-Za-z]", "").replaceAll("\\p{Cntrl}", "").strip();
        return clean.length() <= LONGEST_LINE ? clean : clean.substring(0, LONGEST_LINE) + "…";
    }
}
