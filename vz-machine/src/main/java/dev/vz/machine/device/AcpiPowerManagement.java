package dev.vz.machine.device;

import dev.vz.bus.BusDevice;
import dev.vz.error.FormatException;
import dev.vz.irq.InterruptLine;
import dev.vz.machine.clock.MachineClock;
import dev.vz.state.StateVersion;
import dev.vz.state.Stateful;

/**
 * The fixed hardware of ACPI (ACPI 6.5, 4.8): the PM1 event and control registers with the power button, and the power
 * management timer. The machine is in ACPI mode from the start, so SCI_EN reads as one and there is no SMI command.
 *
 * <p>
 * Offsets: 0 PM1_STS, 2 PM1_EN, 4 PM1_CNT (16 bits each), 8 PM_TMR (32 bits). Any thread.
 */
public final class AcpiPowerManagement implements BusDevice, Stateful<AcpiPowerManagement.State> {

    /** Number of ports it occupies. */
    public static final int PORTS = 12;
    /** Offset of PM1_STS and PM1_EN, 4 bytes. */
    public static final int PM1_EVENT = 0;
    /** Offset of PM1_CNT, 2 bytes. */
    public static final int PM1_CONTROL = 4;
    /** Offset of PM_TMR, 4 bytes. */
    public static final int PM_TIMER = 8;
    /** What SLP_TYP says to switch off; the DSDT's {@code _S5} object tells the guest. */
    public static final int SLEEP_TYPE_S5 = 5;
    /** Ticks of the timer in a second (ACPI 6.5, 4.8.3.3). */
    public static final long TIMER_HERTZ = 3_579_545;

    static final int TMR_STS = 1;
    static final int PWRBTN = 1 << 8;
    static final int GBL = 1 << 5;
    static final int RTC = 1 << 10;
    static final int WAK_STS = 1 << 15;
    private static final int STATUS_BITS = TMR_STS | GBL | PWRBTN | RTC | WAK_STS;
    private static final int ENABLE_BITS = TMR_STS | GBL | PWRBTN | RTC;
    static final int SCI_EN = 1;
    static final int SLP_EN = 1 << 13;
    private static final int CONTROL_BITS = 0x1C06;
    /** A century: what keeps the nanoseconds of a restored timer inside a long. */
    private static final long MAX_TICKS = 3_155_760_000L * TIMER_HERTZ;

    private final InterruptLine sci;
    private final PowerControl power;
    private final MachineClock clock;
    private final MachineClock.Timer overflow;
    private long origin;
    /** The timer's bit 31 when it was last looked at; each change sets TMR_STS. */
    private boolean highBit;
    private int status;
    private int enable;
    private int control;
    private boolean level;

    /**
     * The registers after reset.
     *
     * @param sci   the system control interrupt: level-triggered, active high
     * @param power switches the machine off
     * @param clock drives the timer
     */
    public AcpiPowerManagement(InterruptLine sci, PowerControl power, MachineClock clock) {
        this.sci = sci;
        this.power = power;
        this.clock = clock;
        overflow = clock.timer(this::timerOverflowed);
        origin = clock.nanos();
    }

    /** After power-on; the timer starts at zero. */
    public synchronized void reset() {
        origin = clock.nanos();
        highBit = false;
        status = 0;
        enable = 0;
        control = 0;
        update();
    }

    /** The user pressed the power button: a guest that listens shuts down. */
    public synchronized void pressPowerButton() {
        status |= PWRBTN;
        update();
    }

    /** Whether the guest asked to hear of the power button. */
    public synchronized boolean listensToPowerButton() {
        return (enable & PWRBTN) != 0;
    }

    @Override
    public synchronized long read(long offset, int size) {
        noteOverflow();
        long low = status | (long) enable << 16 | (long) (control | SCI_EN) << 32;
        long value = offset < PM_TIMER ? low >>> 8 * offset : (ticks() & 0xFFFF_FFFFL) >>> 8 * (offset - PM_TIMER);
        return value & -1L >>> 64 - 8 * size;
    }

    @Override
    public synchronized void write(long offset, int size, long value) {
        noteOverflow();
        // Byte by byte, so that any width the guest picks reaches the right halves.
        for (int i = 0; i < size; i++) {
            writeByte((int) offset + i, (int) (value >>> 8 * i) & 0xFF);
        }
        update();
    }

    private void writeByte(int offset, int value) {
        switch (offset) {
            case 0 -> status &= ~value; // write one to clear
            case 1 -> status &= ~(value << 8);
            case 2 -> enable = (enable & 0xFF00 | value) & ENABLE_BITS;
            case 3 -> enable = (enable & 0xFF | value << 8) & ENABLE_BITS;
            case 4 -> control = (control & 0xFF00 | value) & CONTROL_BITS;
            case 5 -> {
                control = (control & 0xFF | value << 8) & CONTROL_BITS;
                boolean sleep = (value << 8 & SLP_EN) != 0;
                // Other sleep types are not announced in the DSDT; asking for them anyway does nothing.
                if (sleep && (control >>> 10 & 7) == SLEEP_TYPE_S5) {
                    power.powerOff();
                }
            }
            default -> {
                // The timer is read-only; bytes 6 and 7 do not exist.
            }
        }
    }

    private long ticks() {
        long nanos = clock.nanos() - origin;
        // Split at the second, since nanos times the frequency overflows after 43 minutes.
        return nanos / 1_000_000_000 * TIMER_HERTZ + nanos % 1_000_000_000 * TIMER_HERTZ / 1_000_000_000;
    }

    private void noteOverflow() {
        boolean now = (ticks() >>> 31 & 1) != 0;
        if (now != highBit) {
            highBit = now;
            status |= TMR_STS;
        }
    }

    private synchronized void timerOverflowed() {
        noteOverflow();
        update();
    }

    private void update() {
        boolean high = (status & enable) != 0;
        if (high != level) {
            level = high;
            sci.set(high);
        }
        if ((enable & TMR_STS) != 0) {
            long untilChange = (1L << 31) - (ticks() & (1L << 31) - 1);
            overflow.arm(clock.nanos() + untilChange * 1_000_000_000 / TIMER_HERTZ + 1_000);
        } else {
            overflow.disarm();
        }
    }

    /**
     * What the registers hold.
     *
     * @param status     PM1_STS
     * @param enable     PM1_EN
     * @param control    PM1_CNT without SCI_EN
     * @param timerTicks ticks of the power management timer since reset, more bits than the register shows
     */
    @StateVersion(1)
    public record State(int status, int enable, int control, long timerTicks) {}

    @Override
    public Class<State> stateType() {
        return State.class;
    }

    @Override
    public synchronized State save() {
        noteOverflow();
        return new State(status, enable, control, ticks());
    }

    @Override
    public synchronized void restore(State state) {
        if ((state.status() & ~STATUS_BITS | state.enable() & ~ENABLE_BITS | state.control() & ~CONTROL_BITS) != 0
                || state.timerTicks() < 0 || state.timerTicks() > MAX_TICKS) {
            throw new FormatException("Cannot restore the ACPI registers: a value is out of range in " + state);
        }
        status = state.status();
        enable = state.enable();
        control = state.control();
        long seconds = state.timerTicks() / TIMER_HERTZ;
        origin = clock.nanos() - seconds * 1_000_000_000
                - state.timerTicks() % TIMER_HERTZ * 1_000_000_000 / TIMER_HERTZ;
        highBit = (state.timerTicks() >>> 31 & 1) != 0;
        update();
    }

    @Override
    public String toString() {
        return "ACPI power management";
    }
}
