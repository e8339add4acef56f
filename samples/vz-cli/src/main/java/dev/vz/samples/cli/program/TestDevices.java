package dev.vz.samples.cli.program;

import dev.vz.bus.AddressRange;
import dev.vz.bus.BusDevice;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.machine.BuiltMachine;

/**
 * What test programs expect of their machine beside a PC's own devices: a port that remembers, a port for each interrupt
 * input, registers in memory that remember, and the two items of a firmware configuration that they ask for.
 */
final class TestDevices {

    private static final int LATCH = 0xE0;
    private static final int FLUSH = 0xE4;
    private static final int CONFIGURATION = 0x510;
    private static final int INPUTS = 0x2000;
    private static final int INPUT_COUNT = 24;
    private static final long REGISTERS = 0xFF00_0000L;
    private static final int REGISTER_BYTES = 0x1_0000;

    private TestDevices() {}

    static void attach(BuiltMachine machine, int cpus, long memory) {
        machine.ports().attach(new AddressRange(LATCH, 4), new Remembering(4));
        // A page named here is to be forgotten by the hypervisor. Guest memory here is always in place.
        machine.ports().attach(new AddressRange(FLUSH, 4), new Remembering(4));
        machine.ports().attach(new AddressRange(CONFIGURATION, 2), new Configuration(cpus, memory));
        machine.mmio().attach(new AddressRange(REGISTERS, REGISTER_BYTES), new Remembering(REGISTER_BYTES));
        machine.ports().attach(new AddressRange(INPUTS, INPUT_COUNT), new Inputs(machine.virtualMachine()));
    }

    /** Bytes that read as they were written. */
    private static final class Remembering implements BusDevice {
        private final byte[] bytes;

        Remembering(int count) {
            bytes = new byte[count];
        }

        @Override
        public synchronized long read(long offset, int size) {
            long value = 0;
            for (int i = 0; i < size; i++) {
                value |= (bytes[(int) offset + i] & 0xFFL) << 8 * i;
            }
            return value;
        }

        @Override
        public synchronized void write(long offset, int size, long value) {
            for (int i = 0; i < size; i++) {
                bytes[(int) offset + i] = (byte) (value >>> 8 * i);
            }
        }
    }

    /** Port {@code n} is the level of interrupt input {@code n}. */
    private record Inputs(VirtualMachine machine) implements BusDevice {
        @Override
        public long read(long offset, int size) {
            return 0;
        }

        @Override
        public void write(long offset, int size, long value) {
            machine.line((int) offset).set(value != 0);
        }
    }

    /** A selector, and the chosen item byte after byte: item 3 is the size of memory, item 5 the number of processors. */
    private static final class Configuration implements BusDevice {
        private static final int MEMORY_SIZE = 3;
        private static final int PROCESSORS = 5;

        private final int cpus;
        private final long memory;
        private long item;

        Configuration(int cpus, long memory) {
            this.cpus = cpus;
            this.memory = memory;
        }

        @Override
        public synchronized long read(long offset, int size) {
            long value = item & 0xFF;
            item >>>= 8;
            return offset == 1 ? value : 0;
        }

        @Override
        public synchronized void write(long offset, int size, long value) {
            if (offset == 0) {
                item = switch ((int) value & 0xFFFF) {
                    case MEMORY_SIZE -> memory;
                    case PROCESSORS -> cpus;
                    default -> 0;
                };
            }
        }
    }
}
