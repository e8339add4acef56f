package dev.vz.emulator.cpu;

import static dev.vz.emulator.cpu.Segments.*;

import dev.vz.emulator.fault.Fault;
import dev.vz.emulator.fault.Vector;

/** Offsets to linear addresses, with the checks that segmentation makes (Intel SDM volume 3A, chapter 5). */
public final class Segmentation {

    private Segmentation() {}

    /**
     * The linear address of {@code size} bytes at {@code offset} in a segment.
     *
     * @param offset already reduced to the address size
     */
    public static long linear(Cpu c, int segment, long offset, int size, boolean write) {
        if (c.codeSize == 64) {
            return segment >= FS ? offset + c.segmentBase[segment] : offset;
        }
        if ((c.segmentFlat[segment] & (write ? 2 : 1)) == 0) {
            check(c, segment, offset, size, write);
        }
        return c.segmentBase[segment] + offset & 0xFFFF_FFFFL;
    }

    private static void check(Cpu c, int segment, long offset, int size, boolean write) {
        int attributes = c.segmentAttributes[segment];
        int vector = segment == SS ? Vector.SS : Vector.GP;
        if (c.protectedMode) {
            boolean code = (attributes & CODE) != 0;
            boolean second = (attributes & WRITABLE) != 0;
            if ((attributes & UNUSABLE) != 0) {
                throw c.raise(vector);
            }
            if (write ? code || !second : code && !second) {
                throw c.raise(Vector.GP);
            }
        }
        if (!inLimit(attributes, c.segmentLimit[segment], offset, size)) {
            throw c.raise(vector);
        }
    }

    /** Whether {@code size} bytes at {@code offset} are inside. */
    public static boolean inLimit(int attributes, int limit, long offset, int size) {
        long last = offset + size - 1;
        long bound = limit & 0xFFFF_FFFFL;
        if ((attributes & (CODE | DOWN_OR_CONFORMING)) == DOWN_OR_CONFORMING) {
            return offset > bound && last <= ((attributes & D) != 0 ? 0xFFFF_FFFFL : 0xFFFF);
        }
        return last <= bound;
    }

    /** The byte offset of a selector's descriptor in its table. */
    public static int index(int selector) {
        return selector & 0xFFF8;
    }

    /** Linear address of the descriptor that {@code selector} names; {@code vector} with the selector if beyond the table. */
    public static long descriptorAddress(Cpu c, int selector, int bytes, int vector) {
        int index = index(selector);
        long base;
        long limit;
        if ((selector & 4) != 0) {
            if ((c.segmentAttributes[LDTR] & UNUSABLE) != 0) {
                throw c.raise(vector, selector & 0xFFFC);
            }
            base = c.segmentBase[LDTR];
            limit = c.segmentLimit[LDTR] & 0xFFFF_FFFFL;
        } else {
            base = c.gdtBase;
            limit = c.gdtLimit;
        }
        if (index + bytes - 1 > limit) {
            throw c.raise(vector, selector & 0xFFFC);
        }
        return base + index;
    }

    /** The descriptor that {@code selector} names; {@code vector} with the selector if it is beyond its table. */
    public static long descriptor(Cpu c, int selector, int vector) {
        return readSystem(c, descriptorAddress(c, selector, 8, vector), 8);
    }

    /** Reads a processor structure: as the supervisor, whatever the privilege level. */
    public static long readSystem(Cpu c, long linear, int size) {
        long host = c.mmu.supervisorRead.host(linear, size);
        if (host != 0) {
            return switch (size) {
                case 1 -> dev.vz.emulator.memory.HostMemory.readByte(host);
                case 2 -> dev.vz.emulator.memory.HostMemory.readShort(host);
                case 4 -> dev.vz.emulator.memory.HostMemory.readInt(host) & 0xFFFF_FFFFL;
                default -> dev.vz.emulator.memory.HostMemory.readLong(host);
            };
        }
        return c.mmu.read(linear, size, false);
    }

    /** Writes a processor structure: as the supervisor, whatever the privilege level. */
    public static void writeSystem(Cpu c, long linear, int size, long value) {
        c.mmu.write(linear, size, value, false);
    }

    /** Segment base in a descriptor, without the upper half that system descriptors have in long mode. */
    public static long base(long descriptor) {
        return descriptor >>> 16 & 0xFF_FFFF | descriptor >>> 32 & 0xFF00_0000L;
    }

    /** Segment limit in a descriptor, in bytes. */
    public static int limit(long descriptor) {
        int limit = (int) (descriptor & 0xFFFF | descriptor >>> 32 & 0xF_0000);
        return (descriptor & 1L << 55) != 0 ? limit << 12 | 0xFFF : limit;
    }

    /** Attributes in a descriptor. */
    public static int attributes(long descriptor) {
        return (int) (descriptor >>> 40) & 0xF0FF;
    }

    /** Loads the hidden part of a segment register. */
    public static void set(Cpu c, int segment, int selector, long descriptor) {
        c.segmentSelector[segment] = selector;
        c.segmentBase[segment] = base(descriptor);
        c.segmentLimit[segment] = limit(descriptor);
        c.segmentAttributes[segment] = attributes(descriptor);
    }

