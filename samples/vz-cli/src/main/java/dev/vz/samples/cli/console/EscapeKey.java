package dev.vz.samples.cli.console;

/**
 * Picks the commands for {@code vz} out of what a person types: Ctrl-A followed by one more key. Ctrl-A twice types one
 * Ctrl-A; a key that means nothing after Ctrl-A is dropped. Not thread-safe.
 */
public final class EscapeKey {

    /** Ctrl-A. */
    public static final byte ESCAPE = 1;

    /** What a person wants. */
    public interface Listener {

        /** A byte for the guest. */
        void typed(byte value);

        /** End the guest at once. */
        void quit();

        /** Press the guest's power button. */
        void powerButton();

        /** Show the keys. */
        void help();
    }

    private final Listener listener;
    private boolean escaped;

    /** Tells {@code listener} what is typed. */
    public EscapeKey(Listener listener) {
        this.listener = listener;
    }

    /** The next byte from the terminal. */
    public void accept(byte value) {
        if (!escaped) {
            if (value == ESCAPE) {
                escaped = true;
            } else {
                listener.typed(value);
            }
            return;
        }
        escaped = false;
        switch (value) {
            case ESCAPE, 'a' -> listener.typed(ESCAPE);
            case 'x', 'X' -> listener.quit();
            case 'p', 'P' -> listener.powerButton();
            case 'h', 'H', '?' -> listener.help();
            default -> {
                // Not a command: dropped, as people expect of an unknown key after an escape key.
            }
        }
    }
}
