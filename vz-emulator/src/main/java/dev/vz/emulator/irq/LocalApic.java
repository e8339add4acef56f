package dev.vz.emulator.irq;

import dev.vz.cpu.x86.LapicState;
import dev.vz.emulator.clock.MachineClock;
import dev.vz.emulator.clock.Tsc;
import java.util.function.IntSupplier;

/**
 * A processor's local APIC, in xAPIC and x2APIC mode (Intel SDM 3A, chapter 11).
 *
 * <p>
 * Registers are read and written by the thread that runs the processor. Interrupts are posted from any thread without a
 * lock: a bit in the request register, then a nudge to the processor, which looks at {@link #pending()} between two
 * instructions and takes the vector with {@link #acknowledge()}.
 */
public final class LocalApic {

    /** The processor that this is part of. Every method may be called on any thread and does not block. */
    public interface Processor {
        /** Something that may interrupt it has changed: look again before the next instruction. */
        void attention();

        /** A non-maskable interrupt. */
        void nmi();

        /** A system management interrupt. */
        void smi();

        /** INIT: back to the state after reset, then wait for {@link #startUp}. */
        void init();

        /** Start-up IPI: begin at page {@code vector}, if waiting for it. */
        void startUp(int vector);
    }

    private static final int ENABLE = 1 << 11;
    private static final int X2APIC = 1 << 10;
    private static final int BSP = 1 << 8;
    private static final int MASKED = 1 << 16;
    private static final int VERSION = 0x14 | 5 << 16;
    private static final int LVT_COUNT = 6;
    private static final int LVT_TIMER = 0;
    private static final int LVT_LINT0 = 3;
    private static final int LVT_ERROR = 5;
    private static final int[] LVT_WRITABLE = {0x7_00FF, 0x1_07FF, 0x1_07FF, 0x1_A7FF, 0x1_A7FF, 0x1_00FF};
    private static final int ESR_SEND_ILLEGAL = 1 << 5;
    private static final int ESR_RECEIVE_ILLEGAL = 1 << 6;
    private static final int ESR_REGISTER = 1 << 7;

    private final int id;
    private final ApicBus bus;
    private final Processor processor;
    private final ApicTimer timer;
    private final IntSupplier external;

    private final VectorSet irr = new VectorSet();
    private final VectorSet isr = new VectorSet();
    private final VectorSet tmr = new VectorSet();
    private volatile long base;
    private volatile int tpr;
    private volatile int ldr;
    private volatile int dfr;
    private volatile int svr;
    private volatile int esr;
    private int pendingEsr;
    private long icr;
    /** Written by the processor, read by the clock's thread when the timer expires and by others when LINT0 moves. */
    private final int[] lvt = new int[LVT_COUNT];
    private volatile boolean lint0;

    /**
     * The local APIC of processor {@code id}; number 0 is the bootstrap processor.
     *
     * @param external gives the vector of the 8259A's interrupt and acknowledges it, or -1
     */
    public LocalApic(int id, ApicBus bus, Processor processor, MachineClock clock, Tsc tsc, IntSupplier external) {
        this.id = id;
        this.bus = bus;
        this.processor = processor;
        this.external = external;
        this.timer = new ApicTimer(clock, tsc, this::timerExpired);
        this.base = 0xFEE0_0000L | ENABLE | (id == 0 ? BSP : 0);
        reset();
    }

    /** The initial APIC id, which is also the x2APIC id. */
    public int id() {
        return id;
    }

    /** What INIT does: everything but the base register and the id. */
    public synchronized void reset() {
        timer.reset();
        irr.clear();
        isr.clear();
        tmr.clear();
        tpr = 0;
        ldr = isX2() ? x2Ldr() : 0;
        dfr = -1;
        svr = 0xFF;
        esr = 0;
        pendingEsr = 0;
        icr = 0;
        for (int i = 0; i < LVT_COUNT; i++) {
            lvt[i] = MASKED;
        }
        if (id == 0) {
            // The bootstrap processor starts in virtual wire mode: the 8259A reaches it through LINT0.
            lvt[LVT_LINT0] = ApicBus.EXTINT << 8;
        }
    }

    // ------------------------------------------------------------------------------------------ APIC_BASE

    /** The APIC_BASE MSR. */
    public long base() {
        return base;
    }

    /**
     * Writes APIC_BASE.
     *
     * @return {@code false} if the change is illegal and raises #GP
     */
    public boolean setBase(long value) {
        if ((value & ~(0xF_FFFF_FFFF_F000L | ENABLE | X2APIC | BSP)) != 0) {
            return false;
        }
        int from = (int) base & (ENABLE | X2APIC);
        int to = (int) value & (ENABLE | X2APIC);
        boolean illegal = to == X2APIC || from == (ENABLE | X2APIC) && to == ENABLE
                || from == 0 && to == (ENABLE | X2APIC);
        if (illegal) {
            return false;
        }
        base = value & ~BSP | (id == 0 ? BSP : 0);
        if (to != from) {
            if (to == 0) {
                reset();
            } else if (isX2()) {
                ldr = x2Ldr();
            }
            processor.attention();
        }
        return true;
    }

