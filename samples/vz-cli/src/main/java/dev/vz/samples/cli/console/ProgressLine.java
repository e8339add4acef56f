package dev.vz.samples.cli.console;

import dev.vz.samples.cli.kit.Progress;
import java.io.PrintStream;

/**
 * Progress on standard error: one line that is written over on a terminal; without one, a line per step for who asked to
 * see everything, else nothing. Used by one thread.
 */
public final class ProgressLine implements Progress {

    private static final String ERASE_LINE = "\r\u001b[K";

    private final PrintStream out;
    private final boolean terminal;
    private final boolean verbose;
    private String step = "";

    /**
     * Progress on {@code out}.
     *
     * @param terminal whether {@code out} is a terminal
     * @param verbose  whether steps are kept
     */
    public ProgressLine(PrintStream out, boolean terminal, boolean verbose) {
        this.out = out;
        this.terminal = terminal;
        this.verbose = verbose;
    }

    @Override
    public void step(String what) {
        finish();
        step = what;
        if (terminal) {
            out.print("vz: " + what);
            out.flush();
        } else if (verbose) {
            out.println("vz: " + what);
        }
    }

    @Override
    public void update(String detail) {
        if (terminal) {
            out.print(ERASE_LINE + "vz: " + step + ", " + detail);
            out.flush();
        }
    }

    @Override
    public void finish() {
        if (terminal && !step.isEmpty()) {
            out.print(verbose ? System.lineSeparator() : ERASE_LINE);
            out.flush();
        }
        step = "";
    }
}
