package dev.vz.machine.pci;

import dev.vz.bus.IoBus;
import dev.vz.error.ConfigurationException;
import dev.vz.pci.PciAddress;
import dev.vz.pci.PciFunction;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Bus 0: 32 devices with one function each. Configuration accesses come from vCPU threads, several at a time; they find the
 * function without a lock. What moves registers is done by one thread after the other.
 */
final class PciBus {

    static final int DEVICES = 32;

    private final IoBus ports;
    private final IoBus mmio;
    private final PciWindows windows;
    /** Held while functions come and go and registers move; never while a function works on a configuration write. */
    private final ReentrantLock moves = new ReentrantLock();
    /** By device number; replaced as a whole. */
    private volatile @Nullable FunctionSlot[] slots = new FunctionSlot[DEVICES];

    PciBus(IoBus ports, IoBus mmio, PciWindows windows) {
        this.ports = ports;
        this.mmio = mmio;
        this.windows = windows;
    }

    // ------------------------------------------------------------------------------------------- configuration

    /** Reads 1, 2 or 4 bytes that do not cross a 4-byte boundary; all ones where nobody is. */
    int read(int device, int function, int offset, int size) {
        FunctionSlot slot = function == 0 ? slots[device] : null;
        return slot == null ? -1 : slot.function().readConfig(offset, size);
    }

    /** Writes 1, 2 or 4 bytes that do not cross a 4-byte boundary. */
    void write(int device, int function, int offset, int size, int value) {
        FunctionSlot slot = function == 0 ? slots[device] : null;
        if (slot != null) {
            slot.function().writeConfig(offset, size, value);
            if (FunctionSlot.moves(offset, size)) {
                settle();
            }
        }
    }

    /** Moves registers to where the functions' configuration spaces say. */
    void settle() {
        moves.lock();
        try {
            for (FunctionSlot slot : slots) {
                if (slot != null) {
                    slot.withdraw();
                }
            }
            for (FunctionSlot slot : slots) {
                if (slot != null) {
                    slot.settle();
                }
            }
        } finally {
            moves.unlock();
        }
    }

    // ----------------------------------------------------------------------------------------------- functions

    /** Puts {@code function} at the lowest device number that is free. */
    PciAddress add(PciFunction function) {
        moves.lock();
        try {
            for (int device = 0; device < DEVICES; device++) {
                if (slots[device] == null) {
                    return add(device, function);
                }
            }
            throw new ConfigurationException("Cannot plug " + function.name() + ": all " + DEVICES
                    + " places of the PCI bus are taken");
        } finally {
            moves.unlock();
        }
    }

    PciAddress add(int device, PciFunction function) {
        var address = new PciAddress(0, device, 0);
        moves.lock();
        try {
            FunctionSlot taken = slots[device];
            if (taken != null) {
                throw new ConfigurationException("Cannot plug " + function.name() + " at " + address + ": "
                        + taken.function().name() + " is there");
            }
            put(device, new FunctionSlot(address, function, ports, mmio, windows));
            return address;
        } finally {
            moves.unlock();
        }
    }

    /** Takes away the function at {@code device}; when this returns nobody is in its registers any more. */
    Optional<PciFunction> remove(int device) {
        moves.lock();
        try {
            FunctionSlot slot = slots[device];
            if (slot == null) {
                return Optional.empty();
            }
            put(device, null);
            slot.leave();
            slot.withdraw();
            // Registers that had to wait for these addresses have them now.
            settle();
            return Optional.of(slot.function());
        } finally {
            moves.unlock();
        }
    }

    private void put(int device, @Nullable FunctionSlot slot) {
        @Nullable
        FunctionSlot[] next = slots.clone();
        next[device] = slot;
        slots = next;
    }

    Optional<PciFunction> function(int device) {
        FunctionSlot slot = slots[device];
        return slot == null ? Optional.empty() : Optional.of(slot.function());
    }

    /** The functions that are there, by device number. */
    List<PciFunction> functions() {
        return java.util.Arrays.stream(slots).filter(java.util.Objects::nonNull).map(FunctionSlot::function).toList();
    }

    /** Every function as after power-on, with addresses given out and none enabled. No vCPU runs. */
    void reset() {
        List<PciFunction> all = functions();
        all.forEach(PciFunction::reset);
        settle();
        windows.share(all);
    }
}
