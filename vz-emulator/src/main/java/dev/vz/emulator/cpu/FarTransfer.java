package dev.vz.emulator.cpu;

import static dev.vz.emulator.cpu.Segments.*;

import dev.vz.emulator.fault.Vector;

/**
 * Far jumps, calls and returns: within a level, through call gates, to outer levels and between tasks (Intel SDM volume
 * 3A, sections 5.8 and 8.3; operation sections of JMP, CALL and RET in volume 2).
 */
public final class FarTransfer {

    private final Cpu c;
    private final StackFrame from;
    private final StackFrame to;

    FarTransfer(Cpu c) {
        this.c = c;
        from = new StackFrame(c);
        to = new StackFrame(c);
    }

    private void checkOffset(long offset, long descriptor) {
        if (c.longMode && (Segmentation.attributes(descriptor) & L) != 0) {
            if (offset << 16 >> 16 != offset) {
                throw c.raise(Vector.GP);
            }
        } else if (Long.compareUnsigned(offset, Segmentation.limit(descriptor) & 0xFFFF_FFFFL) > 0) {
            throw c.raise(Vector.GP);
        }
    }

    /** Checks a code segment as the target of a direct far jump or call, or of a far return. */
    private void checkCode(int selector, long descriptor, int cpl) {
        int attributes = Segmentation.attributes(descriptor);
        int error = selector & 0xFFFC;
        boolean conforming = (attributes & DOWN_OR_CONFORMING) != 0;
        int dpl = dpl(attributes);
        if ((attributes & (S | CODE)) != (S | CODE) || c.longMode && (attributes & (L | D)) == (L | D)
                || (conforming ? dpl > cpl : dpl != cpl || (selector & 3) > cpl)) {
            throw c.raise(Vector.GP, error);
        }
        if ((attributes & P) == 0) {
            throw c.raise(Vector.NP, error);
        }
    }

    private void setCode(int selector, long descriptor, long offset, int cpl) {
        c.cpl = cpl;
        Segmentation.set(c, CS, selector & ~3 | cpl, descriptor);
        c.rip = offset;
        Modes.segments(c);
    }

    /** JMP FAR. {@link Cpu#rip} is that of the next instruction. */
    public void jump(int selector, long offset) {
        if (!c.protectedMode) {
            if (offset > 0xFFFF && (c.flags & Flags.VM) != 0
                    || Long.compareUnsigned(offset, c.segmentLimit[CS] & 0xFFFF_FFFFL) > 0) {
                throw c.raise(Vector.GP);
            }
            Segmentation.setReal(c, CS, selector);
            c.rip = offset;
            Modes.segments(c);
            return;
        }
        if ((selector & 0xFFFC) == 0) {
            throw c.raise(Vector.GP);
        }
        long descriptor = Segmentation.descriptor(c, selector, Vector.GP);
        if ((Segmentation.attributes(descriptor) & S) == 0) {
            system(selector, descriptor, false);
            return;
        }
        checkCode(selector, descriptor, c.cpl);
        checkOffset(offset, descriptor);
        setCode(selector, Segmentation.access(c, selector, descriptor), offset, c.cpl);
    }

    /** CALL FAR. {@link Cpu#rip} is that of the next instruction. */
    public void call(int selector, long offset, int size) {
        if (!c.protectedMode) {
            if (Long.compareUnsigned(offset, c.segmentLimit[CS] & 0xFFFF_FFFFL) > 0) {
                throw c.raise(Vector.GP);
            }
            from.present();
            from.push(size, c.segmentSelector[CS]);
            from.push(size, c.rip);
            from.commit();
            Segmentation.setReal(c, CS, selector);
            c.rip = offset;
            Modes.segments(c);
            return;
        }
        if ((selector & 0xFFFC) == 0) {
            throw c.raise(Vector.GP);
        }
        long descriptor = Segmentation.descriptor(c, selector, Vector.GP);
        if ((Segmentation.attributes(descriptor) & S) == 0) {
            system(selector, descriptor, true);
            return;
        }
        checkCode(selector, descriptor, c.cpl);
        checkOffset(offset, descriptor);
        from.present();
        from.push(size, c.segmentSelector[CS]);
        from.push(size, c.rip);
        descriptor = Segmentation.access(c, selector, descriptor);
        from.commit();
        setCode(selector, descriptor, offset, c.cpl);
    }

