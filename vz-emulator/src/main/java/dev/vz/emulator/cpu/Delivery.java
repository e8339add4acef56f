package dev.vz.emulator.cpu;

import static dev.vz.emulator.cpu.Segments.*;

import dev.vz.emulator.fault.Fault;
import dev.vz.emulator.fault.Vector;

/**
 * Delivery of exceptions and interrupts through the interrupt descriptor table (Intel SDM volume 3A, chapter 6): real mode,
 * protected mode with interrupt, trap and task gates, virtual-8086 mode, and 64-bit mode with the interrupt stack table.
 * A fault during delivery becomes a double fault, and then the triple fault that shuts the processor down.
 */
public final class Delivery {

    /** Comes from a hardware interrupt, NMI, or is an exception: faults on the way have EXT set. */
    public static final int HARDWARE = 0;
    /** Comes from {@code INT n}: gate privilege is checked. */
    public static final int SOFTWARE = 1;
    /** Comes from INT3 or INTO: like {@link #SOFTWARE}, never redirected in virtual-8086 mode. */
    public static final int SOFTWARE_EXCEPTION = 2;
    /** An exception of an instruction. */
    public static final int EXCEPTION = 3;

    private final Cpu c;
    private final StackFrame frame;

    Delivery(Cpu c) {
        this.c = c;
        frame = new StackFrame(c);
    }

    /**
     * Delivers the exception in {@link Cpu#fault}, and whatever it leads to. {@link Cpu#rip} is that of the instruction.
     *
     * @return {@code false} for a triple fault: the processor shuts down
     */
    public boolean exception() {
        Fault fault = c.fault;
        while (true) {
            int vector = fault.vector;
            int code = fault.errorCode;
            if (vector == Vector.PF) {
                c.cr2 = fault.address;
            }
            try {
                int saved = c.flags;
                if (vector != Vector.DB) {
                    c.flags |= Flags.RF; // a fault: the image on the stack has RF set, so that it restarts unhindered
                }
                try {
                    deliver(vector, Vector.hasErrorCode(vector) && (c.cr0 & Modes.CR0_PE) != 0, code, EXCEPTION);
                } catch (Fault again) {
                    c.flags = saved;
                    throw again;
                }
                return true;
            } catch (Fault next) {
                Segmentation.external(c, next, true);
                if (vector == Vector.DF) {
                    return false;
                }
                boolean doubles = Vector.isContributory(vector) && Vector.isContributory(next.vector)
                        || vector == Vector.PF && (next.vector == Vector.PF || Vector.isContributory(next.vector));
                if (doubles) {
                    if (next.vector == Vector.PF) {
                        c.cr2 = next.address;
                    }
                    next.raise(Vector.DF);
                }
            }
        }
    }

    /**
     * Delivers an interrupt.
     *
     * @param kind {@link #HARDWARE}, {@link #SOFTWARE} or {@link #SOFTWARE_EXCEPTION}
     * @throws Fault what the delivery met; nothing has changed
     */
    public void interrupt(int vector, int kind) {
        try {
            deliver(vector, false, 0, kind);
        } catch (Fault fault) {
            throw Segmentation.external(c, fault, kind == HARDWARE);
        }
    }

    private void deliver(int vector, boolean hasCode, int code, int kind) {
        if ((c.cr0 & Modes.CR0_PE) == 0) {
            real(vector);
        } else if (c.longMode) {
            wide(vector, hasCode, code, kind);
        } else {
            legacy(vector, hasCode, code, kind);
        }
        c.shadow = 0;
        c.halted = false;
    }

    private void real(int vector) {
        if (vector * 4 + 3 > c.idtLimit) {
            throw c.raise(Vector.GP, vector * 8 + 2);
        }
        long gate = Segmentation.readSystem(c, c.idtBase + vector * 4L & 0xFFFF_FFFFL, 4);
        frame.present();
        frame.push(2, Flags.get(c) & 0xFFFF);
        frame.push(2, c.segmentSelector[CS]);
        frame.push(2, c.rip);
        frame.commit();
        c.flags &= ~(Flags.IF | Flags.TF | Flags.AC | Flags.RF);
        Segmentation.setReal(c, CS, (int) (gate >>> 16) & 0xFFFF);
        c.rip = gate & 0xFFFF;
        Modes.segments(c);
    }

    // ---- long mode