    /** Whether the guest has not switched it off in APIC_BASE. */
    public boolean isEnabled() {
        return (base & ENABLE) != 0;
    }

    /** Whether its registers are MSRs. */
    public boolean isX2() {
        return (base & (ENABLE | X2APIC)) == (ENABLE | X2APIC);
    }

    /** Guest-physical address of the register page. */
    public long page() {
        return base & 0xF_FFFF_FFFF_F000L;
    }

    private int x2Ldr() {
        return (id & ~0xF) << 12 | 1 << (id & 0xF);
    }

    boolean isSoftwareEnabled() {
        return isEnabled() && (svr & 0x100) != 0;
    }

    // ------------------------------------------------------------------------------------------- messages

    boolean isAddressed(int destination, boolean logical, boolean narrow) {
        if (!isEnabled()) {
            return false;
        }
        if (destination == -1 || narrow && destination == 0xFF) {
            return true;
        }
        if (!logical) {
            return destination == id;
        }
        int mine = ldr;
        if (isX2()) {
            return destination >>> 16 == mine >>> 16 && (destination & mine & 0xFFFF) != 0;
        }
        int mask = mine >>> 24;
        if (dfr >>> 28 == 0) {
            return destination >>> 4 == mask >>> 4 && (destination & mask & 0xF) != 0;
        }
        return (destination & mask) != 0;
    }

    boolean take(int mode, int vector, boolean level, boolean asserted) {
        switch (mode) {
            case ApicBus.FIXED, ApicBus.LOWEST_PRIORITY -> {
                if (!isSoftwareEnabled()) {
                    return false;
                }
                post(vector, level);
            }
            case ApicBus.SMI -> processor.smi();
            case ApicBus.NMI -> processor.nmi();
            case ApicBus.INIT -> {
                if (asserted) {
                    processor.init();
                }
            }
            case ApicBus.STARTUP -> processor.startUp(vector);
            case ApicBus.EXTINT -> processor.attention();
            default -> {
                return false;
            }
        }
        return true;
    }

    private void post(int vector, boolean level) {
        if (vector < 16) {
            error(ESR_RECEIVE_ILLEGAL);
            return;
        }
        if (level) {
            tmr.add(vector);
        } else {
            tmr.remove(vector);
        }
        irr.add(vector);
        processor.attention();
    }

    private void timerExpired() {
        local(LVT_TIMER);
    }

    private void local(int entry) {
        int value = lvt[entry];
        if ((value & MASKED) != 0) {
            return;
        }
        switch (entry == LVT_TIMER || entry == LVT_ERROR ? ApicBus.FIXED : value >>> 8 & 7) {
            case ApicBus.FIXED -> post(value & 0xFF, (value & 1 << 15) != 0);
            case ApicBus.NMI -> processor.nmi();
            case ApicBus.SMI -> processor.smi();
            default -> processor.attention();
        }
    }

    /** The level of the 8259A's output. */
    void lint0(boolean high) {
        boolean rising = high && !lint0;
        lint0 = high;
        if (rising) {
            if (isEnabled()) {
                local(LVT_LINT0);
            } else {
                processor.attention();
            }
        }
    }

    private void error(int bit) {
        synchronized (this) {
            pendingEsr |= bit;
        }
        local(LVT_ERROR);
    }

    // ------------------------------------------------------------------------------- the processor's side

    private boolean acceptsExternal() {
        return lint0 && (!isEnabled() && id == 0
                || isEnabled() && (lvt[LVT_LINT0] & (MASKED | 0x700)) == ApicBus.EXTINT << 8);
    }

    /** Whether there is an interrupt that the processor should take as soon as it can. */
    public boolean pending() {
        if (acceptsExternal()) {
            return true;
        }
        int vector = irr.highest();
        return vector >= 0 && isSoftwareEnabled() && (vector & 0xF0) > (processorPriority() & 0xF0);
    }

    /** Takes the interrupt that {@link #pending()} told of: its vector, or -1 if it has gone meanwhile. */
    public int acknowledge() {
        if (acceptsExternal()) {
            int vector = external.getAsInt();
            if (vector >= 0) {
                return vector;
            }
        }
        int vector = irr.highest();
        if (vector < 0 || !isSoftwareEnabled() || (vector & 0xF0) <= (processorPriority() & 0xF0)) {
            return -1;
        }
        irr.remove(vector);
        isr.add(vector);
        return vector;
    }

