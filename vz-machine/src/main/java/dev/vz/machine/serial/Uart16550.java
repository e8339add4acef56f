package dev.vz.machine.serial;

import dev.vz.bus.BusDevice;
import dev.vz.error.FormatException;
import dev.vz.irq.InterruptLine;
import dev.vz.machine.clock.MachineClock;
import dev.vz.state.Stateful;
import java.util.Objects;

/**
 * A National Semiconductor PC16550D: the serial port of a PC, with FIFOs. Register names are those of its data sheet,
 * section 8.
 *
 * <p>
 * Bytes are not slowed to the baud rate: the line takes them as fast as it can, and the guest sees a busy transmitter
 * only while the line has no room. What the guest programs as its baud rate counts for the character timeout alone.
 * All methods may be called from any thread; none blocks.
 */
public final class Uart16550 implements BusDevice, Stateful<Uart16550State> {

    /** Number of ports it occupies. */
    public static final int PORTS = 8;
    /** Bytes in each FIFO. */
    public static final int FIFO_SIZE = ByteFifo.CAPACITY;

    private static final int BREAK = 0x100;
    /** Input of the baud rate generator, already divided by 16: 1.8432 MHz / 16. */
    private static final long BASE_BAUD = 115_200;

    static final int IER_RDA = 1;
    static final int IER_THRE = 1 << 1;
    static final int IER_RLS = 1 << 2;
    static final int IER_MS = 1 << 3;
    static final int IIR_NONE = 1;
    static final int IIR_MS = 0;
    static final int IIR_THRE = 2;
    static final int IIR_RDA = 4;
    static final int IIR_RLS = 6;
    static final int IIR_TIMEOUT = 0xC;
    static final int IIR_FIFOS = 0xC0;
    static final int FCR_ENABLE = 1;
    static final int FCR_CLEAR_RECEIVE = 1 << 1;
    static final int FCR_CLEAR_TRANSMIT = 1 << 2;
    static final int FCR_TRIGGER = 0xC0;
    static final int LCR_BREAK = 1 << 6;
    static final int LCR_DLAB = 1 << 7;
    static final int MCR_DTR = 1;
    static final int MCR_RTS = 1 << 1;
    static final int MCR_OUT1 = 1 << 2;
    static final int MCR_OUT2 = 1 << 3;
    static final int MCR_LOOP = 1 << 4;
    static final int LSR_DR = 1;
    static final int LSR_OE = 1 << 1;
    static final int LSR_BI = 1 << 4;
    static final int LSR_THRE = 1 << 5;
    static final int LSR_TEMT = 1 << 6;
    static final int LSR_FIFO_ERROR = 1 << 7;
    static final int LSR_ERRORS = 0x1E;
    static final int MSR_CTS = 1 << 4;
    static final int MSR_DSR = 1 << 5;
    static final int MSR_RI = 1 << 6;
    static final int MSR_DCD = 1 << 7;
    private static final int MSR_LINES = 0xF0;
    private static final int MSR_CONNECTED = MSR_CTS | MSR_DSR | MSR_DCD;

    private final String name;
    private final InterruptLine interrupt;
    private final MachineClock clock;
    private final MachineClock.Timer timeoutTimer;
    private final ByteFifo receive = new ByteFifo();
    private final ByteFifo transmit = new ByteFifo();
    private SerialLine line = SerialLine.unconnected();
    private int ier;
    private int lcr;
    private int mcr;
    private int lsrErrors;
    private int msr;
    /** What the line drives, in the upper half of MSR; shown to the guest except in loopback. */
    private int modemInputs = MSR_CONNECTED;
    private int scr;
    private int fcr;
    private int divisor;
    private boolean thrEmptyPending;
    private boolean timeoutPending;
    private long timeoutDeadline;
    private boolean refusedInput;
    private boolean interruptLevel;

    /**
     * A port after reset, connected to nothing.
     *
     * @param name      for messages, for example {@code "COM1"}
     * @param interrupt its interrupt output, active high
     * @param clock     measures the character timeout
     */
    public Uart16550(String name, InterruptLine interrupt, MachineClock clock) {
        this.name = Objects.requireNonNull(name);
        this.interrupt = Objects.requireNonNull(interrupt);
        this.clock = Objects.requireNonNull(clock);
        timeoutTimer = clock.timer(this::timeoutExpired);
        reset();
    }

    /** Leads the wire to {@code line} from now on. */
    public synchronized void connect(SerialLine line) {
        this.line = Objects.requireNonNull(line);
        drain();
        update();
    }

