package dev.vz.testing;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.opentest4j.TestAbortedException;

/**
 * What a test needs of the host: a device, a program, a privilege.
 *
 * <p>
 * A test whose peer is missing is skipped with the reason. With the environment variable {@code VZ_REQUIRE_PEERS=1} it
 * fails instead, so that a build that promises to have run everything has.
 */
public final class Peers {

    private static final boolean REQUIRED = "1".equals(System.getenv("VZ_REQUIRE_PEERS"));

    private Peers() {}

    /** Goes on only if {@code present}; otherwise the test is skipped, or fails, with {@code reason}. */
    public static void require(boolean present, String reason) {
        if (present) {
            return;
        }
        if (REQUIRED) {
            fail("A peer that VZ_REQUIRE_PEERS=1 demands is missing: " + reason);
        }
        throw new TestAbortedException(reason);
    }

    /** The program of that name on the PATH, or in the folders for system programs. */
    public static Optional<Path> find(String program) {
        var folders = new ArrayList<>(List.of(System.getenv().getOrDefault("PATH", "").split(":")));
        folders.addAll(List.of("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/libexec", "/usr/lib/qemu"));
        return folders.stream().filter(folder -> !folder.isEmpty()).map(folder -> Path.of(folder, program))
                .filter(Files::isExecutable).findFirst();
    }

    /** Goes on only if {@code program} is installed. */
    public static Path program(String program, String debianPackage) {
        Optional<Path> found = find(program);
        require(found.isPresent(), program + " is not installed (apt-get install " + debianPackage + ")");
        return found.orElseThrow();
    }

    /** Goes on only if {@code /dev/kvm} can be opened for reading and writing. */
    public static void kvm() {
        Path device = Path.of("/dev/kvm");
        require(Files.isReadable(device) && Files.isWritable(device),
                "/dev/kvm cannot be opened (load the kvm module, or add the user to group kvm)");
    }

    /** Goes on only if the test runs as root, as network namespaces and TAPs need. */
    public static void root() {
        require(isRoot(), "not running as root");
    }

    private static boolean isRoot() {
        try {
            return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        } catch (IOException | UnsupportedOperationException failure) {
            return false;
        }
    }
}
