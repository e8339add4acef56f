package dev.vz.benchmarks.virtio;

import dev.vz.memory.GuestMemory;
import dev.vz.virtio.queue.DescriptorChain;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.queue.QueueLayout;
import dev.vz.virtio.queue.Virtqueue;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Requests through a queue: made available, taken and given back, 64 at a time, with the driver's part in the figure. Bytes
 * allocated per request: {@code -prof gc}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class QueueOperations {

    private static final int SIZE = 256;
    private static final int BATCH = 64;
    private static final long DESCRIPTORS = 0x1000;
    private static final long AVAIL = 0x4000;
    private static final long USED = 0x8000;
    private static final long DATA = 0x10000;

    /** The queue's format. */
    @Param({"split", "packed"})
    private String format = "split";

    private final GuestMemory memory = GuestMemory.ofSize(1 << 20);
    private final DescriptorChain chain = new DescriptorChain();
    private Virtqueue queue = queue(false);
    private int at;
    private boolean wrap = true;

    private Virtqueue queue(boolean packed) {
        return Virtqueue.of(new QueueLayout(SIZE, SIZE, DESCRIPTORS, AVAIL, USED,
                new QueueFeatures(true, true, packed, true, false)), memory);
    }

    /** Makes the rings. */
    @Setup(Level.Trial)
    public void begin() {
        boolean packed = format.equals("packed");
        queue = queue(packed);
        for (int i = 0; i < SIZE; i++) {
            long descriptor = DESCRIPTORS + 16L * i;
            memory.writeLong(descriptor, DATA + 2048L * (i & 127));
            memory.writeInt(descriptor + 8, 1526);
            if (!packed) {
                memory.writeShort(AVAIL + 4 + 2L * i, (short) i);
            }
        }
    }

    /** Frees the memory. */
    @TearDown(Level.Trial)
    public void end() {
        memory.close();
    }

    /** One request there and back. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public int request() {
        if (format.equals("packed")) {
            offerPacked();
        } else {
            at = at + BATCH & 0xFFFF;
            memory.writeShortRelease(AVAIL + 2, (short) at);
        }
        int done = 0;
        while (queue.next(chain)) {
            queue.add(chain, 0);
            done++;
        }
        if (done != BATCH) {
            throw new IllegalStateException(done + " of " + BATCH + " requests: " + queue.fault());
        }
        return queue.publish() ? done : 0;
    }

    private void offerPacked() {
        for (int i = 0; i < BATCH; i++) {
            long descriptor = DESCRIPTORS + 16L * at;
            memory.writeShort(descriptor + 12, (short) at);
            memory.writeInt(descriptor + 8, 1526);
            memory.writeShortRelease(descriptor + 14, (short) (wrap ? 0x80 : 0x8000));
            if (++at == SIZE) {
                at = 0;
                wrap = !wrap;
            }
        }
    }
}
