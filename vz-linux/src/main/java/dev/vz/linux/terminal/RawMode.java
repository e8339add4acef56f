package dev.vz.linux.terminal;

import dev.vz.error.HostException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A terminal in raw mode; closing brings its former settings back, once. Closed by the JVM's shutdown if by nobody before.
 * Thread-safe.
 */
public final class RawMode implements AutoCloseable {

    private final Terminal terminal;
    private final byte[] before;
    private final AtomicBoolean closed = new AtomicBoolean();
    private final Thread hook;

    RawMode(Terminal terminal, byte[] before) {
        this.terminal = terminal;
        this.before = before;
        hook = Thread.ofPlatform().name("restore " + terminal).unstarted(this::restore);
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /**
     * Brings the former settings back; does nothing the second time.
     *
     * @throws HostException if the terminal is gone
     */
    @Override
    public void close() {
        restore();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            // The hook runs now or has run, and finds nothing left to do.
            return;
        }
    }

    private void restore() {
        if (closed.compareAndSet(false, true)) {
            terminal.restore(before);
        }
    }
}
