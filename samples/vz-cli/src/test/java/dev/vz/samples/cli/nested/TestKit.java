package dev.vz.samples.cli.nested;

import dev.vz.error.VzException;
import dev.vz.samples.cli.kit.CacheFolder;
import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.samples.cli.kit.Progress;
import dev.vz.testing.Peers;
import java.nio.file.Path;

/** The guest kit that the tests share, in the build's own folder: fetched once, by the code under test. */
final class TestKit {

    private TestKit() {}

    static CacheFolder cache() {
        return new CacheFolder(Path.of(System.getProperty("vz.cli.target"), "test-cache"));
    }

    /** The kit; the test goes on only if apt can fetch it here. */
    static DebianGuestKit fetched() {
        try {
            return DebianGuestKit.in(cache(), Progress.SILENT);
        } catch (VzException failure) {
            Peers.require(false, "the Debian guest kit cannot be fetched: " + failure.getMessage());
            throw failure;
        }
    }
}