    /** Master reset (data sheet, table I). */
    public synchronized void reset() {
        ier = 0;
        lcr = 3; // The chip clears it; every firmware sets 8N1 and early consoles rely on that.
        mcr = 0;
        lsrErrors = 0;
        msr = modemInputs;
        scr = 0;
        fcr = 0;
        divisor = 12; // 9600 baud
        receive.clear();
        transmit.clear();
        thrEmptyPending = false;
        clearTimeout();
        update();
    }

    // ------------------------------------------------------------------------------------------- the line's side

    /**
     * Gives the guest a byte.
     *
     * @return {@code false} if the receiver is full (or in loopback); {@link SerialLine#receiverReady()} tells when it is
     *         worth trying again
     */
    public synchronized boolean receive(int value) {
        return accept(value & wordMask());
    }

    /**
     * Lets the guest see a break: the line held low for longer than a character.
     *
     * @return {@code false} if the receiver is full (or in loopback)
     */
    public synchronized boolean receiveBreak() {
        return accept(BREAK);
    }

    private boolean accept(int value) {
        if ((mcr & MCR_LOOP) != 0 || receive.size() >= receiveCapacity()) {
            refusedInput = true;
            return false;
        }
        enqueueReceived(value);
        update();
        return true;
    }

    /** The line has room again after it had refused a byte. */
    public synchronized void lineReady() {
        drain();
        update();
    }

    /** Drives the modem status inputs. {@code ring} is high while the line rings. */
    public synchronized void setModemStatus(boolean clearToSend, boolean dataSetReady, boolean ring,
            boolean carrierDetect) {
        modemInputs = (clearToSend ? MSR_CTS : 0) | (dataSetReady ? MSR_DSR : 0) | (ring ? MSR_RI : 0)
                | (carrierDetect ? MSR_DCD : 0);
        if ((mcr & MCR_LOOP) == 0) {
            setModemLines(modemInputs);
        }
        update();
    }

    // ------------------------------------------------------------------------------------------ the guest's side

    @Override
    public synchronized long read(long offset, int size) {
        // The chip has an 8-bit data bus: a wider access is answered by the addressed register alone.
        return switch ((int) offset) {
            case 0 -> (lcr & LCR_DLAB) != 0 ? divisor & 0xFF : readReceiver();
            case 1 -> (lcr & LCR_DLAB) != 0 ? divisor >>> 8 : ier;
            case 2 -> readInterruptIdentification();
            case 3 -> lcr;
            case 4 -> mcr;
            case 5 -> readLineStatus();
            case 6 -> readModemStatus();
            case 7 -> scr;
            default -> 0xFF;
        };
    }

    @Override
    public synchronized void write(long offset, int size, long value) {
        int data = (int) value & 0xFF;
        boolean latch = (lcr & LCR_DLAB) != 0;
        switch ((int) offset) {
            case 0 -> {
                if (latch) {
                    divisor = divisor & 0xFF00 | data;
                } else {
                    writeTransmitter(data & wordMask());
                }
            }
            case 1 -> {
                if (latch) {
                    divisor = divisor & 0xFF | data << 8;
                } else {
                    writeInterruptEnable(data & 0xF);
                }
            }
            case 2 -> writeFifoControl(data);
            case 3 -> writeLineControl(data);
            case 4 -> writeModemControl(data & 0x1F);
            case 7 -> scr = data;
            default -> {
                // LSR and MSR are read-only.
            }
        }
        update();
    }

    private int readReceiver() {
        if (receive.isEmpty()) {
            return 0;
        }
        int value = receive.remove();
        showHeadError();
        clearTimeout();
        if (!receive.isEmpty()) {
            startTimeout();
        }
        if (refusedInput && (mcr & MCR_LOOP) == 0) {
            refusedInput = false;
            line.receiverReady();
        }
        update();
        return value & 0xFF;
    }

    private int readInterruptIdentification() {
        int source = pendingSource();
        if (source == IIR_THRE) {
            // Reading IIR is one of the two ways to acknowledge THRE (data sheet, table IV).
            thrEmptyPending = false;
            update();
        }
        return source | (fifosEnabled() ? IIR_FIFOS : 0);
    }

    private int readLineStatus() {
        int value = lineStatus();
        lsrErrors = 0;
        update();
        return value;
    }

    private int lineStatus() {
        int value = lsrErrors;
        if (!receive.isEmpty()) {
            value |= LSR_DR;
        }
        if (transmit.isEmpty()) {
            value |= LSR_THRE | LSR_TEMT;
        }
        if (fifosEnabled() && (lsrErrors & LSR_BI) != 0) {
            value |= LSR_FIFO_ERROR;
        }
        return value;
    }

