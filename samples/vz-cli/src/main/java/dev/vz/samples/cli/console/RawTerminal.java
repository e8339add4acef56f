package dev.vz.samples.cli.console;

import dev.vz.linux.terminal.RawMode;
import dev.vz.linux.terminal.Terminal;

/**
 * The terminal of standard input, in raw mode until this is closed: every key reaches the guest, Ctrl-C too. However the
 * process ends, short of being killed outright, the terminal is left as it was found.
 */
public final class RawTerminal implements AutoCloseable {

    private final RawMode mode;
    private final Thread hook;

    private RawTerminal(RawMode mode) {
        this.mode = mode;
        hook = Thread.ofPlatform().name("vz-restore-terminal").unstarted(mode::close);
    }

    /**
     * Switches to raw mode.
     *
     * @throws dev.vz.error.HostException if standard input is no terminal
     */
    public static RawTerminal open() {
        var terminal = new RawTerminal(Terminal.standardInput().raw());
        // For SIGINT, SIGTERM, SIGHUP and System.exit, which pass by whatever is on the stack.
        Runtime.getRuntime().addShutdownHook(terminal.hook);
        return terminal;
    }

    /** Brings the former settings back. Idempotent. */
    @Override
    public void close() {
        mode.close();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException ending) {
            // The JVM is ending: the hook runs or has run, and finds nothing left to do.
            return;
        }
    }
}
