package dev.vz.emulator.irq;

import dev.vz.irq.PicState;

/**
 * One 8259A programmable interrupt controller (Intel 8259A datasheet). Not thread-safe by itself: {@link PicPair} locks.
 */
final class Pic {

    private final boolean master;
    private final int elcrMask;
    private int lastIrr;
    private int irr;
    private int imr;
    private int isr;
    private int priorityAdd;
    private int irqBase;
    private boolean readIsr;
    private boolean poll;
    private boolean specialMask;
    private int initState;
    private boolean autoEoi;
    private boolean rotateOnAutoEoi;
    private boolean specialFullyNested;
    private boolean init4;
    private int elcr;

    Pic(boolean master) {
        this.master = master;
        this.elcrMask = master ? 0xF8 : 0xDE;
    }

    /** What ICW1 does; ELCR and the base stay. */
    private void initialize() {
        lastIrr = 0;
        irr &= elcr;
        imr = 0;
        isr = 0;
        priorityAdd = 0;
        readIsr = false;
        poll = false;
        specialMask = false;
        initState = 0;
        autoEoi = false;
        rotateOnAutoEoi = false;
        specialFullyNested = false;
        init4 = false;
    }

    void reset() {
        elcr = 0;
        irqBase = 0;
        initialize();
        irr = 0;
    }

    void set(int input, boolean high) {
        int bit = 1 << input;
        if ((elcr & bit) != 0) {
            irr = high ? irr | bit : irr & ~bit;
            lastIrr = high ? lastIrr | bit : lastIrr & ~bit;
        } else if (high) {
            if ((lastIrr & bit) == 0) {
                irr |= bit;
            }
            lastIrr |= bit;
        } else {
            lastIrr &= ~bit;
        }
    }

    /** The input with the highest priority in {@code mask} counts 0, the lowest 7; 8 if there is none. */
    private int priority(int mask) {
        if (mask == 0) {
            return 8;
        }
        int priority = 0;
        while ((mask & 1 << (priority + priorityAdd & 7)) == 0) {
            priority++;
        }
        return priority;
    }

    /** The input that should interrupt the processor now, or -1. */
    int request() {
        int wanted = priority(irr & ~imr);
        if (wanted == 8) {
            return -1;
        }
        int serving = isr;
        if (specialMask) {
            serving &= ~imr;
        }
        if (specialFullyNested && master) {
            serving &= ~(1 << 2);
        }
        return wanted < priority(serving) ? wanted + priorityAdd & 7 : -1;
    }

    void acknowledge(int input) {
        int bit = 1 << input;
        if (autoEoi) {
            if (rotateOnAutoEoi) {
                priorityAdd = input + 1 & 7;
            }
        } else {
            isr |= bit;
        }
        if ((elcr & bit) == 0) {
            irr &= ~bit;
        }
    }

    int vector(int input) {
        return irqBase + input;
    }

    int read(int port) {
        if (poll) {
            poll = false;
            int input = request();
            if (input < 0) {
                return 0x07;
            }
            acknowledge(input);
            return 0x80 | input;
        }
        return port == 0 ? readIsr ? isr : irr : imr;
    }

    void write(int port, int value) {
        if (port == 1) {
            data(value);
        } else if ((value & 0x10) != 0) {
            initialize();
            init4 = (value & 1) != 0;
            initState = 1;
        } else if ((value & 0x08) != 0) {
            poll = (value & 4) != 0;
            if ((value & 2) != 0) {
                readIsr = (value & 1) != 0;
            }
            if ((value & 0x40) != 0) {
                specialMask = (value & 0x20) != 0;
            }
        } else {
            endOfInterrupt(value);
        }
    }

    private void data(int value) {
        switch (initState) {
            case 1 -> {
                irqBase = value & 0xF8;
                initState = 2;
            }
            case 2 -> initState = init4 ? 3 : 0;
            case 3 -> {
                specialFullyNested = (value & 0x10) != 0;
                autoEoi = (value & 2) != 0;
                initState = 0;
            }
            default -> imr = value;
        }
    }

    private void endOfInterrupt(int value) {
        switch (value >>> 5) {
            case 0 -> rotateOnAutoEoi = false;
            case 4 -> rotateOnAutoEoi = true;
            case 1, 5 -> {
                int serving = priority(isr);
                if (serving < 8) {
                    int input = serving + priorityAdd & 7;
                    isr &= ~(1 << input);
                    if (value >>> 5 == 5) {
                        priorityAdd = input + 1 & 7;
                    }
                }
            }
            case 3 -> isr &= ~(1 << (value & 7));
            case 6 -> priorityAdd = (value & 7) + 1 & 7;
            case 7 -> {
                isr &= ~(1 << (value & 7));
                priorityAdd = (value & 7) + 1 & 7;
            }
            default -> {
                // OCW2 code 2 is a no-operation.
            }
        }
    }

    int elcr() {
        return elcr;
    }

    void setElcr(int value) {
        elcr = value & elcrMask;
    }

    PicState save() {
        return new PicState(lastIrr, irr, imr, isr, priorityAdd, irqBase, readIsr ? 1 : 0, poll, specialMask,
                initState, autoEoi, rotateOnAutoEoi, specialFullyNested, init4, elcr, elcrMask);
    }

    void restore(PicState state) {
        lastIrr = state.lastIrr() & 0xFF;
        irr = state.irr() & 0xFF;
        imr = state.imr() & 0xFF;
        isr = state.isr() & 0xFF;
        priorityAdd = state.priorityAdd() & 7;
        irqBase = state.irqBase() & 0xF8;
        readIsr = state.readRegisterSelect() != 0;
        poll = state.poll();
        specialMask = state.specialMask();
        initState = state.initState() & 3;
        autoEoi = state.autoEoi();
        rotateOnAutoEoi = state.rotateOnAutoEoi();
        specialFullyNested = state.specialFullyNested();
        init4 = state.init4();
        elcr = state.elcr() & elcrMask;
    }
}