    private int readModemStatus() {
        int value = msr;
        msr &= MSR_LINES;
        update();
        return value;
    }

    private void writeTransmitter(int value) {
        thrEmptyPending = false;
        if ((mcr & MCR_LOOP) != 0) {
            enqueueReceived(value);
            thrEmptyPending = true;
            return;
        }
        if (transmit.isEmpty() && line.transmit(value)) {
            thrEmptyPending = true;
            return;
        }
        if (transmit.size() < (fifosEnabled() ? FIFO_SIZE : 1)) {
            transmit.add(value);
        } else {
            // A driver that does not look at THRE overwrites what has not left yet, as on the chip.
            transmit.replaceLast(value);
        }
    }

    private void writeInterruptEnable(int value) {
        boolean newly = (value & IER_THRE) != 0 && (ier & IER_THRE) == 0;
        ier = value;
        if (newly && transmit.isEmpty()) {
            thrEmptyPending = true;
        }
    }

    private void writeFifoControl(int value) {
        boolean toggled = ((value ^ fcr) & FCR_ENABLE) != 0;
        if (toggled || (value & FCR_CLEAR_RECEIVE) != 0) {
            receive.clear();
            clearTimeout();
        }
        if (toggled || (value & FCR_CLEAR_TRANSMIT) != 0) {
            if (!transmit.isEmpty()) {
                transmit.clear();
                thrEmptyPending = true;
            }
        }
        // Without the enable bit the other bits are not programmed.
        fcr = (value & FCR_ENABLE) == 0 ? 0 : value & (FCR_ENABLE | FCR_TRIGGER);
        if (refusedInput && receive.isEmpty() && (mcr & MCR_LOOP) == 0) {
            refusedInput = false;
            line.receiverReady();
        }
    }

    private void writeLineControl(int value) {
        boolean changed = ((value ^ lcr) & LCR_BREAK) != 0;
        lcr = value;
        if (changed) {
            line.breakState((value & LCR_BREAK) != 0);
        }
    }

    private void writeModemControl(int value) {
        int old = mcr;
        mcr = value;
        if ((value & MCR_LOOP) != 0) {
            // In loopback the four outputs feed the four inputs (data sheet, 8.6.5).
            setModemLines(((value & MCR_RTS) != 0 ? MSR_CTS : 0) | ((value & MCR_DTR) != 0 ? MSR_DSR : 0)
                    | ((value & MCR_OUT1) != 0 ? MSR_RI : 0) | ((value & MCR_OUT2) != 0 ? MSR_DCD : 0));
            return;
        }
        if ((old & MCR_LOOP) != 0) {
            setModemLines(modemInputs);
            if (refusedInput) {
                refusedInput = false;
                line.receiverReady();
            }
        }
        if (((old ^ value) & (MCR_DTR | MCR_RTS | MCR_LOOP)) != 0) {
            line.modemControl((value & MCR_DTR) != 0, (value & MCR_RTS) != 0);
        }
    }

    /** Takes over new levels of the modem inputs and notes what changed in the delta bits. */
    private void setModemLines(int lines) {
        int changed = (msr ^ lines) & MSR_LINES;
        int delta = changed >>> 4;
        if ((changed & MSR_RI) != 0 && (lines & MSR_RI) != 0) {
            delta &= ~(MSR_RI >>> 4); // TERI notes only the end of ringing
        }
        msr = msr & 0xF | delta | lines;
    }

    private void enqueueReceived(int value) {
        if (receive.size() >= receiveCapacity()) {
            lsrErrors |= LSR_OE;
            if (!fifosEnabled()) {
                receive.replaceLast(value);
            }
            return;
        }
        receive.add(value);
        if (receive.size() == 1) {
            showHeadError();
        }
        startTimeout();
    }

    /** The error bits belong to the byte at the head of the FIFO (data sheet, 8.4, note 2). */
    private void showHeadError() {
        if (!receive.isEmpty() && receive.peek() == BREAK) {
            lsrErrors |= LSR_BI;
        }
    }

    private void drain() {
        if ((mcr & MCR_LOOP) != 0 || transmit.isEmpty()) {
            return;
        }
        while (!transmit.isEmpty() && line.transmit(transmit.peek())) {
            transmit.remove();
        }
        if (transmit.isEmpty()) {
            thrEmptyPending = true;
        }
    }

