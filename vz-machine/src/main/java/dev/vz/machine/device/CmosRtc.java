package dev.vz.machine.device;

import dev.vz.bus.BusDevice;
import dev.vz.error.FormatException;
import dev.vz.irq.InterruptLine;
import dev.vz.machine.clock.MachineClock;
import dev.vz.state.StateVersion;
import dev.vz.state.Stateful;
import java.util.Arrays;

/**
 * The MC146818 real-time clock with its 128 bytes of battery-backed memory, at ports 0x70 (index) and 0x71 (data). Register
 * names are those of the data sheet; register 0x32 is the century, as the FADT says.
 *
 * <p>
 * The time is the machine's calendar time, UTC, plus whatever the guest set it off by. The divider chain always runs;
 * writing another value to the DV bits does not stop the clock. Any thread.
 */
public final class CmosRtc implements BusDevice, Stateful<CmosRtc.State> {

    /** First of its two ports. */
    public static final int PORT = 0x70;
    /** Number of ports it occupies. */
    public static final int PORTS = 2;
    /** Bytes of registers and memory. */
    public static final int SIZE = 128;
    /** Register that holds the century. */
    public static final int CENTURY = 0x32;

    static final int SECONDS = 0;
    static final int SECONDS_ALARM = 1;
    static final int MINUTES = 2;
    static final int MINUTES_ALARM = 3;
    static final int HOURS = 4;
    static final int HOURS_ALARM = 5;
    static final int WEEKDAY = 6;
    static final int DAY = 7;
    static final int MONTH = 8;
    static final int YEAR = 9;
    static final int REGISTER_A = 0xA;
    static final int REGISTER_B = 0xB;
    static final int REGISTER_C = 0xC;
    static final int REGISTER_D = 0xD;

    static final int A_UIP = 1 << 7;
    static final int B_24H = 1 << 1;
    static final int B_BINARY = 1 << 2;
    static final int B_UIE = 1 << 4;
    static final int B_AIE = 1 << 5;
    static final int B_PIE = 1 << 6;
    static final int B_SET = 1 << 7;
    static final int C_IRQF = 1 << 7;
    static final int D_VRT = 1 << 7;

    private static final long SECOND = 1_000_000_000L;
    /** How long before the second changes UIP shows it: 244 microseconds of warning and 1984 of update. */
    private static final long UPDATE_NANOS = 2_228_000;

    private final InterruptLine interrupt;
    private final MachineClock clock;
    private final MachineClock.Timer timer;
    private final RtcCalendar calendar = new RtcCalendar();
    private final byte[] memory = new byte[SIZE];
    private int index;
    private int flags;
    /** Added to the host's calendar time. */
    private long offsetNanos;
    /** While SET halts the clock: the time it shows, in nanoseconds since 1970. */
    private long haltedNanos;
    /** The calendar time up to which {@link #flags} tells what happened. */
    private long notedNanos;
    private boolean level;

    /**
     * A clock that shows {@code clock}'s calendar time, with memory zeroed.
     *
     * @param interrupt input 8 of the interrupt controllers, active high here
     */
    public CmosRtc(InterruptLine interrupt, MachineClock clock) {
        this.interrupt = interrupt;
        this.clock = clock;
        timer = clock.timer(this::timerExpired);
        memory[REGISTER_A] = 0x26;
        memory[REGISTER_B] = B_24H;
        notedNanos = now();
    }

    /** The RESET pin: interrupts off; time and memory survive (data sheet, "RESET"). */
    public synchronized void reset() {
        index = 0;
        memory[REGISTER_B] &= (byte) ~(B_PIE | B_AIE | B_UIE | 1 << 3);
        flags = 0;
        notedNanos = now();
        update();
    }

    /** Writes the battery-backed memory, as firmware would. {@code address} is 0xE to 0x7F. */
    public synchronized void setMemory(int address, int value) {
        if (address <= REGISTER_D || address >= SIZE) {
            throw new IllegalArgumentException("The CMOS memory is from 0xe to 0x7f, got 0x"
                    + Integer.toHexString(address));
        }
        memory[address] = (byte) value;
    }

