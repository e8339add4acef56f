package dev.vz.emulator.translator;

import dev.vz.error.HostException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Whether regions are checked against the interpreter while a machine runs, which a system property asks for, and how many
 * times that was done. For machines with one processor. Any thread.
 */
final class LockstepReport {

    /** System property: the file that is told how much was compared, now and then; without it nothing is compared. */
    static final String PROPERTY = "dev.vz.emulator.lockstep";
    private static final int REPORT_MASK = 0xFF;

    private final Path file;
    private final AtomicLong executions = new AtomicLong();
    private final AtomicLong instructions = new AtomicLong();

    private LockstepReport(Path file) {
        this.file = file;
    }

    /** The report that the system property asks for. */
    static @Nullable LockstepReport ofProperty() {
        String name = System.getProperty(PROPERTY);
        return name == null ? null : new LockstepReport(Path.of(name));
    }

    /** So many more instructions were found to do the same. */
    void compared(long count) {
        long sum = instructions.addAndGet(count);
        long times = executions.incrementAndGet();
        if ((times & REPORT_MASK) == 0) {
            try {
                Files.writeString(file, times + " " + sum + "\n");
            } catch (IOException e) {
                throw new HostException("writing what the system property " + PROPERTY + " names", file.toString(), e);
            }
        }
    }
}
