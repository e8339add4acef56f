package dev.vz.machine.serial;

import static dev.vz.machine.serial.UartRegisters.FCR_CLEAR_RECEIVE;
import static dev.vz.machine.serial.UartRegisters.FCR_CLEAR_TRANSMIT;
import static dev.vz.machine.serial.UartRegisters.FCR_ENABLE;
import static dev.vz.machine.serial.UartRegisters.FCR_TRIGGER;
import static dev.vz.machine.serial.UartRegisters.IER_MS;
import static dev.vz.machine.serial.UartRegisters.IER_RDA;
import static dev.vz.machine.serial.UartRegisters.IER_RLS;
import static dev.vz.machine.serial.UartRegisters.IER_THRE;
import static dev.vz.machine.serial.UartRegisters.IIR_FIFOS;
import static dev.vz.machine.serial.UartRegisters.IIR_MS;
import static dev.vz.machine.serial.UartRegisters.IIR_NONE;
import static dev.vz.machine.serial.UartRegisters.IIR_RDA;
import static dev.vz.machine.serial.UartRegisters.IIR_RLS;
import static dev.vz.machine.serial.UartRegisters.IIR_THRE;
import static dev.vz.machine.serial.UartRegisters.IIR_TIMEOUT;
import static dev.vz.machine.serial.UartRegisters.LCR_BREAK;
import static dev.vz.machine.serial.UartRegisters.LCR_DLAB;
import static dev.vz.machine.serial.UartRegisters.LSR_BI;
import static dev.vz.machine.serial.UartRegisters.LSR_DR;
import static dev.vz.machine.serial.UartRegisters.LSR_ERRORS;
import static dev.vz.machine.serial.UartRegisters.LSR_FIFO_ERROR;
import static dev.vz.machine.serial.UartRegisters.LSR_TEMT;
import static dev.vz.machine.serial.UartRegisters.LSR_THRE;
import static dev.vz.machine.serial.UartRegisters.MCR_DTR;
import static dev.vz.machine.serial.UartRegisters.MCR_LOOP;
import static dev.vz.machine.serial.UartRegisters.MCR_OUT1;
import static dev.vz.machine.serial.UartRegisters.MCR_OUT2;
import static dev.vz.machine.serial.UartRegisters.MCR_RTS;
import static dev.vz.machine.serial.UartRegisters.MSR_CONNECTED;
import static dev.vz.machine.serial.UartRegisters.MSR_CTS;
import static dev.vz.machine.serial.UartRegisters.MSR_DCD;
import static dev.vz.machine.serial.UartRegisters.MSR_DSR;
import static dev.vz.machine.serial.UartRegisters.MSR_LINES;
import static dev.vz.machine.serial.UartRegisters.MSR_RI;

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

    private final String name;
    private final InterruptLine interrupt;
    private final UartReceiver receiver;
    private final ByteFifo transmit = new ByteFifo();
    private SerialLine line = SerialLine.unconnected();
    private int ier;
    private int lcr;
    private int mcr;
    private int msr;
    /** What the line drives, in the upper half of MSR; shown to the guest except in loopback. */
    private int modemInputs = MSR_CONNECTED;
    private int scr;
    private int fcr;
    private int divisor;
    private boolean thrEmptyPending;
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
        this.receiver = new UartReceiver(clock, this::timeoutExpired);
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
        msr = modemInputs;
        scr = 0;
        fcr = 0;
        divisor = 12; // 9600 baud
        receiver.reset();
        transmit.clear();
        thrEmptyPending = false;
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
        return accept(UartReceiver.BREAK);
    }

    private boolean accept(int value) {
        if ((mcr & MCR_LOOP) != 0 || receiver.isFull()) {
            refusedInput = true;
            return false;
        }
        receiver.add(value, characterNanos());
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
        if (receiver.isEmpty()) {
            return 0;
        }
        int value = receiver.remove(characterNanos());
        if (refusedInput && (mcr & MCR_LOOP) == 0) {
            refusedInput = false;
            line.receiverReady();
        }
        update();
        return value;
    }

    private int readInterruptIdentification() {
        int source = pendingSource();
        if (source == IIR_THRE) {
            // Reading IIR is one of the two ways to acknowledge THRE (data sheet, table IV).
            thrEmptyPending = false;
            update();
        }
        return source | (receiver.fifosEnabled() ? IIR_FIFOS : 0);
    }

    private int readLineStatus() {
        int value = lineStatus();
        receiver.clearErrors();
        update();
        return value;
    }

    private int lineStatus() {
        int value = receiver.errors();
        if (!receiver.isEmpty()) {
            value |= LSR_DR;
        }
        if (transmit.isEmpty()) {
            value |= LSR_THRE | LSR_TEMT;
        }
        if (receiver.fifosEnabled() && (value & LSR_BI) != 0) {
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
            receiver.add(value, characterNanos());
            thrEmptyPending = true;
            return;
        }
        if (transmit.isEmpty() && line.transmit(value)) {
            thrEmptyPending = true;
            return;
        }
        if (transmit.size() < (receiver.fifosEnabled() ? FIFO_SIZE : 1)) {
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
            receiver.clear();
        }
        if (toggled || (value & FCR_CLEAR_TRANSMIT) != 0) {
            if (!transmit.isEmpty()) {
                transmit.clear();
                thrEmptyPending = true;
            }
        }
        // Without the enable bit the other bits are not programmed.
        fcr = (value & FCR_ENABLE) == 0 ? 0 : value & (FCR_ENABLE | FCR_TRIGGER);
        receiver.control(fcr);
        if (refusedInput && receiver.isEmpty() && (mcr & MCR_LOOP) == 0) {
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

    private int wordMask() {
        return 0xFF >>> 3 - (lcr & 3);
    }

    /** The pending source of the highest priority (data sheet, table IV). */
    private int pendingSource() {
        if ((ier & IER_RLS) != 0 && receiver.errors() != 0) {
            return IIR_RLS;
        }
        if ((ier & IER_RDA) != 0 && receiver.reachesTrigger()) {
            return IIR_RDA;
        }
        if ((ier & IER_RDA) != 0 && receiver.timedOut()) {
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

    private long characterNanos() {
        return UartReceiver.characterNanos(lcr, divisor);
    }

    private synchronized void timeoutExpired() {
        if (receiver.expire()) {
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
        return new Uart16550State(ier, lcr, mcr, receiver.errors(), msr, scr, fcr, divisor, receiver.content(),
                transmit.toList(), thrEmptyPending, receiver.isTimeoutPending());
    }

    @Override
    public synchronized void restore(Uart16550State state) {
        check(state);
        ier = state.ier();
        lcr = state.lcr();
        mcr = state.mcr();
        msr = state.msr();
        scr = state.scr();
        fcr = state.fcr();
        divisor = state.divisor();
        receiver.restore(state);
        transmit.setAll(state.transmit());
        thrEmptyPending = state.thrEmptyPending();
        drain();
        update();
    }

    private void check(Uart16550State s) {
        int bits = s.ier() & ~0xF | s.lcr() & ~0xFF | s.mcr() & ~0x1F | s.lsrErrors() & ~LSR_ERRORS | s.msr() & ~0xFF
                | s.scr() & ~0xFF | s.fcr() & ~(FCR_ENABLE | FCR_TRIGGER) | s.divisor() & ~0xFFFF;
        int capacity = (s.fcr() & FCR_ENABLE) != 0 ? FIFO_SIZE : 1;
        boolean values = s.receive().stream().allMatch(v -> v >= 0 && v <= UartReceiver.BREAK)
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