    // ----------------------------------------------------------------------------------------------- interrupts

    private boolean fifosEnabled() {
        return (fcr & FCR_ENABLE) != 0;
    }

    private int receiveCapacity() {
        return fifosEnabled() ? FIFO_SIZE : 1;
    }

    private int triggerLevel() {
        if (!fifosEnabled()) {
            return 1;
        }
        return switch (fcr >>> 6) {
            case 0 -> 1;
            case 1 -> 4;
            case 2 -> 8;
            default -> 14;
        };
    }

    private int wordMask() {
        return 0xFF >>> 3 - (lcr & 3);
    }

    /** The pending source of the highest priority (data sheet, table IV). */
    private int pendingSource() {
        if ((ier & IER_RLS) != 0 && lsrErrors != 0) {
            return IIR_RLS;
        }
        if ((ier & IER_RDA) != 0 && receive.size() >= triggerLevel()) {
            return IIR_RDA;
        }
        if ((ier & IER_RDA) != 0 && timeoutPending && !receive.isEmpty()) {
            return IIR_TIMEOUT;
        }
        if ((ier & IER_THRE) != 0 && thrEmptyPending) {
            return IIR_THRE;
        }
        return (ier & IER_MS) != 0 && (msr & 0xF) != 0 ? IIR_MS : IIR_NONE;
    }

    private void update() {
        // On a PC the board lets the interrupt through only while OUT2 is active; loopback makes the pin inactive.
        boolean level = (mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2 && pendingSource() != IIR_NONE;
        if (level != interruptLevel) {
            interruptLevel = level;
            interrupt.set(level);
        }
    }

    /** Four character times without a byte coming or going: the guest shall hear of what is in the FIFO. */
    private void startTimeout() {
        timeoutPending = false;
        if (fifosEnabled() && triggerLevel() > 1) {
            timeoutDeadline = clock.nanos() + 4 * characterNanos();
            timeoutTimer.arm(timeoutDeadline);
        }
    }

    private void clearTimeout() {
        timeoutPending = false;
        timeoutTimer.disarm();
    }

    private long characterNanos() {
        int bits = 1 + 5 + (lcr & 3) + ((lcr & 8) != 0 ? 1 : 0) + ((lcr & 4) != 0 ? 2 : 1);
        return bits * 1_000_000_000L * Math.max(divisor, 1) / BASE_BAUD;
    }

    private synchronized void timeoutExpired() {
        if (!receive.isEmpty() && fifosEnabled() && clock.nanos() - timeoutDeadline >= 0) {
            timeoutPending = true;
            update();
        }
    }

    // ---------------------------------------------------------------------------------------------------- state

    @Override
    public Class<Uart16550State> stateType() {
        return Uart16550State.class;
    }

    @Override
    public synchronized Uart16550State save() {
        return new Uart16550State(ier, lcr, mcr, lsrErrors, msr, scr, fcr, divisor, receive.toList(), transmit.toList(),
                thrEmptyPending, timeoutPending);
    }

    @Override
    public synchronized void restore(Uart16550State state) {
        check(state);
        ier = state.ier();
        lcr = state.lcr();
        mcr = state.mcr();
        lsrErrors = state.lsrErrors();
        msr = state.msr();
        scr = state.scr();
        fcr = state.fcr();
        divisor = state.divisor();
        receive.setAll(state.receive());
        transmit.setAll(state.transmit());
        thrEmptyPending = state.thrEmptyPending();
        clearTimeout();
        if (!receive.isEmpty()) {
            startTimeout();
        }
        timeoutPending = state.timeoutPending();
        drain();
        update();
    }

    private void check(Uart16550State s) {
        int bits = s.ier() & ~0xF | s.lcr() & ~0xFF | s.mcr() & ~0x1F | s.lsrErrors() & ~LSR_ERRORS | s.msr() & ~0xFF
                | s.scr() & ~0xFF | s.fcr() & ~(FCR_ENABLE | FCR_TRIGGER) | s.divisor() & ~0xFFFF;
        int capacity = (s.fcr() & FCR_ENABLE) != 0 ? FIFO_SIZE : 1;
        boolean values = s.receive().stream().allMatch(v -> v >= 0 && v <= BREAK)
                && s.transmit().stream().allMatch(v -> v >= 0 && v <= 0xFF);
        if (bits != 0 || !values || s.receive().size() > capacity || s.transmit().size() > capacity) {
            throw new FormatException(
                    "Cannot restore " + name + ": a register is out of range or a FIFO holds more than "
                            + capacity + " bytes in " + s);
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
