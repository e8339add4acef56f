package dev.vz.machine.pci;

import dev.vz.bus.AddressRange;
import dev.vz.bus.IoBus;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.pci.PciAddress;
import dev.vz.pci.PciBar;
import dev.vz.pci.PciFunction;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A function's place on the bus, and where its registers answer now. Guarded by the bus, which moves registers of all
 * functions in two steps, so that two of them can change places: {@link #withdraw()} all, then {@link #settle()} all.
 */
final class FunctionSlot {

    static final int COMMAND = 0x04;
    static final int FIRST_BAR = 0x10;
    static final int LAST_BAR_END = 0x28;
    private static final int COMMAND_PORTS = 1;
    private static final int COMMAND_MEMORY = 2;
    private static final Logger LOG = System.getLogger(FunctionSlot.class.getName());

    private final PciAddress address;
    private final PciFunction function;
    private final IoBus ports;
    private final IoBus mmio;
    private final PciWindows windows;
    /** By index of the BAR. */
    private final IoBus.@Nullable Attachment[] places = new IoBus.Attachment[6];
    private boolean gone;

    FunctionSlot(PciAddress address, PciFunction function, IoBus ports, IoBus mmio, PciWindows windows) {
        this.address = address;
        this.function = function;
        this.ports = ports;
        this.mmio = mmio;
        this.windows = windows;
    }

    PciAddress address() {
        return address;
    }

    PciFunction function() {
        return function;
    }

    /** Whether a write to configuration space may have moved registers. */
    static boolean moves(int offset, int size) {
        return offset < COMMAND + 2 && offset + size > COMMAND || offset < LAST_BAR_END && offset + size > FIRST_BAR;
    }

    /** From now on it wants no addresses. */
    void leave() {
        gone = true;
    }

    /** Takes registers away from addresses that the function does not want any more. */
    void withdraw() {
        for (PciBar bar : function.bars()) {
            IoBus.Attachment now = places[bar.index()];
            if (now != null && !now.range().equals(wanted(bar))) {
                detach(now);
                places[bar.index()] = null;
                located(bar, OptionalLong.empty());
            }
        }
    }

    /** Puts registers where the function wants them and nobody else is. */
    void settle() {
        for (PciBar bar : function.bars()) {
            AddressRange wanted = wanted(bar);
            if (wanted == null || places[bar.index()] != null) {
                continue;
            }
            try {
                places[bar.index()] = (bar.kind() == PciBar.Kind.PORT ? ports : mmio).attach(wanted, bar.device());
                located(bar, OptionalLong.of(wanted.start()));
            } catch (ConfigurationException taken) {
                // The guest's doing: the one that was there first answers, until it goes.
                LOG.log(Level.DEBUG, "{0} {1}: {2}", address, function.name(), taken.getMessage());
            }
        }
    }

    private void located(PciBar bar, OptionalLong where) {
        if (function instanceof PciFunction.Located located) {
            located.located(bar.index(), where);
        }
    }

    /** Where the guest wants {@code bar}; {@code null} for nowhere. */
    private @Nullable AddressRange wanted(PciBar bar) {
        boolean port = bar.kind() == PciBar.Kind.PORT;
        int enabled = function.readConfig(COMMAND, 2) & (port ? COMMAND_PORTS : COMMAND_MEMORY);
        if (gone || enabled == 0) {
            return null;
        }
        int register = FIRST_BAR + 4 * bar.index();
        long start = function.readConfig(register, 4) & 0xFFFF_FFFFL;
        if (bar.kind() == PciBar.Kind.MEMORY64) {
            start |= (long) function.readConfig(register + 4, 4) << 32;
        }
        // The low bits say the kind; a function whose lower address bits can be written is read as hardware decodes it.
        start &= -bar.size();
        return windows.allow(bar, start) ? new AddressRange(start, bar.size()) : null;
    }

    private static void detach(IoBus.Attachment place) {
        boolean interrupted = false;
        while (true) {
            try {
                place.close();
                break;
            } catch (LifecycleException waiting) {
                // Only an interrupt of this thread ends the wait early; the registers must be at rest nevertheless.
                if (!Thread.interrupted()) {
                    throw waiting;
                }
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        return address + " " + function.name();
    }
}
