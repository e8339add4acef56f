package dev.vz.emulator.cpu;

import static dev.vz.emulator.cpu.Segments.*;

import dev.vz.emulator.fault.Vector;

/**
 * Task state segments outside long mode: stacks of inner levels, hardware task switches, I/O permission (Intel SDM
 * volume 3A, chapter 8).
 */
public final class Tasks {

    /** A switch by JMP. */
    public static final int JUMP = 0;
    /** A switch by CALL, or through a gate by an interrupt. */
    public static final int CALL = 1;
    /** A switch by IRET with NT set. */
    public static final int RETURN = 2;

    private final Cpu c;

    /** Descriptor of the stack that {@link #innerStack} found. */
    long stackDescriptor;
    /** Pointer of the stack that {@link #innerStack} found. */
    long stackPointer;

    Tasks(Cpu c) {
        this.c = c;
    }

    private boolean isWide(int attributes) {
        return (attributes & 8) != 0;
    }

    /** Looks up the stack for privilege level {@code dpl}. Returns its selector. */
    int innerStack(int dpl, StackFrame frame) {
        int attributes = c.segmentAttributes[TR];
        long base = c.segmentBase[TR];
        int error = c.segmentSelector[TR] & 0xFFFC;
        long limit = c.segmentLimit[TR] & 0xFFFF_FFFFL;
        int selector;
        if (isWide(attributes)) {
            if (dpl * 8 + 9 > limit) {
                throw c.raise(Vector.TS, error);
            }
            stackPointer = Segmentation.readSystem(c, base + 4 + dpl * 8L, 4);
            selector = (int) Segmentation.readSystem(c, base + 8 + dpl * 8L, 2);
        } else {
            if (dpl * 4 + 5 > limit) {
                throw c.raise(Vector.TS, error);
            }
            stackPointer = Segmentation.readSystem(c, base + 2 + dpl * 4L, 2);
            selector = (int) Segmentation.readSystem(c, base + 4 + dpl * 4L, 2);
        }
        if ((selector & 0xFFFC) == 0) {
            throw c.raise(Vector.TS);
        }
        stackDescriptor = Segmentation.descriptor(c, selector, Vector.TS);
        Segmentation.checkStack(c, selector, stackDescriptor, dpl, Vector.TS);
        return selector;
    }

    /** The interrupt redirection bit of {@code vector} in virtual-8086 mode. */
    boolean redirectionBit(int vector) {
        long base = c.segmentBase[TR];
        int map = (int) Segmentation.readSystem(c, base + 102, 2) - 32 + (vector >> 3);
        if (map > (c.segmentLimit[TR] & 0xFFFF_FFFFL)) {
            throw c.raise(Vector.GP);
        }
        return (Segmentation.readSystem(c, base + map, 1) >> (vector & 7) & 1) != 0;
    }

    /** Faults if the program may not use {@code size} ports from {@code port}. */
    public void checkPort(int port, int size) {
        if ((c.cr0 & Modes.CR0_PE) == 0
                || (c.flags & Flags.VM) == 0 && c.cpl <= (c.flags & Flags.IOPL) >> 12) {
            return;
        }
        int attributes = c.segmentAttributes[TR];
        long limit = c.segmentLimit[TR] & 0xFFFF_FFFFL;
        if (!isWide(attributes) || limit < 103) {
            throw c.raise(Vector.GP);
        }
        long at = Segmentation.readSystem(c, c.segmentBase[TR] + 102, 2) + (port >> 3);
        if (at + 1 > limit) {
            throw c.raise(Vector.GP);
        }
        int bits = (int) Segmentation.readSystem(c, c.segmentBase[TR] + at, 2) >> (port & 7);
        if ((bits & (1 << size) - 1) != 0) {
            throw c.raise(Vector.GP);
        }
    }

    /** Switches tasks through a task gate in the interrupt descriptor table. */
    void throughGate(int selector, boolean software, boolean hasCode, int code) {
        long descriptor = checkedTask(selector, Vector.GP, false);
        switchTo(selector, descriptor, CALL);
        if (hasCode) {
            StackFrame frame = new StackFrame(c).present();
            frame.push(isWide(c.segmentAttributes[TR]) ? 4 : 2, code);
            frame.commit();
        }
        checkInstructionPointer();
    }

