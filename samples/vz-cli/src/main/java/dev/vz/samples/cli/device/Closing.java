package dev.vz.samples.cli.device;

import dev.vz.error.HostException;
import dev.vz.error.VzException;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** Closes several things, every one of them whatever the others do. */
final class Closing {

    private Closing() {}

    /** Closes {@code parts} in their order and empties them; the first failure is thrown, the others go with it. */
    static void all(Deque<AutoCloseable> parts) {
        @Nullable
        VzException failure = null;
        while (!parts.isEmpty()) {
            AutoCloseable part = parts.pop();
            try {
                part.close();
            } catch (Exception error) {
                if (error instanceof InterruptedException) {
                    Thread.currentThread().interrupt();
                }
                VzException next = error instanceof VzException known
                        ? known
                        : new HostException("close", part.toString(), error);
                if (failure == null) {
                    failure = next;
                } else {
                    failure.addSuppressed(next);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
