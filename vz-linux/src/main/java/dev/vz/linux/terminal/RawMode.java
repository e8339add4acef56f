package dev.vz.linux.terminal;

import dev.vz.error.HostException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A terminal in raw mode; closing brings its former settings back, once. Thread-safe.
 *
 * <p>
 * A library does not hook the end of a JVM that is not its own. A program that must leave the terminal as it found it even
 * when it is terminated adds the hook itself:
 *
 * <pre>{@code
 * Runtime.getRuntime().addShutdownHook(new Thread(raw::close));
 * }</pre>
 */
public final class RawMode implements AutoCloseable {

    private final Terminal terminal;
    private final byte[] before;
    private final AtomicBoolean closed = new AtomicBoolean();

    RawMode(Terminal terminal, byte[] before) {
        this.terminal = terminal;
        this.before = before;
    }

    /**
     * Brings the former settings back; does nothing the second time.
     *
     * @throws HostException if the terminal is gone
     */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            terminal.restore(before);
        }
    }
}
