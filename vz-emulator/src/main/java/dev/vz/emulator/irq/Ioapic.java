package dev.vz.emulator.irq;

import dev.vz.bus.BusDevice;
import dev.vz.irq.InterruptLine;
import dev.vz.irq.IoapicState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The 82093AA I/O APIC: 24 inputs, each with a redirection entry (82093AA datasheet, 3.2). At 0xFEC00000, 4 KiB.
 *
 * <p>
 * Lines may be driven from any thread. A level-triggered input that stays high is sent again after its end of interrupt.
 */
public final class Ioapic implements BusDevice {

    /** Where a PC has it. */
    public static final long ADDRESS = 0xFEC0_0000L;
    /** Number of inputs. */
    public static final int INPUTS = 24;

    private static final int VERSION = 0x11 | (INPUTS - 1) << 16;
    private static final long REMOTE_IRR = 1L << 14;
    private static final long LEVEL = 1L << 15;
    private static final long MASKED = 1L << 16;
    private static final long WRITABLE = 0xFFFF_0000_0001_AFFFL;

    private final ApicBus bus;
    private final long[] redirection = new long[INPUTS];
    private final @Nullable Runnable[] listeners = new Runnable[INPUTS];
    private int id;
    private int select;
    private int levels;
    private long sent;

    /** An I/O APIC with everything masked, sending on {@code bus}. */
    public Ioapic(ApicBus bus) {
        this.bus = bus;
        reset();
        bus.onEndOfInterrupt(this::endOfInterrupt);
    }

    /** As after power-on; the lines keep their levels. */
    public synchronized void reset() {
        id = 0;
        select = 0;
        sent = 0;
        Arrays.fill(redirection, MASKED);
    }

    /** The wire to input {@code pin}. */
    InterruptLine.Resampled line(int pin) {
        return new Line(pin);
    }

    private final class Line implements InterruptLine.Resampled {
        private final int pin;

        Line(int pin) {
            this.pin = pin;
        }

        @Override
        public void set(boolean high) {
            Ioapic.this.set(pin, high);
        }

        @Override
        public void onEndOfInterrupt(Runnable listener) {
            synchronized (Ioapic.this) {
                listeners[pin] = listener;
            }
        }
    }

    private synchronized void set(int pin, boolean high) {
        int bit = 1 << pin;
        boolean rising = high && (levels & bit) == 0;
        levels = high ? levels | bit : levels & ~bit;
        if ((redirection[pin] & LEVEL) != 0) {
            service(pin);
        } else if (rising) {
            send(pin);
        }
    }

    /** Sends a level-triggered input that is high and not in service. */
    private void service(int pin) {
        if ((levels & 1 << pin) != 0 && (redirection[pin] & (LEVEL | REMOTE_IRR | MASKED)) == LEVEL) {
            send(pin);
        }
    }

    private void send(int pin) {
        long entry = redirection[pin];
        if ((entry & MASKED) != 0) {
            return;
        }
        int mode = (int) (entry >>> 8) & 7;
        boolean level = (entry & LEVEL) != 0;
        boolean taken = bus.deliver((int) (entry >>> 56), (entry & 1 << 11) != 0, mode, (int) entry & 0xFF,
                level, true, true);
        if (taken && level) {
            redirection[pin] |= REMOTE_IRR;
        }
        sent++;
    }

    private void endOfInterrupt(int vector) {
        for (int pin = 0; pin < INPUTS; pin++) {
            Runnable listener;
            synchronized (this) {
                long entry = redirection[pin];
                if ((entry & 0xFF) != vector || (entry & LEVEL) == 0) {
                    continue;
                }
                redirection[pin] &= ~REMOTE_IRR;
                listener = listeners[pin];
                if (listener != null) {
                    levels &= ~(1 << pin);
                }
            }
            if (listener != null) {
                // Outside the lock: a device whose cause still stands raises the line again from here.
                listener.run();
            }
            synchronized (this) {
                service(pin);
            }
        }
    }

    /** Interrupts sent so far. */
    public synchronized long sent() {
        return sent;
    }

    @Override
    public synchronized long read(long offset, int size) {
        return switch ((int) offset) {
            case 0x00 -> select;
            case 0x10 -> window() & 0xFFFF_FFFFL;
            default -> 0;
        };
    }

    private int window() {
        return switch (select) {
            case 0, 2 -> id << 24;
            case 1 -> VERSION;
            default -> {
                int pin = (select - 0x10) >> 1;
                if (select < 0x10 || pin >= INPUTS) {
                    yield 0;
                }
                yield (int) ((select & 1) == 0 ? redirection[pin] : redirection[pin] >>> 32);
            }
        };
    }

    @Override
    public synchronized void write(long offset, int size, long value) {
        switch ((int) offset) {
            case 0x00 -> select = (int) value & 0xFF;
            case 0x10 -> setWindow((int) value);
            default -> {
                // Version 0x11 has no EOI register; other offsets are reserved.
            }
        }
    }

    private void setWindow(int value) {
        if (select == 0) {
            id = value >>> 24 & 0xF;
            return;
        }
        int pin = (select - 0x10) >> 1;
        if (select < 0x10 || pin >= INPUTS) {
            return;
        }
        long old = redirection[pin];
        long next = (select & 1) == 0
                ? old & 0xFFFF_FFFF_0000_0000L | value & 0xFFFF_FFFFL
                : old & 0xFFFF_FFFFL | (long) value << 32;
        next = next & WRITABLE | old & ~WRITABLE;
        if ((next & LEVEL) == 0) {
            // Guests switch to edge and back to clear a stuck remote IRR.
            next &= ~REMOTE_IRR;
        }
        redirection[pin] = next;
        service(pin);
    }

    /** The state, for a snapshot. */
    public synchronized IoapicState save() {
        var entries = new ArrayList<Long>(INPUTS);
        for (long entry : redirection) {
            entries.add(entry);
        }
        return new IoapicState(id, select, levels, entries);
    }

    /** Puts {@code state} in place. */
    public synchronized void restore(IoapicState state) {
        id = state.id();
        select = state.select();
        levels = state.irr();
        List<Long> entries = state.redirection();
        for (int i = 0; i < INPUTS; i++) {
            redirection[i] = i < entries.size() ? entries.get(i) : MASKED;
        }
    }
}
