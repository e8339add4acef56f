package dev.vz.machine.watchdog;

import dev.vz.bus.BusDevice;
import dev.vz.error.FormatException;
import dev.vz.machine.clock.MachineClock;
import dev.vz.machine.device.PowerControl;
import dev.vz.pci.MsixTable;
import dev.vz.pci.PciBar;
import dev.vz.pci.PciFunction;
import dev.vz.state.Pausable;
import dev.vz.state.StateVersion;
import dev.vz.state.Stateful;
import java.util.List;
import java.util.Optional;

/**
 * The watchdog timer of Intel's 6300ESB I/O controller hub (data sheet 300641, chapter "Watchdog Timer"), which Linux drives
 * with {@code i6300esb}. Register names are those of the data sheet.
 *
 * <p>
 * Two stages run one after the other, each from its own preload value. The end of the first is told in the general interrupt
 * status register; this board has no wire for the interrupt, and drivers that use the second stage alone do not miss it. The
 * end of the second sets WDT_TIMEOUT, calls the listener and performs the action, and the counter stands until the guest
 * starts it again. Registers in memory are written only right after 80h and 86h were written to the reload register. While
 * the machine is paused the counter stands too. WDT_TIMEOUT survives a reset, so that the guest learns what reset it. Any
 * thread.
 */