    @Override
    public synchronized long read(long offset, int size) {
        return offset == 0 ? 0xFF : readRegister(index);
    }

    @Override
    public synchronized void write(long offset, int size, long value) {
        int rest = (int) value;
        if (offset == 0) {
            index = rest & SIZE - 1; // bit 7 masks NMI on a PC; there is none to mask
            if (size == 1) {
                return;
            }
            rest >>>= 8; // a 16-bit OUT writes index and data
        }
        writeRegister(index, rest & 0xFF);
    }

    private int readRegister(int register) {
        return switch (register) {
            case SECONDS, MINUTES, HOURS, WEEKDAY, DAY, MONTH, YEAR, CENTURY -> {
                calendar.set(now());
                yield calendar.get(register, memory[REGISTER_B]);
            }
            case REGISTER_A -> memory[REGISTER_A] & 0x7F | (updateInProgress() ? A_UIP : 0);
            case REGISTER_C -> {
                catchUp();
                int value = flags | (interruptPending() ? C_IRQF : 0);
                flags = 0;
                update();
                yield value;
            }
            case REGISTER_D -> D_VRT;
            default -> memory[register] & 0xFF;
        };
    }

    private void writeRegister(int register, int value) {
        switch (register) {
            case SECONDS, MINUTES, HOURS, WEEKDAY, DAY, MONTH, YEAR, CENTURY -> {
                long time = now();
                calendar.set(time);
                calendar.put(register, value, memory[REGISTER_B]);
                setTime(calendar.epochNanos());
            }
            case REGISTER_A -> {
                catchUp();
                memory[REGISTER_A] = (byte) (value & 0x7F);
            }
            case REGISTER_B -> writeRegisterB(value);
            case REGISTER_C, REGISTER_D -> {
                // Read-only.
            }
            default -> {
                catchUp();
                memory[register] = (byte) value;
            }
        }
        update();
    }

    private void writeRegisterB(int value) {
        catchUp();
        boolean halted = (memory[REGISTER_B] & B_SET) != 0;
        boolean halt = (value & B_SET) != 0;
        long time = now();
        // Setting SET also clears UIE (data sheet, register B).
        memory[REGISTER_B] = (byte) (halt ? value & ~B_UIE : value);
        if (halt && !halted) {
            haltedNanos = time;
        } else if (halted && !halt) {
            offsetNanos = haltedNanos - clock.epochNanos();
            notedNanos = haltedNanos;
        }
    }

    private void setTime(long epochNanos) {
        if ((memory[REGISTER_B] & B_SET) != 0) {
            haltedNanos = epochNanos;
        } else {
            offsetNanos = epochNanos - clock.epochNanos();
        }
        notedNanos = epochNanos;
    }

    /** The calendar time that the chip shows, in nanoseconds since 1970. */
    private long now() {
        return (memory[REGISTER_B] & B_SET) != 0 ? haltedNanos : clock.epochNanos() + offsetNanos;
    }

    private boolean updateInProgress() {
        return (memory[REGISTER_B] & B_SET) == 0 && SECOND - Math.floorMod(now(), SECOND) <= UPDATE_NANOS;
    }

    // -------------------------------------------------------------------------------- flags, alarm and interrupts

    private boolean interruptPending() {
        return (flags & memory[REGISTER_B] & (B_PIE | B_AIE | B_UIE)) != 0;
    }

    /** Notes in {@link #flags} what has happened since the last look. PF, AF and UF sit where PIE, AIE and UIE do. */
    private void catchUp() {
        long now = now();
        if (now <= notedNanos) {
            notedNanos = now; // the host's clock was set back
            return;
        }
        if (Math.floorDiv(now, SECOND) != Math.floorDiv(notedNanos, SECOND)) {
            flags |= B_UIE;
        }
        if (now - notedNanos >= 86_400 * SECOND || nextAlarm(notedNanos) <= now) {
            flags |= B_AIE;
        }
        long period = periodNanos();
        if (period != 0 && Math.floorDiv(now, period) != Math.floorDiv(notedNanos, period)) {
            flags |= B_PIE;
        }
        notedNanos = now;
    }