    /** Loads a null selector. */
    public static void setNull(Cpu c, int segment, int selector) {
        c.segmentSelector[segment] = selector;
        c.segmentBase[segment] = 0;
        c.segmentLimit[segment] = 0;
        c.segmentAttributes[segment] = UNUSABLE | (segment == SS ? c.cpl << 5 : 0);
    }

    /** Loads a segment as real and virtual-8086 mode do. */
    public static void setReal(Cpu c, int segment, int selector) {
        c.segmentSelector[segment] = selector;
        c.segmentBase[segment] = (long) selector << 4;
        if ((c.flags & Flags.VM) != 0) {
            c.segmentLimit[segment] = 0xFFFF;
            c.segmentAttributes[segment] = 0xF3;
        } else if (segment == CS) {
            // In real mode limits and sizes stay what they were, but code can be written.
            c.segmentAttributes[segment] = c.segmentAttributes[segment] & D | 0x9B;
        }
    }

    /** Sets the accessed bit of a code or data descriptor. */
    public static long access(Cpu c, int selector, long descriptor) {
        if ((descriptor & 1L << 40) != 0) {
            return descriptor;
        }
        long address = descriptorAddress(c, selector, 8, Vector.GP) + 5;
        writeSystem(c, address, 1, readSystem(c, address, 1) | ACCESSED);
        return descriptor | 1L << 40;
    }

    /** MOV, POP, LxS into DS, ES, FS, GS or SS. */
    public static void load(Cpu c, int segment, int selector) {
        if (!c.protectedMode) {
            setReal(c, segment, selector);
            Modes.segments(c);
            return;
        }
        if (segment == SS) {
            loadStack(c, selector);
        } else if ((selector & 0xFFFC) == 0) {
            setNull(c, segment, selector);
        } else {
            long descriptor = descriptor(c, selector, Vector.GP);
            checkData(c, selector, descriptor, Vector.GP);
            descriptor = access(c, selector, descriptor);
            set(c, segment, selector, descriptor);
        }
        if (c.codeSize != 64 || segment == SS) {
            Modes.segments(c);
        }
    }

    /** Checks that a descriptor may be loaded into DS, ES, FS or GS. */
    static void checkData(Cpu c, int selector, long descriptor, int vector) {
        int attributes = attributes(descriptor);
        int error = selector & 0xFFFC;
        boolean code = (attributes & CODE) != 0;
        if ((attributes & S) == 0 || code && (attributes & WRITABLE) == 0) {
            throw c.raise(vector, error);
        }
        int dpl = dpl(attributes);
        if (!(code && (attributes & DOWN_OR_CONFORMING) != 0) && ((selector & 3) > dpl || c.cpl > dpl)) {
            throw c.raise(vector, error);
        }
        if ((attributes & P) == 0) {
            throw c.raise(Vector.NP, error);
        }
    }

    private static void loadStack(Cpu c, int selector) {
        if ((selector & 0xFFFC) == 0) {
            if (c.codeSize != 64 || c.cpl == 3 || (selector & 3) != c.cpl) {
                throw c.raise(Vector.GP);
            }
            setNull(c, SS, selector);
            return;
        }
        long descriptor = descriptor(c, selector, Vector.GP);
        checkStack(c, selector, descriptor, c.cpl, Vector.GP);
        set(c, SS, selector, access(c, selector, descriptor));
    }

    /** Checks that a descriptor may be loaded into SS at privilege level {@code cpl}. */
    static void checkStack(Cpu c, int selector, long descriptor, int cpl, int vector) {
        int attributes = attributes(descriptor);
        int error = selector & 0xFFFC;
        if ((selector & 3) != cpl || dpl(attributes) != cpl
                || (attributes & (S | CODE | WRITABLE)) != (S | WRITABLE)) {
            throw c.raise(vector, error);
        }
        if ((attributes & P) == 0) {
            throw c.raise(Vector.SS, error);
        }
    }

    /** After a change to an outer level: data segments that it may not use become null. */
    static void dropPrivileged(Cpu c) {
        for (int segment = ES; segment <= GS; segment++) {
            if (segment == CS || segment == SS) {
                continue;
            }
            int attributes = c.segmentAttributes[segment];
            boolean conforming = (attributes & (CODE | DOWN_OR_CONFORMING)) == (CODE | DOWN_OR_CONFORMING);
            if ((attributes & UNUSABLE) == 0 && !conforming && dpl(attributes) < c.cpl) {
                // The base stays, as 64-bit code that goes on using FS or GS finds.
                c.segmentSelector[segment] = 0;
                c.segmentAttributes[segment] = UNUSABLE;
            }
        }
    }

    /** A fault that tells of something outside the program: external events set bit 0 of the error code. */
    static Fault external(Cpu c, Fault fault, boolean external) {
        if (external && Vector.hasErrorCode(fault.vector) && fault.vector != Vector.PF) {
            fault.errorCode |= 1;
        }
        return fault;
    }
}