    /** A far jump or call to a task, task gate or call gate. */
    private void system(int selector, long gate, boolean call) {
        int attributes = Segmentation.attributes(gate);
        int error = selector & 0xFFFC;
        int type = attributes & TYPE;
        int dpl = dpl(attributes);
        boolean known = c.longMode ? type == 0xC : type == 1 || type == 9 || type == 5 || type == 4 || type == 0xC;
        if (!known || dpl < c.cpl || dpl < (selector & 3)) {
            throw c.raise(Vector.GP, error);
        }
        if ((attributes & P) == 0) {
            throw c.raise(Vector.NP, error);
        }
        switch (type) {
            case 1, 9 -> {
                c.tasks.checkedTask(selector, Vector.GP, false);
                c.tasks.switchTo(selector, gate, call ? Tasks.CALL : Tasks.JUMP);
                c.tasks.checkInstructionPointer();
            }
            case 5 -> {
                int task = (int) (gate >>> 16) & 0xFFFF;
                c.tasks.switchTo(task, c.tasks.checkedTask(task, Vector.GP, false), call ? Tasks.CALL : Tasks.JUMP);
                c.tasks.checkInstructionPointer();
            }
            default -> callGate(selector, gate, type, call);
        }
    }

    private void callGate(int gateSelector, long gate, int type, boolean call) {
        int selector = (int) (gate >>> 16) & 0xFFFF;
        int error = selector & 0xFFFC;
        long high = 0;
        if (c.longMode) {
            long address = Segmentation.descriptorAddress(c, gateSelector, 16, Vector.GP);
            high = Segmentation.readSystem(c, address + 8, 8);
            if ((high >>> 40 & 0x1F) != 0) {
                throw c.raise(Vector.GP, gateSelector & 0xFFFC);
            }
        }
        if (error == 0) {
            throw c.raise(Vector.GP);
        }
        long descriptor = Segmentation.descriptor(c, selector, Vector.GP);
        int attributes = Segmentation.attributes(descriptor);
        int dpl = dpl(attributes);
        if ((attributes & (S | CODE)) != (S | CODE) || dpl > c.cpl
                || c.longMode && (attributes & (L | D)) != L) {
            throw c.raise(Vector.GP, error);
        }
        if ((attributes & P) == 0) {
            throw c.raise(Vector.NP, error);
        }
        long offset = gate & 0xFFFF;
        if (type == 0xC) {
            offset |= gate >>> 32 & 0xFFFF_0000L;
        }
        offset |= high << 32;
        boolean conforming = (attributes & DOWN_OR_CONFORMING) != 0;
        int size = c.longMode ? 8 : type == 0xC ? 4 : 2;
        if (!call) {
            if (!conforming && dpl != c.cpl) {
                throw c.raise(Vector.GP, error);
            }
            checkOffset(offset, descriptor);
            setCode(selector, Segmentation.access(c, selector, descriptor), offset, c.cpl);
            return;
        }
        checkOffset(offset, descriptor);
        if (!conforming && dpl < c.cpl) {
            innerCall(selector, descriptor, offset, dpl, size, (int) (gate >>> 32) & 0x1F);
            return;
        }
        if (c.longMode) {
            from.wide(c.gpr[4], c.cpl);
        } else {
            from.present();
        }
        from.push(size, c.segmentSelector[CS]);
        from.push(size, c.rip);
        descriptor = Segmentation.access(c, selector, descriptor);
        from.commit();
        setCode(selector, descriptor, offset, c.cpl);
    }

    private void innerCall(int selector, long descriptor, long offset, int dpl, int size, int parameters) {
        int oldStack = c.segmentSelector[SS];
        long oldPointer = c.gpr[4];
        from.present();
        if (c.longMode) {
            to.wide(Delivery.taskStack(c, 4 + 8 * dpl), dpl);
            to.push(8, oldStack);
            to.push(8, oldPointer);
            to.push(8, c.segmentSelector[CS]);
            to.push(8, c.rip);
            descriptor = Segmentation.access(c, selector, descriptor);
            c.cpl = dpl;
            Segmentation.setNull(c, SS, dpl);
            c.gpr[4] = to.pointer;
            setCode(selector, descriptor, offset, dpl);
            return;
        }
        int stack = c.tasks.innerStack(dpl, to);
        long stackDescriptor = c.tasks.stackDescriptor;
        to.legacy(stack, stackDescriptor, c.tasks.stackPointer, dpl);
        to.push(size, oldStack);
        to.push(size, oldPointer);
        for (int i = parameters - 1; i >= 0; i--) {
            to.push(size, from.peek(size, i * size));
        }
        to.push(size, c.segmentSelector[CS]);
        to.push(size, c.rip);
        stackDescriptor = Segmentation.access(c, stack, stackDescriptor);
        descriptor = Segmentation.access(c, selector, descriptor);
        c.cpl = dpl;
        Segmentation.set(c, SS, stack, stackDescriptor);
        c.gpr[4] = to.pointer;
        setCode(selector, descriptor, offset, dpl);
    }