    int processorPriority() {
        int inService = isr.highest();
        int task = tpr;
        return inService >= 0 && (inService & 0xF0) > (task & 0xF0) ? inService & 0xF0 : task;
    }

    private void endOfInterrupt() {
        int vector = isr.highest();
        if (vector < 0) {
            return;
        }
        isr.remove(vector);
        if (tmr.contains(vector)) {
            bus.endOfInterrupt(vector);
        }
        processor.attention();
    }

    /** CR8: the high half of the task priority. */
    public int cr8() {
        return tpr >>> 4;
    }

    /** Writes CR8. */
    public void setCr8(int value) {
        tpr = (value & 0xF) << 4;
        processor.attention();
    }

    /** IA32_TSC_DEADLINE. */
    public long tscDeadline() {
        return timer.deadline();
    }

    /** Writes IA32_TSC_DEADLINE. */
    public void setTscDeadline(long value) {
        timer.setDeadline(value);
    }

    /** The guest moved its time stamp counter. */
    public void tscMoved() {
        timer.tscMoved();
    }

    // ------------------------------------------------------------------------------------------ registers

    /** Reads the register page: {@code offset} 0 to 4095, any size; only aligned 32-bit registers hold something. */
    public long readPage(long offset, int size) {
        int register = (int) offset & 0xFF0;
        int shift = ((int) offset & 0xF) * 8;
        return shift >= 32 ? 0 : (register(register) & 0xFFFF_FFFFL) >>> shift;
    }

    /** Writes the register page; only 32-bit writes to the start of a register have an effect. */
    public void writePage(long offset, int size, long value) {
        if ((offset & 0xF) == 0 && size >= 4) {
            setRegister((int) offset & 0xFF0, (int) value);
        }
    }

    /** Reads an x2APIC MSR (0x800 to 0x8FF); {@link Long#MIN_VALUE} where that raises #GP. */
    public long readMsr(int index) {
        int register = (index & 0xFF) << 4;
        if (!isX2() || !isReadable(register)) {
            return Long.MIN_VALUE;
        }
        return register == LapicState.ICR ? icr : register(register) & 0xFFFF_FFFFL;
    }

    /** Writes an x2APIC MSR; {@code false} where that raises #GP. */
    public boolean writeMsr(int index, long value) {
        int register = (index & 0xFF) << 4;
        if (!isX2()) {
            return false;
        }
        if (register == LapicState.ICR) {
            if ((value & 0xFFF3_2000L) != 0) {
                return false;
            }
            sendIpi(value);
            return true;
        }
        if (register == 0x3F0) {
            if ((value & ~0xFFL) != 0) {
                return false;
            }
            selfIpi((int) value);
            return true;
        }
        if (!isWritable(register) || value >>> 32 != 0 || (register == 0xB0 || register == 0x280) && value != 0) {
            return false;
        }
        setRegister(register, (int) value);
        return true;
    }

    private void selfIpi(int vector) {
        if (vector < 16) {
            error(ESR_SEND_ILLEGAL);
        } else {
            take(ApicBus.FIXED, vector, false, true);
        }
    }

    private static boolean isReadable(int register) {
        return switch (register) {
            case 0x20, 0x30, 0x80, 0xA0, 0xD0, 0xF0, 0x280, 0x300, 0x380, 0x390, 0x3E0 -> true;
            default -> register >= 0x100 && register <= 0x270 || register >= 0x320 && register <= 0x370;
        };
    }

    private static boolean isWritable(int register) {
        return switch (register) {
            case 0x80, 0xB0, 0xF0, 0x280, 0x380, 0x3E0 -> true;
            default -> register >= 0x320 && register <= 0x370;
        };
    }

    private int register(int offset) {
        return switch (offset) {
            case LapicState.ID -> isX2() ? id : id << 24;
            case 0x30 -> VERSION;
            case LapicState.TPR -> tpr;
            case 0xA0 -> processorPriority();
            case LapicState.LDR -> ldr;
            case LapicState.DFR -> dfr;
            case LapicState.SVR -> svr;
            case 0x280 -> esr;
            case LapicState.ICR -> (int) icr;
            case 0x310 -> (int) (icr >>> 32);
            case LapicState.TIMER_INITIAL -> timer.initialCount();
            case LapicState.TIMER_CURRENT -> (int) timer.currentCount();
            case LapicState.TIMER_DIVIDE -> timer.divide();
            default -> vectorRegister(offset);
        };
    }

    private int vectorRegister(int offset) {
        int index = offset >>> 4 & 7;
        return switch (offset >>> 7) {
            case LapicState.ISR >>> 7 -> isr.word(index);
            case LapicState.TMR >>> 7 -> tmr.word(index);
            case LapicState.IRR >>> 7 -> irr.word(index);
            default -> offset >= LapicState.LVT_TIMER && offset <= LapicState.LVT_ERROR
                    ? lvt[(offset - LapicState.LVT_TIMER) >>> 4]
                    : 0;
        };
    }

