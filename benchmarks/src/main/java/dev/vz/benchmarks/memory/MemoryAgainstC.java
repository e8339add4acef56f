package dev.vz.benchmarks.memory;

import dev.vz.benchmarks.CProgram;
import dev.vz.benchmarks.Comparison;
import dev.vz.linux.thread.NativeThread;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.Objects;

/**
 * Times typed accesses and copies through {@link GuestMemory} against a C program that has guest memory in two regions,
 * too, and searches and checks them for every access. In turns, on one processor; prints medians and ratios.
 *
 * <pre>
 * java --enable-native-access=ALL-UNNAMED -cp benchmarks/target/benchmarks.jar \
 *     dev.vz.benchmarks.memory.MemoryAgainstC [TURNS] [ROUNDS]
 * </pre>
 */
public final class MemoryAgainstC {

    private static final long REGION = 16L << 20;
    private static final long HIGH = 4L << 30;
    private static final int SMALL = 16 << 10;
    private static final int PAGES = 64;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final GuestMemory memory = GuestMemory.of(region(0), region(HIGH));
    /** Where a device keeps what it has read. Half a page off the guest's pages, so that no load seems to follow a store to its own address. */
    private final MemorySegment buffer = Arena.global().allocate(SMALL + 2048, 4096).asSlice(2048);
    private final MemorySegment page = buffer.asSlice(0, 4096);
    private final MemorySegment line = buffer.asSlice(0, 64);
    private long sum;

    private MemoryAgainstC() {
        memory.fill(0, REGION, (byte) 1);
        memory.fill(HIGH, REGION, (byte) 1);
    }

    private static MemoryRegion region(long start) {
        MemoryRequest request = MemoryRequest.of(REGION);
        return MemoryRegion.of(start, MemoryAllocator.preferred(request).allocate(request));
    }

    /**
     * Runs the comparison.
     *
     * @param arguments how many turns (11), and how many rounds of each access a turn has (20000)
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        int turns = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 11;
        int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 20_000;
        int processor = NativeThread.affinity(0).length() - 1;
        var table = new Comparison("C", "Java");
        try (var program = new CProgram(MemoryAgainstC.class, "memory.c")) {
            var java = new MemoryAgainstC();
            // Until it is compiled: also what runs once for a round, and a method that is called often, too.
            for (int i = 0; i < 40; i++) {
                java.run(rounds / 4, new Comparison("Java"));
            }
            var one = new BitSet();
            one.set(processor);
            NativeThread.setAffinity(0, one);
            for (int i = 0; i < turns; i++) {
                table.addLines("C", program.run(processor, rounds));
                java.run(rounds, table);
            }
            if (java.sum == 0) {
                throw new IllegalStateException("nothing was read");
            }
            java.memory.close();
        }
        table.print(turns);
    }

    private void run(int rounds, Comparison table) {
        time("read-32", (long) rounds * SMALL / 4, () -> readInts(rounds), table);
        time("write-32", (long) rounds * SMALL / 4, () -> writeInts(rounds), table);
        time("descriptor", (long) rounds * SMALL / 16, () -> descriptors(rounds), table);
        time("descriptor-of-slice", (long) rounds * SMALL / 16, () -> sliced(rounds), table);
        time("read-32-random", rounds * 256L, () -> random(rounds * 256), table);
        time("copy-out-64", (long) rounds * SMALL / 64, () -> linesOut(rounds), table);
        time("copy-in-64", (long) rounds * SMALL / 64, () -> linesIn(rounds), table);
        time("copy-out-4096", rounds, () -> pagesOut(rounds), table);
        time("copy-in-4096", rounds, () -> pagesIn(rounds), table);
    }

    private static void time(String operation, long operations, Runnable body, Comparison table) {
        long start = System.nanoTime();
        body.run();
        table.add("Java", operation, (double) (System.nanoTime() - start) / operations);
    }

    private void readInts(int rounds) {
        long total = 0;
        for (int i = 0; i < rounds; i++) {
            for (int at = 0; at < SMALL; at += 4) {
                total += memory.readInt(HIGH + at);
            }
        }
        sum += total;
    }

    private void writeInts(int rounds) {
        for (int i = 0; i < rounds; i++) {
            for (int at = 0; at < SMALL; at += 4) {
                memory.writeInt(HIGH + at, i);
            }
        }
    }

    /** As a virtqueue's descriptor is read: 64 bits, 32, 16, 16. */
    private void descriptors(int rounds) {
        long total = 0;
        for (int i = 0; i < rounds; i++) {
            for (int at = 0; at < SMALL; at += 16) {
                total += memory.readLong(HIGH + at) + memory.readInt(HIGH + at + 8) + memory.readShort(HIGH + at + 12)
                        + memory.readShort(HIGH + at + 14);
            }
        }
        sum += total;
    }

    /** The same from a view that is taken once, as a device takes its queue's table. */
    private void sliced(int rounds) {
        MemorySegment table = Objects.requireNonNull(memory.slice(HIGH, SMALL));
        long total = 0;
        for (int i = 0; i < rounds; i++) {
            for (int at = 0; at < SMALL; at += 16) {
                total += table.get(LONG, at) + table.get(INT, at + 8) + table.get(SHORT, at + 12)
                        + table.get(SHORT, at + 14);
            }
        }
        sum += total;
    }

    private void random(int reads) {
        long total = 0;
        long random = 1;
        for (int i = 0; i < reads; i++) {
            random = random * 6364136223846793005L + 1442695040888963407L;
            total += memory.readInt((random >>> 20 & REGION - 4) + (random >>> 63) * HIGH);
        }
        sum += total;
    }

    private void linesOut(int rounds) {
        long total = 0;
        for (int i = 0; i < rounds; i++) {
            for (int at = 0; at < SMALL; at += 64) {
                memory.read(HIGH + at, line);
                total += line.get(ValueLayout.JAVA_BYTE, 0);
            }
        }
        sum += total;
    }

    private void linesIn(int rounds) {
        for (int i = 0; i < rounds; i++) {
            for (int at = 0; at < SMALL; at += 64) {
                line.set(ValueLayout.JAVA_BYTE, 0, (byte) i);
                memory.write(HIGH + at, line);
            }
        }
    }

    private void pagesOut(int rounds) {
        long total = 0;
        for (int i = 0; i < rounds; i++) {
            memory.read(HIGH + i % PAGES * 4096L, page);
            total += page.get(ValueLayout.JAVA_BYTE, i % 4096);
        }
        sum += total;
    }

    private void pagesIn(int rounds) {
        for (int i = 0; i < rounds; i++) {
            page.set(ValueLayout.JAVA_BYTE, i % 4096, (byte) i);
            memory.write(HIGH + i % PAGES * 4096L, page);
        }
    }
}
