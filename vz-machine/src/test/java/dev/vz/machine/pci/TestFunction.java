package dev.vz.machine.pci;

import dev.vz.bus.BusDevice;
import dev.vz.pci.MsixTable;
import dev.vz.pci.PciBar;
import dev.vz.pci.PciFunction;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** A function with a 64-byte header whose register blocks remember what is written to them. */
final class TestFunction implements PciFunction.Located, AutoCloseable {

    private final String name;
    private final List<PciBar> bars = new ArrayList<>();
    private final byte[] config = new byte[64];
    final Map<Integer, OptionalLong> places = new HashMap<>();
    int resets;
    int closes;

    TestFunction(String name) {
        this.name = name;
        put(0, 4, 0x1234_1AF4);
    }

    TestFunction with(int index, PciBar.Kind kind, long size) {
        bars.add(new PciBar(index, kind, size, false, new Memory(name + " BAR " + index)));
        put(0x10 + 4 * index, 4, kind == PciBar.Kind.PORT ? 1 : kind == PciBar.Kind.MEMORY64 ? 4 : 0);
        return this;
    }

    /** A word of memory at each offset. */
    private static final class Memory implements BusDevice {
        private final String name;
        private final Map<Long, Long> words = new HashMap<>();

        Memory(String name) {
            this.name = name;
        }

        @Override
        public synchronized long read(long offset, int size) {
            return words.getOrDefault(offset, 0L);
        }

        @Override
        public synchronized void write(long offset, int size, long value) {
            words.put(offset, value);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public List<PciBar> bars() {
        return bars;
    }

    @Override
    public Optional<MsixTable> msix() {
        return Optional.empty();
    }

    @Override
    public synchronized int readConfig(int offset, int size) {
        int value = 0;
        for (int i = 0; i < size && offset + i < config.length; i++) {
            value |= (config[offset + i] & 0xFF) << 8 * i;
        }
        return value;
    }

    @Override
    public synchronized void writeConfig(int offset, int size, int value) {
        for (int i = 0; i < size && offset + i < config.length; i++) {
            int at = offset + i;
            int mask = writable(at);
            config[at] = (byte) (config[at] & ~mask | value >>> 8 * i & mask);
        }
    }

    private int writable(int at) {
        if (at == 4) {
            return 7;
        }
        for (PciBar bar : bars) {
            int register = 0x10 + 4 * bar.index();
            int width = bar.kind() == PciBar.Kind.MEMORY64 ? 8 : 4;
            if (at >= register && at < register + width) {
                return (int) (-bar.size() >>> 8 * (at - register)) & 0xFF;
            }
        }
        return 0;
    }

    private void put(int offset, int size, int value) {
        for (int i = 0; i < size; i++) {
            config[offset + i] = (byte) (value >>> 8 * i);
        }
    }

    @Override
    public void reset() {
        resets++;
        config[4] = 0;
        for (PciBar bar : bars) {
            writeConfig(0x10 + 4 * bar.index(), 4, 0);
        }
    }

    @Override
    public void located(int index, OptionalLong address) {
        places.put(index, address);
    }

    @Override
    public void close() {
        closes++;
    }

    @Override
    public String toString() {
        return name;
    }
}
