package dev.vz.linux.memory;

import dev.vz.error.HostException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * How a range of this process's addresses is held, as {@code /proc/self/smaps} tells it. In bytes; each number counts all
 * mappings that overlap the range.
 *
 * @param resident     in memory and mapped here: {@code Rss}
 * @param proportional the same, shared pages counted in part: {@code Pss}
 * @param hugePages    of {@code resident}, on transparent huge pages
 * @param swapped      in swap
 * @param locked       kept from swap by {@link MappedMemory#lock}
 */
public record MemoryUsage(long resident, long proportional, long hugePages, long swapped, long locked) {

    private static final Path SMAPS = Path.of("/proc/self/smaps");
    private static final int KIB = 1024;

    /** Asks for {@code [address, address + size)} of this process. Costs as much as the process has mappings. */
    public static MemoryUsage of(long address, long size) {
        try (Stream<String> lines = Files.lines(SMAPS)) {
            return parse(lines, address, size);
        } catch (IOException failure) {
            throw new HostException("reading", SMAPS.toString(), failure);
        }
    }

    static MemoryUsage parse(Stream<String> smaps, long address, long size) {
        var sum = new long[5];
        boolean[] within = {false};
        smaps.forEach(line -> {
            int dash = line.indexOf('-');
            int space = line.indexOf(' ');
            // A mapping starts with "from-to permissions ..."; its numbers follow as "Name:   123 kB".
            if (dash > 0 && space > dash && line.lastIndexOf(':', dash) < 0) {
                long from = Long.parseUnsignedLong(line, 0, dash, 16);
                long to = Long.parseUnsignedLong(line, dash + 1, space, 16);
                within[0] = Long.compareUnsigned(from, address + size) < 0 && Long.compareUnsigned(to, address) > 0;
            } else if (within[0]) {
                add(sum, line);
            }
        });
        return new MemoryUsage(sum[0], sum[1], sum[2], sum[3], sum[4]);
    }

    private static void add(long[] sum, String line) {
        int index = switch (line.substring(0, Math.max(0, line.indexOf(':')))) {
            case "Rss" -> 0;
            case "Pss" -> 1;
            case "AnonHugePages", "ShmemPmdMapped", "FilePmdMapped" -> 2;
            case "Swap" -> 3;
            case "Locked" -> 4;
            default -> -1;
        };
        if (index >= 0 && line.endsWith(" kB")) {
            sum[index] += Long.parseLong(line.substring(line.indexOf(':') + 1, line.length() - 3).strip()) * KIB;
        }
    }
}
