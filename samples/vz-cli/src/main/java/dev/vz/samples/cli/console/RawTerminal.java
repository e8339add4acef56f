package dev.vz.samples.cli.console;

import dev.vz.linux.terminal.RawMode;
import dev.vz.linux.terminal.Terminal;
import org.jspecify.annotations.Nullable;

/**
 * The terminal of standard input, in raw mode until this is closed: every key reaches the guest, Ctrl-C too. However the
 * process ends, short of being killed outright, the terminal is left as it was found.
 */
public final class RawTerminal implements AutoCloseable {

    private final Thread hook = Thread.ofPlatform().name("vz-restore-terminal").unstarted(this::leave);
    private @Nullable RawMode mode;
    private boolean over;

    private RawTerminal() {}

    /**
     * Switches to raw mode.
     *
     * @throws dev.vz.error.HostException if standard input is no terminal
     */
    public static RawTerminal open() {
        var terminal = new RawTerminal();
        // For SIGINT, SIGTERM, SIGHUP and System.exit, which pass by whatever is on the stack. Before the switch: they may
        // come right behind it.
        Runtime.getRuntime().addShutdownHook(terminal.hook);
        try {
            terminal.enter();
        } catch (RuntimeException | Error failure) {
            terminal.close();
            throw failure;
        }
        return terminal;
    }

    private synchronized void enter() {
        if (!over) {
            mode = Terminal.standardInput().raw();
        }
    }

    private synchronized void leave() {
        over = true;
        if (mode != null) {
            mode.close();
        }
    }

    /** Brings the former settings back. Idempotent. */
    @Override
    public void close() {
        leave();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException ending) {
            // The JVM is ending: the hook runs or has run, and finds nothing left to do.
            return;
        }
    }
}
