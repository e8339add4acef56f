package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.memory.HostMemory;

/**
 * General registers and memory at the four operand widths. A width is the number of unused bits on top of a 64-bit value:
 * 56 for bytes, 48, 32, 0. Callers have it as a constant, so that only one way remains after inlining.
 */
final class Width {

    /** Bytes. */
    static final int BYTE = 56;
    /** 16 bits. */
    static final int WORD = 48;
    /** 32 bits. */
    static final int DWORD = 32;
    /** 64 bits. */
    static final int QWORD = 0;

    /** Marks a byte register that is bits 8 to 15 of one of the first four. */
    private static final int HIGH = 32;

    private Width() {}

    /** The width of operands of {@code bytes} bytes. */
    static int of(int bytes) {
        return 64 - 8 * bytes;
    }

    /** Bytes of operands of width {@code s}. */
    static int bytes(int s) {
        return 64 - s >> 3;
    }

    /** The number by which {@link #get} and {@link #set} know a register of {@code bytes} bytes. */
    static int register(Instruction in, int number, int bytes) {
        return bytes == 1 && !in.hasRex() && number >= 4 && number < 8 ? number - 4 | HIGH : number;
    }

    /** The register's value; what is above its width is undefined. */
    static long get(long[] gpr, int s, int register) {
        return s == BYTE ? gpr[register & 15] >>> (register >> 2 & 8) : gpr[register];
    }

    /** Sets a register: 32 bits clear the upper half, fewer leave the rest. */
    static void set(long[] gpr, int s, int register, long value) {
        switch (s) {
            case QWORD -> gpr[register] = value;
            case DWORD -> gpr[register] = value & 0xFFFF_FFFFL;
            case WORD -> gpr[register] = gpr[register] & ~0xFFFFL | value & 0xFFFF;
            default -> {
                int shift = register >> 2 & 8;
                int number = register & 15;
                gpr[number] = gpr[number] & ~(0xFFL << shift) | (value & 0xFF) << shift;
            }
        }
    }

    /** Loads; what is above the width is zero or undefined. */
    static long load(Cpu c, int s, long linear) {
        return switch (s) {
            case QWORD -> c.readLong(linear);
            case DWORD -> c.readInt(linear);
            case WORD -> c.readShort(linear);
            default -> c.readByte(linear);
        };
    }

    /** Stores. */
    static void store(Cpu c, int s, long linear, long value) {
        switch (s) {
            case QWORD -> c.writeLong(linear, value);
            case DWORD -> c.writeInt(linear, (int) value);
            case WORD -> c.writeShort(linear, (int) value);
            default -> c.writeByte(linear, (int) value);
        }
    }

    /** Loads at a host address; what is above the width is zero or undefined. */
    static long loadHost(int s, long host) {
        return switch (s) {
            case QWORD -> HostMemory.readLong(host);
            case DWORD -> HostMemory.readInt(host);
            case WORD -> HostMemory.readShort(host);
            default -> HostMemory.readByte(host);
        };
    }

    /** Stores at a host address. */
    static void storeHost(int s, long host, long value) {
        switch (s) {
            case QWORD -> HostMemory.writeLong(host, value);
            case DWORD -> HostMemory.writeInt(host, (int) value);
            case WORD -> HostMemory.writeShort(host, (int) value);
            default -> HostMemory.writeByte(host, (int) value);
        }
    }

    /** The value without what is above the width. */
    static long zeroExtend(int s, long value) {
        return value << s >>> s;
    }
}
