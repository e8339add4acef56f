package dev.vz.samples.cli.console;

import java.io.IOException;
import java.io.InputStream;

/**
 * Reads standard input for an interactive guest, on a daemon thread: keys with their escapes from a terminal, plain bytes
 * from a pipe or file.
 */
public final class StandardInput {

    /** The byte that Ctrl-D types: the end of what a person types. */
    public static final byte END = 4;

    private static final System.Logger LOG = System.getLogger(StandardInput.class.getName());

    /** Who gets the bytes of a pipe. */
    public interface Receiver {

        /** One byte; may wait. */
        void piped(byte value) throws InterruptedException;

        /** There are no more. */
        void ended() throws InterruptedException;
    }

    private StandardInput() {}

    /** Reads keys from a terminal in raw mode, until it is gone. */
    public static void readKeys(InputStream terminal, EscapeKey.Listener listener) {
        var keys = new EscapeKey(listener);
        start(terminal, new Receiver() {
            @Override
            public void piped(byte value) {
                keys.accept(value);
            }

            @Override
            public void ended() {
                // The terminal was closed; the signal that comes with it ends the process.
                LOG.log(System.Logger.Level.DEBUG, "the terminal is gone");
            }
        });
    }

    /** Reads all of {@code input}, then says that it has ended. */
    public static void readAll(InputStream input, Receiver receiver) {
        start(input, receiver);
    }

    private static void start(InputStream input, Receiver receiver) {
        Thread.ofPlatform().daemon().name("vz-stdin").start(() -> {
            var buffer = new byte[4096];
            try {
                int length = input.read(buffer);
                while (length > 0) {
                    for (int i = 0; i < length; i++) {
                        receiver.piped(buffer[i]);
                    }
                    length = input.read(buffer);
                }
                receiver.ended();
            } catch (IOException failure) {
                LOG.log(System.Logger.Level.WARNING,
                        "reading standard input failed; nothing more is typed into the guest",
                        failure);
            } catch (InterruptedException interruption) {
                Thread.currentThread().interrupt();
            }
        });
    }
}
