package dev.vz.benchmarks;

import dev.vz.bus.AddressRange;
import dev.vz.bus.BusDevice;
import dev.vz.bus.IoBus;
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
import org.openjdk.jmh.annotations.Warmup;

/** From an address to its device: a bus with as many devices as a PC has. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class BusDispatch {

    private static final int DEVICES = 16;

    private final IoBus bus = new IoBus("port");
    private final Register register = new Register();
    private int port;

    /** Attaches the devices. */
    @Setup(Level.Trial)
    public void attach() {
        for (int i = 0; i < DEVICES; i++) {
            bus.attach(new AddressRange(0x100L * i, 8), i == 7 ? register : new Register());
        }
    }

    private int next() {
        port = port + 0x100 & 0xFFF;
        return port;
    }

    /** A read that a device answers. */
    @Benchmark
    public long read() {
        return bus.read(next(), 1);
    }

    /** A write that a device takes. */
    @Benchmark
    public boolean write() {
        return bus.write(next(), 1, 7);
    }

    /** A read that nobody answers. */
    @Benchmark
    public long readNobody() {
        return bus.read(next() + 8, 1);
    }

    /** The device without the bus. */
    @Benchmark
    public long readDevice() {
        return register.read(next() & 7, 1);
    }

    private static final class Register implements BusDevice {
        private long value = 1;

        @Override
        public long read(long offset, int size) {
            return value >>> offset;
        }

        @Override
        public void write(long offset, int size, long written) {
            value = written;
        }
    }
}
