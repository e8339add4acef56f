package dev.vz.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Waits for programs that listen at Unix sockets. */
public final class Listeners {

    private static final Path SOCKETS = Path.of("/proc/net/unix");
    /** {@code SO_ACCEPTCON} in the kernel's list. */
    private static final String LISTENS = "00010000";

    private Listeners() {}

    /**
     * Waits until {@code process} listens at {@code socket}, for a minute or two; the test fails with what is in {@code log} if
     * it ends instead. The socket's file is there a moment before anybody can connect to it, so the kernel is asked.
     */
    public static void await(Process process, Path socket, Path log) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
        while (!listens(socket)) {
            if (!process.isAlive() || System.nanoTime() > end) {
                throw new AssertionError("Nobody listens at " + socket + "; " + process.info().command().orElse("")
                        + " "
                        + (process.isAlive() ? "runs" : "has ended with status " + process.exitValue()) + " and says: "
                        + (Files.exists(log) ? Files.readString(log) : "nothing"));
            }
            Thread.sleep(5);
        }
    }

    /**
     * Whether a program listens at a Unix socket. The file alone does not tell: it is there from bind(2) on, and whoever
     * connects before listen(2) is refused.
     */
    public static boolean listens(Path socket) {
        String name = " " + socket;
        try (Stream<String> lines = Files.lines(SOCKETS)) {
            return lines.anyMatch(line -> line.endsWith(name) && line.split(" +")[3].equals(LISTENS));
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
