package dev.vz.samples.cli.image;

import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Program;
import dev.vz.storage.DiskImage;
import java.io.PrintStream;
import org.jspecify.annotations.Nullable;

/** Where a command's output goes, and the words in which all of them complain. */
final class Console {

    final PrintStream out;
    final PrintStream err;

    Console(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    void say(String line) {
        out.println(line);
    }

    /** A message in the program's name. */
    void complain(String message) {
        out.flush();
        err.println(Program.name() + ": " + message);
    }

    /** The same of a failure, to the last character. */
    void complain(CommandFailure failure) {
        out.flush();
        err.print(Program.name() + ": " + failure.getMessage() + (failure.ended() ? System.lineSeparator() : ""));
        err.flush();
    }

    /** Wrong usage, which is the failure of the program. */
    static CommandFailure usage(String message) {
        return new CommandFailure(message + "\nTry '" + Program.name() + " --help' for more information");
    }

    static CommandFailure wrongOption(int option, GetOpt options) {
        return usage((option == GetOpt.NO_VALUE ? "missing argument for option '" : "unrecognized option '") + options
                .word() + "'");
    }

    /** What a command line names. */
    static ImageSpec spec(String name, @Nullable String format, boolean imageOptions) {
        if (imageOptions) {
            if (format != null) {
                throw new CommandFailure("--image-opts and --format are mutually exclusive");
            }
            return ImageSpec.ofOptions(name);
        }
        try {
            return ImageSpec.ofName(name, format);
        } catch (CommandFailure failure) {
            throw new CommandFailure("Could not open '" + name + "': " + failure.getMessage());
        }
    }

    static DiskImage open(ImageSpec spec, ImageStore.Mode mode) {
        try {
            return ImageStore.open(spec, mode);
        } catch (CommandFailure failure) {
            throw new CommandFailure("Could not open '" + spec.name() + "': " + failure.getMessage());
        }
    }

    static DiskImage open(String name, @Nullable String format, boolean imageOptions, ImageStore.Mode mode) {
        return open(spec(name, format, imageOptions), mode);
    }
}
