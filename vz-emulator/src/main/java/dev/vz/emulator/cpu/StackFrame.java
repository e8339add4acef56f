package dev.vz.emulator.cpu;

import static dev.vz.emulator.cpu.Segments.*;

import dev.vz.emulator.fault.Vector;

/**
 * A stack that far transfers push to and pop from before it is certain that they succeed: its pointer is a copy, and SS
 * and RSP of the processor change only when the caller commits. One for each virtual CPU.
 */
public final class StackFrame {

    private final Cpu c;
    private long base;
    private int limit;
    private int attributes;
    private long mask;
    private boolean checked;
    private boolean user;
    private int error;

    /** The stack pointer. */
    public long pointer;

    StackFrame(Cpu c) {
        this.c = c;
    }

    /** Begins with the present SS and RSP. */
    public StackFrame present() {
        base = c.codeSize == 64 ? 0 : c.segmentBase[SS];
        limit = c.segmentLimit[SS];
        attributes = c.segmentAttributes[SS];
        mask = c.stackMask;
        checked = c.codeSize != 64 && (c.segmentFlat[SS] & 2) == 0;
        user = c.cpl == 3;
        error = 0;
        pointer = c.gpr[4];
        return this;
    }

    /** Begins with a stack segment that is about to be loaded, outside 64-bit mode. */
    public StackFrame legacy(int selector, long descriptor, long pointer, int cpl) {
        base = Segmentation.base(descriptor);
        limit = Segmentation.limit(descriptor);
        attributes = Segmentation.attributes(descriptor);
        mask = (attributes & D) != 0 ? 0xFFFF_FFFFL : 0xFFFF;
        checked = true;
        user = cpl == 3;
        error = selector & 0xFFFC;
        this.pointer = pointer;
        return this;
    }

    /** Begins with a flat 64-bit stack. */
    public StackFrame wide(long pointer, int cpl) {
        base = 0;
        mask = -1;
        checked = false;
        user = cpl == 3;
        error = 0;
        this.pointer = pointer;
        return this;
    }

    private long linear(long offset, int size) {
        if (mask == -1L) {
            if (offset << 16 >> 16 != offset) {
                throw c.raise(Vector.SS, error);
            }
            return offset;
        }
        if (checked && !Segmentation.inLimit(attributes, limit, offset, size)) {
            throw c.raise(Vector.SS, error);
        }
        return base + offset & 0xFFFF_FFFFL;
    }

    /** Pushes {@code size} bytes (2, 4 or 8). */
    public void push(int size, long value) {
        long offset = pointer - size & mask;
        long linear = linear(offset, size);
        long host = (user ? c.mmu.userWrite : c.mmu.supervisorWrite).host(linear, size);
        if (host == 0) {
            c.mmu.write(linear, size, value, user);
        } else if (size == 8) {
            dev.vz.emulator.memory.HostMemory.writeLong(host, value);
        } else if (size == 4) {
            dev.vz.emulator.memory.HostMemory.writeInt(host, (int) value);
        } else {
            dev.vz.emulator.memory.HostMemory.writeShort(host, (int) value);
        }
        pointer = pointer & ~mask | offset;
    }

    /** Pops {@code size} bytes (2, 4 or 8), zero-extended. */
    public long pop(int size) {
        long value = peek(size, 0);
        skip(size);
        return value;
    }

    /** What lies {@code above} bytes above the pointer. */
    public long peek(int size, int above) {
        long linear = linear(pointer + above & mask, size);
        long host = (user ? c.mmu.userRead : c.mmu.supervisorRead).host(linear, size);
        if (host == 0) {
            return c.mmu.read(linear, size, user);
        }
        return size == 8 ? dev.vz.emulator.memory.HostMemory.readLong(host)
                : size == 4 ? dev.vz.emulator.memory.HostMemory.readInt(host) & 0xFFFF_FFFFL
                        : dev.vz.emulator.memory.HostMemory.readShort(host);
    }

    /** Moves the pointer up. */
    public void skip(int bytes) {
        pointer = pointer & ~mask | pointer + bytes & mask;
    }

    /** Makes the pointer RSP, keeping the bits that a 16-bit stack does not have. */
    public void commit() {
        c.gpr[4] = mask == 0xFFFF ? c.gpr[4] & ~0xFFFFL | pointer & 0xFFFF : mask == -1L ? pointer
                : pointer & 0xFFFF_FFFFL;
    }
}
