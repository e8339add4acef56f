package dev.vz.samples.cli.bench;

import dev.vz.error.GuestException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a JVM has of the host's memory, in bytes, as its Native Memory Tracking tells. The guest's memory is not in it: it is
 * mapped behind the JVM's back.
 *
 * @param committed of each category, in the order of the report
 * @param total     of all of them
 */
record JvmMemory(Map<String, Long> committed, long total) {

    private static final Pattern CATEGORY = Pattern
            .compile("- +([A-Z][A-Za-z ]+) \\(reserved=\\d+KB, committed=(\\d+)KB.*");
    private static final Pattern TOTAL = Pattern.compile("Total: reserved=\\d+KB, committed=(\\d+)KB.*");
    /** One for each generation of the heap. */
    private static final Pattern GENERATION = Pattern.compile(".*\\btotal \\d+K, used (\\d+)K.*");

    /** Reads the answer to {@code jcmd VM.native_memory summary scale=KB}. */
    static JvmMemory of(List<String> lines) {
        var committed = new LinkedHashMap<String, Long>();
        long total = -1;
        for (String line : lines) {
            Matcher category = CATEGORY.matcher(line.strip());
            Matcher all = TOTAL.matcher(line.strip());
            if (category.matches()) {
                committed.put(category.group(1), Long.parseLong(category.group(2)) << 10);
            } else if (all.matches()) {
                total = Long.parseLong(all.group(1)) << 10;
            }
        }
        if (total < 0 || !committed.containsKey("Java Heap")) {
            throw new GuestException("The JVM's report of its memory is not of the expected form; it begins with: "
                    + String.join(" | ", lines.subList(0, Math.min(4, lines.size()))));
        }
        return new JvmMemory(committed, total);
    }

    /** The bytes in use by the heap, read from the answer to {@code jcmd GC.heap_info}. */
    static long heapUsed(List<String> lines) {
        long sum = 0;
        boolean any = false;
        for (String line : lines) {
            Matcher found = GENERATION.matcher(line);
            if (found.matches()) {
                any = true;
                sum += Long.parseLong(found.group(1)) << 10;
            }
        }
        if (!any) {
            throw new GuestException("The JVM's report of its heap is not of the expected form: "
                    + String.join(" | ", lines));
        }
        return sum;
    }
}