    /** The descriptor of the task that {@code selector} names, after the checks of JMP, CALL and task gates. */
    public long checkedTask(int selector, int vector, boolean busy) {
        int error = selector & 0xFFFC;
        if ((selector & 4) != 0 || error == 0) {
            throw c.raise(vector, error);
        }
        long descriptor = Segmentation.descriptor(c, selector, vector);
        int type = Segmentation.attributes(descriptor) & 0x1F;
        int free = busy ? 3 : 1;
        if (type != free && type != (free | 8)) {
            throw c.raise(vector, error);
        }
        if ((Segmentation.attributes(descriptor) & P) == 0) {
            throw c.raise(Vector.NP, error);
        }
        return descriptor;
    }

    /** Checks EIP of the new task. */
    public void checkInstructionPointer() {
        if (Long.compareUnsigned(c.rip, c.segmentLimit[CS] & 0xFFFF_FFFFL) > 0) {
            throw c.raise(Vector.GP);
        }
    }

    /**
     * Switches to the task whose state segment {@code selector} names. Faults in the first half happen in the old task
     * and change nothing; faults while segments are loaded happen in the new one.
     */
    public void switchTo(int selector, long descriptor, int kind) {
        boolean wide = isWide(Segmentation.attributes(descriptor));
        int error = selector & 0xFFFC;
        long newLimit = Segmentation.limit(descriptor) & 0xFFFF_FFFFL;
        if (newLimit < (wide ? 103 : 43)) {
            throw c.raise(Vector.TS, error);
        }
        long newBase = Segmentation.base(descriptor);
        long oldBase = c.segmentBase[TR];
        boolean oldWide = isWide(c.segmentAttributes[TR]);
        int oldSelector = c.segmentSelector[TR];
        c.mmu.checkRead(newBase, wide ? 104 : 44, false);
        c.mmu.checkWrite(oldBase, oldWide ? 104 : 44, false);
        int flags = Flags.get(c);
        if (kind != CALL) {
            setBusy(oldSelector, false);
        }
        if (kind == RETURN) {
            flags &= ~Flags.NT;
        }
        save(oldBase, oldWide, flags);
        if (kind == CALL) {
            Segmentation.writeSystem(c, newBase, 2, oldSelector);
        }
        if (kind != RETURN) {
            setBusy(selector, true);
        }
        c.cr0 |= Modes.CR0_TS;
        VectorUnit.update(c);
        Segmentation.set(c, TR, selector, descriptor | 1L << 41);
        load(newBase, wide, kind);
    }

    private void setBusy(int selector, boolean busy) {
        long address = Segmentation.descriptorAddress(c, selector, 8, Vector.TS) + 5;
        long type = Segmentation.readSystem(c, address, 1);
        Segmentation.writeSystem(c, address, 1, busy ? type | 2 : type & ~2);
    }

    private static final int[] SEGMENT_ORDER = {ES, CS, SS, DS, FS, GS};

    private void save(long base, boolean wide, int flags) {
        if (wide) {
            Segmentation.writeSystem(c, base + 32, 4, c.rip);
            Segmentation.writeSystem(c, base + 36, 4, flags);
            for (int i = 0; i < 8; i++) {
                Segmentation.writeSystem(c, base + 40 + 4L * i, 4, c.gpr[i]);
            }
            for (int i = 0; i < 6; i++) {
                Segmentation.writeSystem(c, base + 72 + 4L * i, 2, c.segmentSelector[SEGMENT_ORDER[i]]);
            }
        } else {
            Segmentation.writeSystem(c, base + 14, 2, c.rip);
            Segmentation.writeSystem(c, base + 16, 2, flags);
            for (int i = 0; i < 8; i++) {
                Segmentation.writeSystem(c, base + 18 + 2L * i, 2, c.gpr[i]);
            }
            for (int i = 0; i < 4; i++) {
                Segmentation.writeSystem(c, base + 34 + 2L * i, 2, c.segmentSelector[SEGMENT_ORDER[i]]);
            }
        }
    }

