package dev.vz.emulator.cpu;

import static dev.vz.emulator.cpu.Segments.*;

import dev.vz.emulator.fault.Vector;

/** IRET in all its forms (Intel SDM volume 2, IRET). */
public final class InterruptReturn {

    private static final int COMMON = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT;
    private static final int DWORD = Flags.RF | Flags.AC | Flags.ID;

    private final Cpu c;
    private final StackFrame frame;

    InterruptReturn(Cpu c) {
        this.c = c;
        frame = new StackFrame(c);
    }

    /** IRET with operands of {@code size} bytes. */
    public void execute(int size) {
        if (!c.protectedMode) {
            real(size);
        } else if (c.longMode) {
            if ((c.flags & Flags.NT) != 0) {
                throw c.raise(Vector.GP);
            }
            wide(size);
        } else if ((c.flags & Flags.NT) != 0) {
            int link = (int) Segmentation.readSystem(c, c.segmentBase[TR], 2);
            c.tasks.switchTo(link, c.tasks.checkedTask(link, Vector.TS, true), Tasks.RETURN);
            c.tasks.checkInstructionPointer();
        } else {
            legacy(size);
        }
        c.unblockNmi();
        c.flagsLoaded();
    }

    /** Replaces the flags that {@code mask} names. */
    private void setFlags(long image, int mask) {
        int flags = (int) image & mask | Flags.get(c) & ~mask;
        Flags.setArithmetic(c, flags);
        c.flags = flags & ~(Flags.ARITHMETIC | 2);
    }

    private void real(int size) {
        boolean virtual = (c.flags & Flags.VM) != 0;
        int iopl = (c.flags & Flags.IOPL) >> 12;
        if (virtual && iopl < 3 && ((c.cr4 & Modes.CR4_VME) == 0 || size != 2)) {
            throw c.raise(Vector.GP);
        }
        frame.present();
        long offset = frame.pop(size);
        int selector = (int) frame.pop(size) & 0xFFFF;
        long image = frame.pop(size);
        if (Long.compareUnsigned(offset, c.segmentLimit[CS] & 0xFFFF_FFFFL) > 0) {
            throw c.raise(Vector.GP);
        }
        int mask = COMMON | (size == 4 ? DWORD : 0);
        if (virtual && iopl < 3) {
            boolean enable = (image & Flags.IF) != 0;
            if ((image & Flags.TF) != 0 || enable && (c.flags & Flags.VIP) != 0) {
                throw c.raise(Vector.GP);
            }
            setFlags(image, mask);
            c.flags = enable ? c.flags | Flags.VIF : c.flags & ~Flags.VIF;
        } else {
            setFlags(image, mask | Flags.IF | (virtual ? 0 : Flags.IOPL));
        }
        frame.commit();
        Segmentation.setReal(c, CS, selector);
        c.rip = offset;
        Modes.segments(c);
    }

    private int allowed(int size) {
        return COMMON | (size > 2 ? DWORD : 0) | (c.cpl <= (c.flags & Flags.IOPL) >> 12 ? Flags.IF : 0)
                | (c.cpl == 0 ? Flags.IOPL | (size > 2 ? Flags.VIF | Flags.VIP : 0) : 0);
    }

    private void legacy(int size) {
        frame.present();
        long offset = frame.pop(size);
        int selector = (int) frame.pop(size) & 0xFFFF;
        long image = frame.pop(size);
        if (size == 4 && (image & Flags.VM) != 0 && c.cpl == 0) {
            toVirtual(offset, selector, image);
            return;
        }
        long descriptor = c.far.returnTarget(selector, offset);
        int mask = allowed(size);
        if ((selector & 3) == c.cpl) {
            descriptor = Segmentation.access(c, selector, descriptor);
            frame.commit();
            Segmentation.set(c, CS, selector, descriptor);
            c.rip = offset;
            setFlags(image, mask);
            Modes.segments(c);
            return;
        }
        long pointer = frame.pop(size);
        int stack = (int) frame.pop(size) & 0xFFFF;
        c.far.outer(selector, descriptor, offset, stack, pointer, size, 0);
        setFlags(image, mask);
        Modes.segments(c);
    }

    private void toVirtual(long offset, int selector, long image) {
        long pointer = frame.pop(4);
        int stack = (int) frame.pop(4) & 0xFFFF;
        int es = (int) frame.pop(4) & 0xFFFF;
        int ds = (int) frame.pop(4) & 0xFFFF;
        int fs = (int) frame.pop(4) & 0xFFFF;
        int gs = (int) frame.pop(4) & 0xFFFF;
        setFlags(image, COMMON | DWORD | Flags.IF | Flags.IOPL | Flags.VM | Flags.VIF | Flags.VIP);
        c.cpl = 3;
        Segmentation.setReal(c, CS, selector);
        Segmentation.setReal(c, SS, stack);
        Segmentation.setReal(c, ES, es);
        Segmentation.setReal(c, DS, ds);
        Segmentation.setReal(c, FS, fs);
        Segmentation.setReal(c, GS, gs);
        c.gpr[4] = pointer;
        c.rip = offset & 0xFFFF;
        Modes.segments(c);
    }

    private void wide(int size) {
        frame.present();
        long offset = frame.pop(size);
        int selector = (int) frame.pop(size) & 0xFFFF;
        long image = frame.pop(size);
        boolean from64 = c.codeSize == 64;
        boolean withStack = from64 || (selector & 3) != c.cpl;
        long pointer = 0;
        int stack = 0;
        if (withStack) {
            pointer = frame.pop(size);
            stack = (int) frame.pop(size) & 0xFFFF;
        }
        long descriptor = c.far.returnTarget(selector, offset);
        int mask = allowed(size);
        if (withStack) {
            c.far.outer(selector, descriptor, offset, stack, pointer, size, 0);
        } else {
            descriptor = Segmentation.access(c, selector, descriptor);
            frame.commit();
            Segmentation.set(c, CS, selector, descriptor);
            c.rip = offset;
        }
        setFlags(image, mask);
        Modes.segments(c);
    }
}