    /** Period of the square wave and the periodic interrupt by the RS bits; 0 for none. */
    private long periodNanos() {
        int rate = memory[REGISTER_A] & 0xF;
        if (rate == 0) {
            return 0;
        }
        // Rates 1 and 2 are those of 8 and 9 with a 32768 Hz time base (data sheet, table 5).
        int shift = rate < 3 ? rate + 6 : rate - 1;
        return (SECOND << shift) / 32_768;
    }

    /** When the alarm next matches after {@code time}. */
    private long nextAlarm(long time) {
        return calendar.nextAlarm(time, memory[HOURS_ALARM], memory[MINUTES_ALARM], memory[SECONDS_ALARM],
                memory[REGISTER_B]);
    }

    private void update() {
        boolean high = interruptPending();
        if (high != level) {
            level = high;
            interrupt.set(high);
        }
        int enabled = memory[REGISTER_B] & ~flags;
        long next = Long.MAX_VALUE;
        if ((memory[REGISTER_B] & B_SET) == 0) {
            if ((enabled & B_UIE) != 0) {
                next = (Math.floorDiv(notedNanos, SECOND) + 1) * SECOND;
            }
            if ((enabled & B_AIE) != 0) {
                next = Math.min(next, nextAlarm(notedNanos));
            }
            long period = periodNanos();
            if ((enabled & B_PIE) != 0 && period != 0) {
                next = Math.min(next, (Math.floorDiv(notedNanos, period) + 1) * period);
            }
        }
        if (next == Long.MAX_VALUE) {
            timer.disarm();
        } else {
            timer.arm(clock.nanos() + Math.max(0, next - now()));
        }
    }

    private synchronized void timerExpired() {
        catchUp();
        update();
    }

    // ---------------------------------------------------------------------------------------------------- state

    /**
     * What the chip holds.
     *
     * @param memory      {@link #SIZE} bytes: the alarm, registers A and B, and the battery-backed memory
     * @param index       the register chosen through port 0x70
     * @param flags       PF, AF and UF of register C
     * @param offsetNanos what the guest's time is ahead of the host's; the time itself goes on while a machine is saved
     * @param haltedNanos the time shown while SET halts the clock, nanoseconds since 1970
     */
    @StateVersion(1)
    public record State(byte[] memory, int index, int flags, long offsetNanos, long haltedNanos) {

        /** Copies the array. */
        public State {
            memory = memory.clone();
        }

        @Override
        public byte[] memory() {
            return memory.clone();
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof State s && Arrays.equals(memory, s.memory) && index == s.index && flags == s.flags
                    && offsetNanos == s.offsetNanos && haltedNanos == s.haltedNanos;
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(memory) * 31 + index;
        }
    }

    @Override
    public Class<State> stateType() {
        return State.class;
    }

    @Override
    public synchronized State save() {
        catchUp();
        return new State(memory, index, flags, offsetNanos, haltedNanos);
    }

    @Override
    public synchronized void restore(State state) {
        byte[] bytes = state.memory();
        long limit = Long.MAX_VALUE / 4; // so that no sum of two times overflows
        if (bytes.length != SIZE || state.index() < 0 || state.index() >= SIZE
                || (state.flags() & ~(B_PIE | B_AIE | B_UIE)) != 0 || state.offsetNanos() > limit
                || state.offsetNanos() < -limit || state.haltedNanos() > limit || state.haltedNanos() < -limit) {
            throw new FormatException("Cannot restore the CMOS clock: it has " + SIZE + " bytes, got " + bytes.length
                    + ", index " + state.index() + ", flags 0x" + Integer.toHexString(state.flags())
                    + ", offset " + state.offsetNanos() + " ns");
        }
        System.arraycopy(bytes, 0, memory, 0, SIZE);
        index = state.index();
        flags = state.flags();
        offsetNanos = state.offsetNanos();
        haltedNanos = state.haltedNanos();
        notedNanos = now();
        update();
    }

    @Override
    public String toString() {
        return "CMOS clock";
    }
}
