package dev.vz.samples.cli.guest;

import dev.vz.error.GuestException;
import java.util.OptionalInt;
import java.util.function.Consumer;

/**
 * What a guest's first process reports of the script that it ran: which bytes are the script's, and its exit status.
 *
 * <p>
 * The two serial ports are read by one thread each, or by one for both; the status may be asked for by another.
 */
final class ExecReport {

    /** One byte of the script's. */
    interface Sink {
        /** Takes it. */
        void write(byte value);
    }

    private static final int NO_STATUS = -1;

    private final MarkerScanner console;
    private final MarkerScanner data;
    private final Consumer<String> trouble;
    private volatile boolean begun;
    private volatile boolean ended;
    private volatile int status = NO_STATUS;

    /**
     * Reads a run with {@code marker}.
     *
     * @param output  the script's output
     * @param errors  the script's error output
     * @param kernel  what the console says before and after
     * @param trouble told in one sentence if the guest cannot run the script
     */
    ExecReport(String marker, Sink output, Sink errors, Sink kernel, Consumer<String> trouble) {
        this.trouble = trouble;
        console = new MarkerScanner(marker, new MarkerScanner.Listener() {
            @Override
            public void data(byte value) {
                (begun && !ended ? errors : kernel).write(value);
            }

            @Override
            public void marked(String word) {
                onConsole(word);
            }
        });
        data = new MarkerScanner(marker, new MarkerScanner.Listener() {
            @Override
            public void data(byte value) {
                // A process that the script left behind may go on writing; the script has ended.
                if (status == NO_STATUS) {
                    output.write(value);
                }
            }

            @Override
            public void marked(String word) {
                onData(word);
            }
        });
    }

    private void onConsole(String word) {
        switch (word) {
            case "begin" -> begun = true;
            case "end" -> ended = true;
            case "no-data-port" -> trouble.accept("the guest's kernel has no second serial port (ttyS1), which --exec "
                    + "needs for the command's output; use a kernel with CONFIG_SERIAL_8250");
            default -> trouble.accept("the guest's first process said \"" + word
                    + "\" on the console, which means nothing to this version of vz");
        }
    }

    private void onData(String word) {
        try {
            int value = Integer.parseInt(word);
            if (value >= 0 && value <= 255) {
                status = value;
                return;
            }
        } catch (NumberFormatException notANumber) {
            trouble.accept(new GuestException("the guest reported \"" + word + "\" as exit status", notANumber)
                    .getMessage());
            return;
        }
        trouble.accept("the guest reported the exit status " + word + ", expected 0 to 255");
    }

    /** The next byte of the first serial port. */
    void console(byte value) {
        console.accept(value);
    }

    /** The next byte of the second serial port. */
    void data(byte value) {
        data.accept(value);
    }

    /** Nothing more comes. */
    void finish() {
        console.finish();
        data.finish();
    }

    /** Whether the script was started. */
    boolean begun() {
        return begun;
    }

    /** Whether all of it has been reported: both outputs and the status. */
    boolean complete() {
        return ended && status != NO_STATUS;
    }

    /** The script's exit status, 0 to 255; empty as long as it has not ended. */
    OptionalInt status() {
        return status == NO_STATUS ? OptionalInt.empty() : OptionalInt.of(status);
    }
}
