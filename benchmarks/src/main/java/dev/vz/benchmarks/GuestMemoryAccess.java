package dev.vz.benchmarks;

import dev.vz.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Typed access and bulk copy through {@link GuestMemory}, beside the same on a bare segment. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class GuestMemoryAccess {

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final long SIZE = 16L << 20;
    private static final long MASK = SIZE - 1 & ~7L;

    private final GuestMemory memory = GuestMemory.ofSize(SIZE);
    private MemorySegment bare = MemorySegment.NULL;
    private MemorySegment page = MemorySegment.NULL;
    private long address;

    /** Native memory of the same size, and a page to copy from. */
    @Setup(Level.Trial)
    public void allocate() {
        bare = Arena.global().allocate(SIZE, 4096);
        page = Arena.global().allocate(4096, 4096);
    }

    /** Gives the guest's memory back. */
    @TearDown(Level.Trial)
    public void release() {
        memory.close();
    }

    private long next() {
        address = address + 0x1_0008 & MASK;
        return address;
    }

    /** 32 bits of guest memory. */
    @Benchmark
    public int readInt() {
        return memory.readInt(next());
    }

    /** 32 bits of a segment. */
    @Benchmark
    public int readIntBare() {
        return bare.get(INT, next());
    }

    /** 32 bits into guest memory. */
    @Benchmark
    public void writeInt() {
        memory.writeInt(next(), 42);
    }

    /** 32 bits into a segment. */
    @Benchmark
    public void writeIntBare() {
        bare.set(INT, next(), 42);
    }

    /** 4 KiB into guest memory. */
    @Benchmark
    public void copyPage() {
        memory.write(next() & ~4095L, page);
    }

    /** 4 KiB into a segment. */
    @Benchmark
    public void copyPageBare() {
        MemorySegment.copy(page, 0, bare, next() & ~4095L, 4096);
    }
}
