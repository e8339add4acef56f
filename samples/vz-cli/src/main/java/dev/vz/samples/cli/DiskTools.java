package dev.vz.samples.cli;

import dev.vz.samples.cli.image.ImageCommand;
import dev.vz.samples.cli.io.IoCommand;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;

/**
 * The commands that take over other tools' command lines, {@code image} and {@code io}. They are started without the
 * general command line: their grammar is those tools', and scripts start them thousands of times.
 */
final class DiskTools {

    private static final int BUFFER = 1 << 16;

    private DiskTools() {}

    static boolean isOne(String[] arguments) {
        return arguments.length > 0 && (arguments[0].equals("image") || arguments[0].equals("io"));
    }

    static int run(String[] arguments) {
        List<String> rest = Arrays.asList(arguments).subList(1, arguments.length);
        var out = new PrintStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), BUFFER));
        try {
            return arguments[0].equals("image") ? ImageCommand.run(rest, out, System.err) : IoCommand.run(rest,
                    System.in, out, System.err);
        } finally {
            out.flush();
        }
    }
}
