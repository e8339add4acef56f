package dev.vz.machine.pci;

import dev.vz.pci.MsixTable;
import dev.vz.pci.PciBar;
import dev.vz.pci.PciFunction;
import java.util.List;
import java.util.Optional;

/**
 * The host bridge as it shows itself on its own bus: function 00:00.0, with a header and nothing behind it. Guests look for
 * one to be sure that configuration accesses work. Thread-safe.
 */
final class HostBridgeFunction implements PciFunction {

    /** The generic host bridge of virtual machines, which no driver has quirks for. */
    private static final int IDENTITY = 0x0008_1B36;
    private static final int CLASS = 0x06_00_00;
    private static final int COMMAND = 0x04;
    private static final int COMMAND_BITS = 0x7;

    private volatile int command;

    HostBridgeFunction() {
        reset();
    }

    @Override
    public String name() {
        return "PCI host bridge";
    }

    @Override
    public List<PciBar> bars() {
        return List.of();
    }

    @Override
    public Optional<MsixTable> msix() {
        return Optional.empty();
    }

    @Override
    public int readConfig(int offset, int size) {
        int word = switch (offset & ~3) {
            case 0x00 -> IDENTITY;
            case COMMAND -> command;
            case 0x08 -> CLASS << 8;
            case 0x2C -> IDENTITY; // subsystem: the same once more
            default -> 0;
        };
        return word >>> 8 * (offset & 3) & (int) (0xFFFF_FFFFL >>> 32 - 8 * size);
    }

    @Override
    public void writeConfig(int offset, int size, int value) {
        if (offset == COMMAND) {
            command = value & COMMAND_BITS;
        }
    }

    @Override
    public void reset() {
        // It passes accesses on from the start.
        command = COMMAND_BITS;
    }

    @Override
    public String toString() {
        return name();
    }
}
