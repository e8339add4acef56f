package dev.vz.conformance;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestWatcher;
import org.junit.jupiter.api.extension.TestInstancePreDestroyCallback;

/** Counts what passed, failed and was skipped and why, and says so at the end: a run in which much was skipped shows. */
final class ConformanceReport implements TestWatcher, TestInstancePreDestroyCallback, AfterAllCallback {

    private static final System.Logger LOGGER = System.getLogger("dev.vz.conformance");

    private int passed;
    private int failed;
    private final Map<String, Integer> skipped = new TreeMap<>();
    private String name = "?";

    @Override
    public synchronized void preDestroyTestInstance(ExtensionContext context) {
        name = ((HypervisorConformance) context.getRequiredTestInstance()).hypervisor().name();
    }

    @Override
    public synchronized void testSuccessful(ExtensionContext context) {
        passed++;
    }

    @Override
    public synchronized void testFailed(ExtensionContext context, Throwable cause) {
        failed++;
    }

    @Override
    public synchronized void testAborted(ExtensionContext context, Throwable cause) {
        skipped.merge(String.valueOf(cause.getMessage()), 1, Integer::sum);
    }

    @Override
    public synchronized void testDisabled(ExtensionContext context, Optional<String> reason) {
        skipped.merge(reason.orElse("disabled"), 1, Integer::sum);
    }

    @Override
    public synchronized void afterAll(ExtensionContext context) {
        int without = skipped.values().stream().mapToInt(Integer::intValue).sum();
        String reasons = skipped.entrySet().stream().map(e -> e.getValue() + " because " + e.getKey())
                .collect(Collectors.joining("; "));
        LOGGER.log(System.Logger.Level.INFO, "conformance: " + name + " ran " + (passed + failed) + " of "
                + (passed + failed + without) + " expectations, " + passed + " passed, " + failed + " failed, "
                + without
                + " skipped" + (without == 0 ? "" : ": " + reasons));
    }
}