public final class IntelWatchdog
        implements PciFunction, Stateful<IntelWatchdog.State>, Pausable, AutoCloseable {

    private static final int IDENTITY = 0x25AB_8086;
    /** Base system peripheral, of another kind. */
    private static final int CLASS = 0x08_80_00;

    /** Configuration space. */
    private static final int COMMAND = 0x04;
    private static final int BAR0 = 0x10;
    private static final int INTERRUPT_LINE = 0x3C;
    private static final int WDT_CONFIG = 0x60;
    private static final int WDT_LOCK = 0x68;
    private static final int COMMAND_BITS = 0x7;

    /** Bits of {@link #WDT_CONFIG}: what the first stage raises, the prescaler, and whether the second does nothing. */
    private static final int WDT_INT_TYPE = 3;
    private static final int WDT_PRE_SEL = 1 << 2;
    private static final int WDT_OUTPUT_OFF = 1 << 5;
    private static final int CONFIG_BITS = WDT_INT_TYPE | WDT_PRE_SEL | WDT_OUTPUT_OFF;
    private static final int INT_TYPE_NONE = 3;

    /** Bits of {@link #WDT_LOCK}. */
    private static final int LOCK = 1;
    private static final int ENABLE = 1 << 1;
    /** Free-running: the counter starts again where it would act. */
    private static final int TOUT_CNF = 1 << 2;
    private static final int LOCK_BITS = LOCK | ENABLE | TOUT_CNF;

    /** Registers in memory. */
    private static final int PRELOAD_1 = 0x0;
    private static final int PRELOAD_2 = 0x4;
    private static final int GENERAL_INTERRUPT_STATUS = 0x8;
    private static final int RELOAD = 0xC;
    private static final int BAR_BYTES = 16;
    private static final int WDT_RELOAD = 1 << 8;
    private static final int WDT_TIMEOUT = 1 << 9;
    private static final int UNLOCK_1 = 0x80;
    private static final int UNLOCK_2 = 0x86;

    private final PowerControl power;
    private final WatchdogAction action;
    private final Runnable listener;
    private final WatchdogTimer timer;
    private final List<PciBar> bars = List.of(
            new PciBar(0, PciBar.Kind.MEMORY32, BAR_BYTES, false, new Registers()));

    private int command;
    private int bar;
    private int interruptLine;
    private int config;
    private int lock;
    private int preload1 = WatchdogTimer.PRELOAD_MASK;
    private int preload2 = WatchdogTimer.PRELOAD_MASK;
    private int interruptStatus;
    private boolean timeout;
    /** How many of the two unlocking writes have come: with both, the next write counts. */
    private int unlocked;

    /**
     * A watchdog that stands.
     *
     * @param clock    what it counts by
     * @param power    of the machine that it acts on
     * @param action   what happens to the machine when the second stage ends
     * @param listener is told before; on a thread of the clock, must not block
     */
    public IntelWatchdog(MachineClock clock, PowerControl power, WatchdogAction action, Runnable listener) {
        this.power = power;
        this.action = action;
        this.listener = listener;
        this.timer = new WatchdogTimer(clock, this::rang);
    }

    @Override
    public String name() {
        return "i6300esb";
    }

    @Override
    public List<PciBar> bars() {
        return bars;
    }

    @Override
    public Optional<MsixTable> msix() {
        return Optional.empty();
    }

    /** Whether the guest has started it and it has not run out. */
    public synchronized boolean isRunning() {
        return timer.stage() != WatchdogTimer.STOPPED;
    }

    /** Whether its second stage has ended since the guest looked last. */
    public synchronized boolean timedOut() {
        return timeout;
    }

    // ------------------------------------------------------------------------------------ configuration space

    @Override
    public synchronized int readConfig(int offset, int size) {
        return word(offset & ~3) >>> 8 * (offset & 3) & (int) (0xFFFF_FFFFL >>> 32 - 8 * size);
    }

    private int word(int offset) {
        return switch (offset) {
            case 0x00, 0x2C -> IDENTITY;
            case COMMAND -> command;
            case 0x08 -> CLASS << 8;
            case BAR0 -> bar;
            case INTERRUPT_LINE -> interruptLine;
            case WDT_CONFIG -> config;
            case WDT_LOCK -> lock;
            default -> 0;
        };
    }

    @Override
    public synchronized void writeConfig(int offset, int size, int value) {
        int at = offset & ~3;
        int shift = 8 * (offset & 3);
        int touched = (int) (0xFFFF_FFFFL >>> 32 - 8 * size) << shift;
        int merged = word(at) & ~touched | value << shift & touched;
        switch (at) {
            case COMMAND -> command = merged & COMMAND_BITS;
            case BAR0 -> bar = merged & -BAR_BYTES;
            case INTERRUPT_LINE -> interruptLine = merged & 0xFF;
            case WDT_CONFIG -> config = merged & CONFIG_BITS;
            case WDT_LOCK -> writeLock(merged & LOCK_BITS);
            default -> {
                // Read-only.
            }
        }
    }

    private void writeLock(int value) {
        if ((lock & LOCK) != 0) {
            return;
        }
        boolean enabled = (lock & ENABLE) != 0;
        lock = value;
        if ((value & ENABLE) == 0) {
            timer.stop();
        } else if (!enabled) {
            startStage(1);
        }
    }

    // ----------------------------------------------------------------------------------------------- registers

    /** What is behind BAR 0. */
    private final class Registers implements BusDevice {
        @Override
        public long read(long offset, int size) {
            return readRegister((int) offset & ~3) >>> 8 * (offset & 3);
        }

        @Override
        public void write(long offset, int size, long value) {
            writeRegister((int) offset, (int) value);
        }

        @Override
        public String toString() {
            return name();
        }
    }

    private synchronized long readRegister(int offset) {
        return switch (offset) {
            case PRELOAD_1 -> preload1;
            case PRELOAD_2 -> preload2;
            case GENERAL_INTERRUPT_STATUS -> interruptStatus;
            default -> timeout ? WDT_TIMEOUT : 0;
        };
    }

    private synchronized void writeRegister(int offset, int value) {
        if (offset == GENERAL_INTERRUPT_STATUS) {
            interruptStatus &= ~value;
            return;
        }
        // The first unlocking write begins the sequence wherever it was: drivers unlock once more to be sure.
        if (offset == RELOAD && value == UNLOCK_1) {
            unlocked = 1;
            return;
        }
        if (unlocked < 2) {
            unlocked = unlocked == 1 && offset == RELOAD && value == UNLOCK_2 ? 2 : 0;
            return;
        }
        unlocked = 0;
        switch (offset) {
            case PRELOAD_1 -> preload1 = value & WatchdogTimer.PRELOAD_MASK;
            case PRELOAD_2 -> preload2 = value & WatchdogTimer.PRELOAD_MASK;
            case RELOAD -> {
                if ((value & WDT_TIMEOUT) != 0) {
                    timeout = false;
                }
                if ((value & WDT_RELOAD) != 0 && (lock & ENABLE) != 0) {
                    startStage(1);
                }
            }
            default -> {
                // Nothing is there.
            }
        }
    }

    // --------------------------------------------------------------------------------------------------- timer

    private void startStage(int stage) {
        timer.load(stage, WatchdogTimer.nanos(stage == 1 ? preload1 : preload2, (config & WDT_PRE_SEL) != 0));
    }

    private void rang() {
        boolean acts;
        synchronized (this) {
            acts = timer.expired() && ended(timer.stage());
        }
        // Without the lock: a reset comes back to this device.
        if (acts) {
            listener.run();
            action.perform(power);
        }
    }

    /** A stage has ended; returns whether that is a case for the action. */
    private boolean ended(int stage) {
        if (stage == 1) {
            if ((config & WDT_INT_TYPE) != INT_TYPE_NONE) {
                interruptStatus |= 1;
            }
            startStage(2);
            return false;
        }
        if ((lock & TOUT_CNF) != 0) {
            startStage(1);
            return false;
        }
        timer.stop();
        timeout = true;
        return (config & WDT_OUTPUT_OFF) == 0;
    }

    // --------------------------------------------------------------------------------------------------- state

    @Override
    public synchronized void reset() {
        timer.stop();
        command = 0;
        bar = 0;
        interruptLine = 0;
        config = 0;
        lock = 0;
        preload1 = WatchdogTimer.PRELOAD_MASK;
        preload2 = WatchdogTimer.PRELOAD_MASK;
        interruptStatus = 0;
        unlocked = 0;
    }

    @Override
    public synchronized void pause() {
        timer.pause();
    }

    @Override
    public synchronized void resume() {
        timer.resume();
    }

    /**
     * What it holds.
     *
     * @param command         the command register
     * @param bar             base address register 0
     * @param interruptLine   a byte that is the guest's
     * @param config          register 60h
     * @param lock            register 68h
     * @param preload1        of the first stage
     * @param preload2        of the second stage
     * @param interruptStatus the general interrupt status register
     * @param timeout         WDT_TIMEOUT
     * @param unlocked        how many of the unlocking writes have come, 0 to 2
     * @param stage           1 or 2; 0 while the counter stands
     * @param remainingNanos  until that stage ends
     */
    @StateVersion(1)
    public record State(int command, int bar, int interruptLine, int config, int lock, int preload1, int preload2,
            int interruptStatus, boolean timeout, int unlocked, int stage, long remainingNanos) {}

    @Override
    public Class<State> stateType() {
        return State.class;
    }

    @Override
    public synchronized State save() {
        return new State(command, bar, interruptLine, config, lock, preload1, preload2, interruptStatus, timeout,
                unlocked, timer.stage(), timer.remaining());
    }

    @Override
    public synchronized void restore(State state) {
        int strange = state.command & ~COMMAND_BITS | state.bar & BAR_BYTES - 1 | state.interruptLine & ~0xFF
                | state.config & ~CONFIG_BITS | state.lock & ~LOCK_BITS | state.preload1 & ~WatchdogTimer.PRELOAD_MASK
                | state.preload2 & ~WatchdogTimer.PRELOAD_MASK | state.interruptStatus & ~1;
        boolean counter = state.stage >= 0 && state.stage <= 2 && state.remainingNanos >= 0
                && state.remainingNanos <= WatchdogTimer.nanos(WatchdogTimer.PRELOAD_MASK, false);
        if (strange != 0 || !counter || state.unlocked < 0 || state.unlocked > 2) {
            throw new FormatException("Cannot restore the watchdog: a value is out of range in " + state);
        }
        command = state.command;
        bar = state.bar;
        interruptLine = state.interruptLine;
        config = state.config;
        lock = state.lock;
        preload1 = state.preload1;
        preload2 = state.preload2;
        interruptStatus = state.interruptStatus;
        timeout = state.timeout;
        unlocked = state.unlocked;
        if (state.stage == WatchdogTimer.STOPPED) {
            timer.stop();
        } else {
            timer.load(state.stage, state.remainingNanos);
        }
    }

    @Override
    public synchronized void close() {
        timer.stop();
    }

    @Override
    public String toString() {
        return name();
    }
}