    /** RET FAR, releasing {@code extra} bytes. */
    public void ret(int size, int extra) {
        from.present();
        long offset = from.pop(size);
        int selector = (int) from.pop(size) & 0xFFFF;
        if (!c.protectedMode) {
            if (Long.compareUnsigned(offset, c.segmentLimit[CS] & 0xFFFF_FFFFL) > 0) {
                throw c.raise(Vector.GP);
            }
            from.skip(extra);
            from.commit();
            Segmentation.setReal(c, CS, selector);
            c.rip = offset;
            Modes.segments(c);
            return;
        }
        int rpl = selector & 3;
        long descriptor = returnTarget(selector, offset);
        from.skip(extra);
        if (rpl == c.cpl) {
            from.commit();
            setCode(selector, Segmentation.access(c, selector, descriptor), offset, rpl);
            return;
        }
        long pointer = from.pop(size);
        int stack = (int) from.pop(size) & 0xFFFF;
        outer(selector, descriptor, offset, stack, pointer, size, extra);
    }

    /** Checks the code segment to which RET or IRET returns. */
    long returnTarget(int selector, long offset) {
        if ((selector & 0xFFFC) == 0) {
            throw c.raise(Vector.GP);
        }
        long descriptor = Segmentation.descriptor(c, selector, Vector.GP);
        int attributes = Segmentation.attributes(descriptor);
        int rpl = selector & 3;
        int dpl = dpl(attributes);
        boolean conforming = (attributes & DOWN_OR_CONFORMING) != 0;
        if ((attributes & (S | CODE)) != (S | CODE) || rpl < c.cpl || (conforming ? dpl > rpl : dpl != rpl)
                || c.longMode && (attributes & (L | D)) == (L | D)) {
            throw c.raise(Vector.GP, selector & 0xFFFC);
        }
        if ((attributes & P) == 0) {
            throw c.raise(Vector.NP, selector & 0xFFFC);
        }
        checkOffset(offset, descriptor);
        return descriptor;
    }

    /** Returns to an outer level, or in 64-bit mode with a stack from the frame. */
    void outer(int selector, long descriptor, long offset, int stack, long pointer, int size, int extra) {
        int rpl = selector & 3;
        boolean wide = c.longMode && (Segmentation.attributes(descriptor) & L) != 0;
        long stackDescriptor = 0;
        boolean nullStack = (stack & 0xFFFC) == 0;
        if (nullStack) {
            if (!wide || rpl == 3 || (stack & 3) != rpl) {
                throw c.raise(Vector.GP);
            }
        } else {
            stackDescriptor = Segmentation.descriptor(c, stack, Vector.GP);
            Segmentation.checkStack(c, stack, stackDescriptor, rpl, Vector.GP);
            stackDescriptor = Segmentation.access(c, stack, stackDescriptor);
        }
        descriptor = Segmentation.access(c, selector, descriptor);
        boolean outer = rpl > c.cpl;
        c.cpl = rpl;
        if (nullStack) {
            Segmentation.setNull(c, SS, stack);
        } else {
            Segmentation.set(c, SS, stack, stackDescriptor);
        }
        boolean narrow = !wide && (c.segmentAttributes[SS] & D) == 0;
        long moved = pointer + extra;
        c.gpr[4] = wide ? moved : narrow ? (size == 2 ? c.gpr[4] & ~0xFFFFL : pointer & 0xFFFF_0000L) | moved & 0xFFFF
                : moved & 0xFFFF_FFFFL;
        if (outer) {
            Segmentation.dropPrivileged(c);
        }
        setCode(selector, descriptor, offset, rpl);
    }
}
