package dev.vz.machine.serial;

import static dev.vz.machine.serial.UartRegisters.FCR_ENABLE;
import static dev.vz.machine.serial.UartRegisters.LSR_BI;
import static dev.vz.machine.serial.UartRegisters.LSR_OE;

import dev.vz.machine.clock.MachineClock;
import java.util.List;

/**
 * The receiving half of a UART: the FIFO, the errors of its bytes, the trigger level and the character timeout. Guarded by
 * the lock of the port that it is part of.
 */
final class UartReceiver {

    /** Marks a break among received bytes. */
    static final int BREAK = 0x100;
    /** Input of the baud rate generator, already divided by 16: 1.8432 MHz / 16. */
    private static final long BASE_BAUD = 115_200;

    private final ByteFifo fifo = new ByteFifo();
    private final MachineClock clock;
    private final MachineClock.Timer timer;
    private int errors;
    private int fcr;
    private boolean timeoutPending;
    private long timeoutDeadline;

    /** {@code onTimeout} runs on the clock's thread, without the port's lock. */
    UartReceiver(MachineClock clock, Runnable onTimeout) {
        this.clock = clock;
        this.timer = clock.timer(onTimeout);
    }

    void reset() {
        fifo.clear();
        errors = 0;
        fcr = 0;
        clearTimeout();
    }

    /** Takes over the enable bit and the trigger level of FCR. */
    void control(int fcr) {
        this.fcr = fcr;
    }

    void clear() {
        fifo.clear();
        clearTimeout();
    }

    boolean isEmpty() {
        return fifo.isEmpty();
    }

    boolean isFull() {
        return fifo.size() >= capacity();
    }

    boolean reachesTrigger() {
        return fifo.size() >= triggerLevel();
    }

    boolean timedOut() {
        return timeoutPending && !fifo.isEmpty();
    }

    int errors() {
        return errors;
    }

    void clearErrors() {
        errors = 0;
    }

    /** Takes a byte, or {@link #BREAK}; one too many is an overrun. */
    void add(int value, long characterNanos) {
        if (isFull()) {
            errors |= LSR_OE;
            if (!fifosEnabled()) {
                fifo.replaceLast(value);
            }
            return;
        }
        fifo.add(value);
        if (fifo.size() == 1) {
            showHeadError();
        }
        startTimeout(characterNanos);
    }

    /** Gives the oldest byte; 0 if there is none. */
    int remove(long characterNanos) {
        if (fifo.isEmpty()) {
            return 0;
        }
        int value = fifo.remove();
        showHeadError();
        clearTimeout();
        if (!fifo.isEmpty()) {
            startTimeout(characterNanos);
        }
        return value & 0xFF;
    }

    /** The error bits belong to the byte at the head of the FIFO (data sheet, 8.4, note 2). */
    private void showHeadError() {
        if (!fifo.isEmpty() && fifo.peek() == BREAK) {
            errors |= LSR_BI;
        }
    }

    boolean fifosEnabled() {
        return (fcr & FCR_ENABLE) != 0;
    }

    private int capacity() {
        return fifosEnabled() ? ByteFifo.CAPACITY : 1;
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

    // ------------------------------------------------------------------------------------------------- timeout

    /** Four character times without a byte coming or going: the guest shall hear of what is in the FIFO. */
    private void startTimeout(long characterNanos) {
        timeoutPending = false;
        if (fifosEnabled() && triggerLevel() > 1) {
            timeoutDeadline = clock.nanos() + 4 * characterNanos;
            timer.arm(timeoutDeadline);
        }
    }

    private void clearTimeout() {
        timeoutPending = false;
        timer.disarm();
    }

    /** The timer has expired; whether that was for the bytes that are there now. */
    boolean expire() {
        if (fifo.isEmpty() || !fifosEnabled() || clock.nanos() - timeoutDeadline < 0) {
            return false;
        }
        timeoutPending = true;
        return true;
    }

    /** How long a character takes at these settings of LCR and the divisor latch. */
    static long characterNanos(int lcr, int divisor) {
        int bits = 1 + 5 + (lcr & 3) + ((lcr & 8) != 0 ? 1 : 0) + ((lcr & 4) != 0 ? 2 : 1);
        return bits * 1_000_000_000L * Math.max(divisor, 1) / BASE_BAUD;
    }

    // --------------------------------------------------------------------------------------------------- state

    List<Integer> content() {
        return fifo.toList();
    }

    boolean isTimeoutPending() {
        return timeoutPending;
    }

    void restore(Uart16550State state) {
        fcr = state.fcr();
        errors = state.lsrErrors();
        fifo.setAll(state.receive());
        clearTimeout();
        if (!fifo.isEmpty()) {
            startTimeout(characterNanos(state.lcr(), state.divisor()));
        }
        timeoutPending = state.timeoutPending();
    }
}
