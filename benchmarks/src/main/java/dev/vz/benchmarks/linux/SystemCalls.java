package dev.vz.benchmarks.linux;

import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.memory.MappedMemory;
import dev.vz.linux.memory.Mapping;
import dev.vz.linux.memory.MemoryFile;
import java.nio.file.Path;
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

/** The cheapest calls there are, where what Java adds weighs most. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SystemCalls implements AutoCloseable {

    // asm-generic/ioctls.h: sets the close-on-exec flag, which is set already. The kernel does next to nothing.
    private static final long FIOCLEX = 0x5451;
    private static final long UNKNOWN = 0x7a7a;

    private final FileDescriptor nothing = FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ);
    private final EventFd event = EventFd.nonBlocking();
    private final EventFd watched = EventFd.nonBlocking();
    private final MemoryFile file = MemoryFile.create("benchmark", MappedMemory.PAGE);
    private final MappedMemory memory = MappedMemory.map(Mapping.anonymous(MappedMemory.PAGE));
    private final EpollLoop loop = new EpollLoop("benchmark");
    private long taken;

    /** Lets the loop wait for the eventfd. */
    @Setup(Level.Trial)
    public void register() {
        loop.register(watched.descriptor(), Readiness.IN, (registration, readiness) -> taken += watched.take());
    }

    /** Closes what was opened. */
    @TearDown(Level.Trial)
    @Override
    public void close() {
        loop.close();
        memory.close();
        file.close();
        watched.close();
        event.close();
        nothing.close();
    }

    /** An ioctl that succeeds. */
    @Benchmark
    public int ioctl() {
        return Ioctl.call(nothing, FIOCLEX, 0);
    }

    /** An ioctl that fails, so that errno is read. */
    @Benchmark
    public int ioctlErrno() {
        return Ioctl.call(nothing, UNKNOWN, 0);
    }

    /** An ioctl that is handed a structure in memory shared between threads. */
    @Benchmark
    public int ioctlSegment() {
        return Ioctl.call(nothing, FIOCLEX, memory.segment());
    }

    /** A signal to an eventfd, and its taking. */
    @Benchmark
    public long eventfdRound() {
        event.signal();
        return event.take();
    }

    /** A sector read into memory shared between threads. */
    @Benchmark
    public long pread512() {
        return FileIo.pread(file.descriptor(), 1024, memory.segment(), 0, 512);
    }

    /** A signal to an eventfd, its way through an event loop, and its taking by the handler. */
    @Benchmark
    public long epollRound() {
        watched.signal();
        if (loop.poll(-1) != 1) {
            throw new IllegalStateException("the event was lost");
        }
        return taken;
    }

    /** Fails unless the calls do what they are timed for. */
    void check() {
        if (ioctl() != 0 || ioctlSegment() != 0 || ioctlErrno() != -Errno.ENOTTY || eventfdRound() != 1
                || pread512() != 512) {
            throw new IllegalStateException("a system call does not do what it is timed for");
        }
    }
}
