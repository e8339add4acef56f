package dev.vz.samples.cli.guest;

import dev.vz.linux.FileDescriptor;
import dev.vz.linux.terminal.Terminal;
import dev.vz.linux.terminal.WindowSize;
import dev.vz.samples.cli.kit.KitInitramfs;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.Map;

/**
 * The streams that the process was started with.
 *
 * @param in              standard input
 * @param out             standard output, unbuffered; its errors are not hidden
 * @param err             standard error, for bytes of the guest
 * @param messages        standard error, for lines of vz
 * @param inIsTerminal    whether standard input is a terminal
 * @param errIsTerminal   whether standard error is one
 * @param environment     the process's environment
 */
record HostStreams(InputStream in, OutputStream out, OutputStream err, PrintStream messages, boolean inIsTerminal,
        boolean errIsTerminal, Map<String, String> environment) {

    /** Those of this process. */
    static HostStreams ofProcess() {
        return new HostStreams(System.in, new FileOutputStream(java.io.FileDescriptor.out),
                new FileOutputStream(java.io.FileDescriptor.err), System.err, isTerminal(0, "standard input"),
                isTerminal(2, "standard error"), System.getenv());
    }

    private static boolean isTerminal(int number, String name) {
        try (FileDescriptor descriptor = FileDescriptor.borrow(number, name)) {
            return Terminal.isTerminal(descriptor);
        }
    }

    /** One line of vz. */
    void say(String line) {
        // A guest's half line on the same terminal must not be run into; raw mode keeps output processing.
        messages.println("vz: " + line);
        messages.flush();
    }

    /** What the guest should know of the terminal. */
    KitInitramfs.Terminal terminal() {
        if (!inIsTerminal) {
            return KitInitramfs.Terminal.UNKNOWN;
        }
        WindowSize size = Terminal.standardInput().size();
        String type = environment.getOrDefault("TERM", "");
        KitInitramfs.Terminal unknown = KitInitramfs.Terminal.UNKNOWN;
        // It becomes a word of a file that a shell reads.
        boolean plain = type.matches("[A-Za-z0-9][A-Za-z0-9+._-]{0,63}");
        return new KitInitramfs.Terminal(size.rows() == 0 ? unknown.rows() : size.rows(),
                size.columns() == 0 ? unknown.columns() : size.columns(), plain ? type : unknown.type());
    }
}