    private void setRegister(int offset, int value) {
        switch (offset) {
            case LapicState.TPR -> {
                tpr = value & 0xFF;
                processor.attention();
            }
            case 0xB0 -> endOfInterrupt();
            case LapicState.LDR -> ldr = isX2() ? ldr : value & 0xFF00_0000;
            case LapicState.DFR -> dfr = isX2() ? dfr : value | 0x0FFF_FFFF;
            case LapicState.SVR -> setSvr(value & 0x1FF);
            case 0x280 -> {
                synchronized (this) {
                    esr = pendingEsr;
                    pendingEsr = 0;
                }
            }
            case LapicState.ICR -> sendIpi(icr & 0xFFFF_FFFF_0000_0000L | value & 0xFFFF_FFFFL);
            case 0x310 -> icr = icr & 0xFFFF_FFFFL | (long) value << 32;
            case LapicState.TIMER_INITIAL -> timer.setInitialCount(value);
            case LapicState.TIMER_DIVIDE -> timer.setDivide(value);
            default -> {
                if (offset >= LapicState.LVT_TIMER && offset <= LapicState.LVT_ERROR) {
                    setLvt((offset - LapicState.LVT_TIMER) >>> 4, value);
                } else if (offset < 0x400 && register(offset) == 0 && !isReadable(offset)) {
                    error(ESR_REGISTER);
                }
            }
        }
    }

    private void setSvr(int value) {
        svr = value;
        if ((value & 0x100) == 0) {
            // Software disable masks every local source until it is written again (11.4.7.2).
            for (int i = 0; i < LVT_COUNT; i++) {
                lvt[i] |= MASKED;
            }
        }
        processor.attention();
    }

    private void setLvt(int entry, int value) {
        int next = value & LVT_WRITABLE[entry];
        if ((svr & 0x100) == 0) {
            next |= MASKED;
        }
        lvt[entry] = next;
        if (entry == LVT_TIMER) {
            timer.setMode(next >>> 17 & 3);
        } else if (entry == LVT_LINT0) {
            processor.attention();
        }
    }

    private void sendIpi(long command) {
        icr = command & ~(1L << 12);
        int low = (int) command;
        int mode = low >>> 8 & 7;
        int vector = low & 0xFF;
        boolean level = (low & 1 << 15) != 0;
        boolean asserted = (low & 1 << 14) != 0 || !level;
        if ((mode == ApicBus.FIXED || mode == ApicBus.LOWEST_PRIORITY) && vector < 16) {
            error(ESR_SEND_ILLEGAL);
            return;
        }
        switch (low >>> 18 & 3) {
            case 0 -> bus.deliver(isX2() ? (int) (command >>> 32) : (int) (command >>> 56), (low & 1 << 11) != 0, mode,
                    vector, false, asserted, !isX2());
            case 1 -> take(ApicBus.FIXED, vector, false, true);
            case 2 -> bus.broadcast(this, true, mode, vector, false, asserted);
            default -> bus.broadcast(this, false, mode, vector, false, asserted);
        }
    }

    // ---------------------------------------------------------------------------------------------- state

    /** The register page, as a snapshot keeps it. While the processor does not run. */
    public LapicState save() {
        LapicState state = LapicState.of(new byte[LapicState.SIZE]);
        for (int offset = 0x20; offset < LapicState.SIZE; offset += 16) {
            state = state.with(offset, register(offset));
        }
        return state;
    }

    /** Puts {@code state} in place. While the processor does not run; APIC_BASE first. */
    public void restore(LapicState state) {
        tpr = state.register(LapicState.TPR) & 0xFF;
        ldr = isX2() ? x2Ldr() : state.register(LapicState.LDR);
        dfr = state.register(LapicState.DFR);
        svr = state.register(LapicState.SVR) & 0x1FF;
        esr = state.register(0x280);
        icr = state.register(LapicState.ICR) & 0xFFFF_FFFFL | (long) state.register(0x310) << 32;
        for (int i = 0; i < 8; i++) {
            isr.setWord(i, state.register(LapicState.ISR + 16 * i));
            tmr.setWord(i, state.register(LapicState.TMR + 16 * i));
            irr.setWord(i, state.register(LapicState.IRR + 16 * i));
        }
        for (int i = 0; i < LVT_COUNT; i++) {
            lvt[i] = state.register(LapicState.LVT_TIMER + 16 * i) & LVT_WRITABLE[i];
        }
        timer.restore(lvt[LVT_TIMER] >>> 17 & 3, state.register(LapicState.TIMER_DIVIDE),
                state.register(LapicState.TIMER_INITIAL), state.register(LapicState.TIMER_CURRENT) & 0xFFFF_FFFFL);
        processor.attention();
    }
}