    private void wide(int vector, boolean hasCode, int code, int kind) {
        int error = vector * 8 + 2;
        if (vector * 16 + 15 > c.idtLimit) {
            throw c.raise(Vector.GP, error);
        }
        long low = Segmentation.readSystem(c, c.idtBase + vector * 16L, 8);
        long high = Segmentation.readSystem(c, c.idtBase + vector * 16L + 8, 8);
        int type = (int) (low >>> 40) & 0x1F;
        if (type != 0xE && type != 0xF) {
            throw c.raise(Vector.GP, error);
        }
        if (kind != HARDWARE && kind != EXCEPTION && (int) (low >>> 45 & 3) < c.cpl) {
            throw c.raise(Vector.GP, error);
        }
        if ((low & 1L << 47) == 0) {
            throw c.raise(Vector.NP, error);
        }
        int selector = (int) (low >>> 16) & 0xFFFF;
        if ((selector & 0xFFFC) == 0) {
            throw c.raise(Vector.GP);
        }
        long descriptor = Segmentation.descriptor(c, selector, Vector.GP);
        int attributes = Segmentation.attributes(descriptor);
        int dpl = dpl(attributes);
        if ((attributes & (S | CODE)) != (S | CODE) || dpl > c.cpl || (attributes & (L | D)) != L) {
            throw c.raise(Vector.GP, selector & 0xFFFC);
        }
        if ((attributes & P) == 0) {
            throw c.raise(Vector.NP, selector & 0xFFFC);
        }
        boolean inner = (attributes & DOWN_OR_CONFORMING) == 0 && dpl < c.cpl;
        int newCpl = inner ? dpl : c.cpl;
        int ist = (int) (low >>> 32) & 7;
        long offset = low & 0xFFFF | low >>> 32 & 0xFFFF_0000L | high << 32;
        if (offset << 16 >> 16 != offset) {
            throw c.raise(Vector.GP);
        }
        long stack = ist != 0 ? taskStack(c, 28 + 8 * ist) : inner ? taskStack(c, 4 + 8 * newCpl) : c.gpr[4];
        frame.wide(stack & ~0xFL, newCpl);
        int oldFlags = Flags.get(c);
        frame.push(8, c.segmentSelector[SS]);
        frame.push(8, c.gpr[4]);
        frame.push(8, oldFlags);
        frame.push(8, c.segmentSelector[CS]);
        frame.push(8, c.rip);
        if (hasCode) {
            frame.push(8, code & 0xFFFF_FFFFL);
        }
        descriptor = Segmentation.access(c, selector, descriptor);
        c.cpl = newCpl;
        if (inner) {
            Segmentation.setNull(c, SS, newCpl);
        }
        Segmentation.set(c, CS, selector & ~3 | newCpl, descriptor);
        c.gpr[4] = frame.pointer;
        c.flags &= ~(Flags.TF | Flags.VM | Flags.RF | Flags.NT | (type == 0xE ? Flags.IF : 0));
        c.rip = offset;
        Modes.segments(c);
    }

    /** A stack pointer from the 64-bit task state segment. */
    static long taskStack(Cpu c, int offset) {
        if ((offset + 7 & 0xFFFF_FFFFL) > (c.segmentLimit[TR] & 0xFFFF_FFFFL)) {
            throw c.raise(Vector.TS, c.segmentSelector[TR] & 0xFFFC);
        }
        long pointer = Segmentation.readSystem(c, c.segmentBase[TR] + offset, 8);
        if (pointer << 16 >> 16 != pointer) {
            throw c.raise(Vector.SS);
        }
        return pointer;
    }

    // ---- 32-bit and 16-bit gates

