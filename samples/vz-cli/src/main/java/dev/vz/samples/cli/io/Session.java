package dev.vz.samples.cli.io;

import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Program;
import dev.vz.storage.DiskImage;
import java.io.PrintStream;
import org.jspecify.annotations.Nullable;

/** The image that is open, and where output goes. One thread. */
final class Session {

    final PrintStream out;
    final PrintStream err;
    private @Nullable DiskImage image;
    private @Nullable ImageSpec spec;
    private ImageStore.Mode mode;
    private boolean quit;

    Session(PrintStream out, PrintStream err, ImageStore.Mode mode) {
        this.out = out;
        this.err = err;
        this.mode = mode;
    }

    /** Opens {@code wanted}; says why where it cannot. */
    boolean open(ImageSpec wanted, ImageStore.Mode mode) {
        if (image != null) {
            complain("file open already, try 'help close'");
            return false;
        }
        try {
            image = ImageStore.open(wanted, mode);
            spec = wanted;
            this.mode = mode;
            return true;
        } catch (CommandFailure failure) {
            out.flush();
            complain("can't open" + (wanted.name().isEmpty() ? "" : " device " + wanted.name()) + ": " + failure
                    .getMessage());
            return false;
        }
    }

    void close() {
        DiskImage open = image;
        image = null;
        if (open != null) {
            open.close();
        }
    }

    /** Opens the same image again in another way. */
    boolean reopen(ImageStore.Mode mode) {
        ImageSpec same = spec;
        close();
        return same != null && open(same, mode);
    }

    boolean isOpen() {
        return image != null;
    }

    DiskImage image() {
        DiskImage open = image;
        if (open == null) {
            throw new IllegalStateException("No image is open");
        }
        return open;
    }

    ImageStore.Mode mode() {
        return mode;
    }

    void say(String text) {
        out.println(text);
    }

    /** A message in the tool's name. */
    void complain(String text) {
        out.flush();
        err.println(Program.name() + ": " + text);
    }

    void quit() {
        quit = true;
    }

    boolean hasQuit() {
        return quit;
    }
}
