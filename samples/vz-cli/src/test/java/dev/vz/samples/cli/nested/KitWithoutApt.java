package dev.vz.samples.cli.nested;

import dev.vz.error.VzException;
import dev.vz.samples.cli.kit.CacheFolder;
import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.samples.cli.kit.Progress;
import java.nio.file.Path;

/** A program of its own that asks for the guest kit: {@link CommandIT} starts it without a PATH. */
public final class KitWithoutApt {

    private KitWithoutApt() {}

    /** Asks for the kit in the cache folder that the argument names; status 1 and the message if it cannot be had. */
    public static void main(String[] arguments) {
        try {
            DebianGuestKit.in(new CacheFolder(Path.of(arguments[0])), Progress.SILENT);
        } catch (VzException failure) {
            System.err.println(failure.getMessage());
            System.exit(1);
        }
    }
}