    private void load(long base, boolean wide, int kind) {
        int[] selectors = new int[6];
        int flags;
        int ldt;
        if (wide) {
            if ((c.cr0 & Modes.CR0_PG) != 0) {
                ControlRegisters.loadCr3(c, Segmentation.readSystem(c, base + 28, 4));
            }
            c.rip = Segmentation.readSystem(c, base + 32, 4);
            flags = (int) Segmentation.readSystem(c, base + 36, 4);
            for (int i = 0; i < 8; i++) {
                c.gpr[i] = Segmentation.readSystem(c, base + 40 + 4L * i, 4);
            }
            for (int i = 0; i < 6; i++) {
                selectors[i] = (int) Segmentation.readSystem(c, base + 72 + 4L * i, 2);
            }
            ldt = (int) Segmentation.readSystem(c, base + 96, 2);
        } else {
            c.rip = Segmentation.readSystem(c, base + 14, 2);
            flags = (int) Segmentation.readSystem(c, base + 16, 2);
            for (int i = 0; i < 8; i++) {
                c.gpr[i] = Segmentation.readSystem(c, base + 18 + 2L * i, 2);
            }
            for (int i = 0; i < 4; i++) {
                selectors[i] = (int) Segmentation.readSystem(c, base + 34 + 2L * i, 2);
            }
            ldt = (int) Segmentation.readSystem(c, base + 42, 2);
        }
        if (kind == CALL) {
            flags |= Flags.NT;
        }
        Flags.setArithmetic(c, flags);
        c.flags = flags & (Flags.TF | Flags.IF | Flags.DF | Flags.IOPL | Flags.NT | Flags.RF | Flags.VM | Flags.AC
                | Flags.VIF | Flags.VIP | Flags.ID);
        c.dr[7] &= ~0x155L; // the local breakpoint bits
        // From here the new task runs: its selectors are in place, its descriptors still to be checked.
        for (int i = 0; i < 6; i++) {
            Segmentation.setNull(c, SEGMENT_ORDER[i], selectors[i]);
        }
        c.segmentAttributes[LDTR] = UNUSABLE;
        c.segmentSelector[LDTR] = ldt;
        if ((c.flags & Flags.VM) != 0) {
            c.cpl = 3;
            for (int i = 0; i < 6; i++) {
                Segmentation.setReal(c, SEGMENT_ORDER[i], selectors[i]);
            }
            loadLdt(ldt);
            Modes.segments(c);
            return;
        }
        c.cpl = selectors[1] & 3;
        Modes.segments(c);
        loadLdt(ldt);
        loadCode(selectors[1]);
        loadStack(selectors[2]);
        for (int segment : new int[] {DS, ES, FS, GS}) {
            int selector = c.segmentSelector[segment];
            if ((selector & 0xFFFC) != 0) {
                long descriptor = Segmentation.descriptor(c, selector, Vector.TS);
                Segmentation.checkData(c, selector, descriptor, Vector.TS);
                Segmentation.set(c, segment, selector, Segmentation.access(c, selector, descriptor));
            }
        }
        Modes.segments(c);
    }

    private void loadLdt(int selector) {
        if ((selector & 0xFFFC) == 0) {
            return;
        }
        if ((selector & 4) != 0) {
            throw c.raise(Vector.TS, selector & 0xFFFC);
        }
        long descriptor = Segmentation.descriptor(c, selector, Vector.TS);
        int attributes = Segmentation.attributes(descriptor);
        if ((attributes & 0x1F) != 2 || (attributes & P) == 0) {
            throw c.raise(Vector.TS, selector & 0xFFFC);
        }
        Segmentation.set(c, LDTR, selector, descriptor);
    }

    private void loadCode(int selector) {
        int error = selector & 0xFFFC;
        if (error == 0) {
            throw c.raise(Vector.TS);
        }
        long descriptor = Segmentation.descriptor(c, selector, Vector.TS);
        int attributes = Segmentation.attributes(descriptor);
        boolean conforming = (attributes & DOWN_OR_CONFORMING) != 0;
        if ((attributes & (S | CODE)) != (S | CODE)
                || (conforming ? dpl(attributes) > c.cpl : dpl(attributes) != c.cpl)) {
            throw c.raise(Vector.TS, error);
        }
        if ((attributes & P) == 0) {
            throw c.raise(Vector.NP, error);
        }
        Segmentation.set(c, CS, selector, Segmentation.access(c, selector, descriptor));
        Modes.segments(c);
    }

    private void loadStack(int selector) {
        if ((selector & 0xFFFC) == 0) {
            throw c.raise(Vector.TS);
        }
        long descriptor = Segmentation.descriptor(c, selector, Vector.TS);
        Segmentation.checkStack(c, selector, descriptor, c.cpl, Vector.TS);
        Segmentation.set(c, SS, selector, Segmentation.access(c, selector, descriptor));
    }
}