    private void legacy(int vector, boolean hasCode, int code, int kind) {
        int error = vector * 8 + 2;
        boolean virtual = (c.flags & Flags.VM) != 0;
        if (virtual && kind == SOFTWARE && virtualInterrupt(vector)) {
            return;
        }
        if (vector * 8 + 7 > c.idtLimit) {
            throw c.raise(Vector.GP, error);
        }
        long gate = Segmentation.readSystem(c, c.idtBase + vector * 8L & 0xFFFF_FFFFL, 8);
        int type = (int) (gate >>> 40) & 0x1F;
        if (type != 5 && type != 6 && type != 7 && type != 0xE && type != 0xF) {
            throw c.raise(Vector.GP, error);
        }
        if (kind != HARDWARE && kind != EXCEPTION && (int) (gate >>> 45 & 3) < c.cpl) {
            throw c.raise(Vector.GP, error);
        }
        if ((gate & 1L << 47) == 0) {
            throw c.raise(Vector.NP, error);
        }
        int selector = (int) (gate >>> 16) & 0xFFFF;
        if (type == 5) {
            c.tasks.throughGate(selector, kind != HARDWARE && kind != EXCEPTION, hasCode, code);
            return;
        }
        if ((selector & 0xFFFC) == 0) {
            throw c.raise(Vector.GP);
        }
        long descriptor = Segmentation.descriptor(c, selector, Vector.GP);
        int attributes = Segmentation.attributes(descriptor);
        int dpl = dpl(attributes);
        int cpl = c.cpl;
        if ((attributes & (S | CODE)) != (S | CODE) || dpl > cpl) {
            throw c.raise(Vector.GP, selector & 0xFFFC);
        }
        if ((attributes & P) == 0) {
            throw c.raise(Vector.NP, selector & 0xFFFC);
        }
        boolean inner = (attributes & DOWN_OR_CONFORMING) == 0 && dpl < cpl;
        if (virtual && (!inner || dpl != 0)) {
            throw c.raise(Vector.GP, selector & 0xFFFC);
        }
        int size = (type & 8) != 0 ? 4 : 2;
        long offset = size == 4 ? gate & 0xFFFF | gate >>> 32 & 0xFFFF_0000L : gate & 0xFFFF;
        if (Long.compareUnsigned(offset, Segmentation.limit(descriptor) & 0xFFFF_FFFFL) > 0) {
            throw c.raise(Vector.GP);
        }
        int newStack = 0;
        long stackDescriptor = 0;
        if (inner) {
            newStack = c.tasks.innerStack(dpl, frame);
            stackDescriptor = c.tasks.stackDescriptor;
            frame.legacy(newStack, stackDescriptor, c.tasks.stackPointer, dpl);
            if (virtual) {
                frame.push(size, c.segmentSelector[GS]);
                frame.push(size, c.segmentSelector[FS]);
                frame.push(size, c.segmentSelector[DS]);
                frame.push(size, c.segmentSelector[ES]);
            }
            frame.push(size, c.segmentSelector[SS]);
            frame.push(size, c.gpr[4]);
        } else {
            frame.present();
        }
        frame.push(size, Flags.get(c));
        frame.push(size, c.segmentSelector[CS]);
        frame.push(size, c.rip);
        if (hasCode) {
            frame.push(size, code);
        }
        descriptor = Segmentation.access(c, selector, descriptor);
        if (inner) {
            stackDescriptor = Segmentation.access(c, newStack, stackDescriptor);
            c.cpl = dpl;
            Segmentation.set(c, SS, newStack, stackDescriptor);
            c.gpr[4] = frame.pointer;
            if (virtual) {
                c.flags &= ~Flags.VM;
                Segmentation.setNull(c, ES, 0);
                Segmentation.setNull(c, DS, 0);
                Segmentation.setNull(c, FS, 0);
                Segmentation.setNull(c, GS, 0);
            }
        } else {
            frame.commit();
        }
        Segmentation.set(c, CS, selector & ~3 | c.cpl, descriptor);
        c.flags &= ~(Flags.TF | Flags.VM | Flags.RF | Flags.NT | ((type & 1) == 0 ? Flags.IF : 0));
        c.rip = offset;
        Modes.segments(c);
    }

    /** INT n in virtual-8086 mode: {@code true} if the task's redirection map sent it to the real-mode handler. */
    private boolean virtualInterrupt(int vector) {
        int iopl = (c.flags & Flags.IOPL) >> 12;
        if ((c.cr4 & Modes.CR4_VME) == 0 || c.tasks.redirectionBit(vector)) {
            if (iopl < 3) {
                throw c.raise(Vector.GP);
            }
            return false;
        }
        long gate = Segmentation.readSystem(c, vector * 4L, 4);
        int image = Flags.get(c);
        if (iopl < 3) {
            image = image & ~Flags.IF | (image & Flags.VIF) >> 10 | Flags.IOPL;
        }
        frame.present();
        frame.push(2, image & 0xFFFF);
        frame.push(2, c.segmentSelector[CS]);
        frame.push(2, c.rip);
        frame.commit();
        c.flags &= ~(Flags.TF | (iopl < 3 ? Flags.VIF : Flags.IF));
        Segmentation.setReal(c, CS, (int) (gate >>> 16) & 0xFFFF);
        c.rip = gate & 0xFFFF;
        Modes.segments(c);
        return true;
    }
}
