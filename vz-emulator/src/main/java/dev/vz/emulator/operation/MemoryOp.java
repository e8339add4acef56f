package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.Segmentation;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.decode.Instruction;

/** An instruction that may have a memory operand. */
abstract class MemoryOp extends Op {

    /** Addressing: base and displacement, in 64-bit code, without segment base. */
    static final int BASE = 0;
    /** Addressing: base, index and displacement, in 64-bit code, without segment base. */
    static final int INDEXED = 1;
    /** Addressing: all else. */
    static final int GENERAL = 2;

    int base = Cpu.ZERO;
    int index = Cpu.ZERO;
    int scale;
    long displacement;
    long offsetMask = -1;
    int segment = Segments.DS;

    /** Takes over the memory operand. {@link #nextIp} is set. */
    final void memory(Instruction in) {
        segment = in.segment();
        offsetMask = in.addressSize == 8 ? -1L : in.addressSize == 4 ? 0xFFFF_FFFFL : 0xFFFF;
        displacement = in.displacement;
        if (in.base == Instruction.RIP) {
            displacement += nextIp;
        } else if (in.base >= 0) {
            base = in.base;
        }
        if (in.index >= 0) {
            index = in.index;
            scale = in.scale;
        }
        if (addressing(in) == BASE && base == Cpu.ZERO) {
            displacement &= offsetMask;
        }
    }

    /** How the memory operand of {@code in} is addressed. */
    static int addressing(Instruction in) {
        return in.codeSize != 64 || in.addressSize != 8 || in.segmentPrefix >= 4 ? GENERAL
                : in.index >= 0 ? INDEXED : BASE;
    }

    /** The offset of the memory operand in its segment. */
    final long offset(Cpu c) {
        long[] r = c.gpr;
        return r[base] + (r[index] << scale) + displacement & offsetMask;
    }

    /** The linear address of the memory operand. {@code addressing} is constant. */
    final long address(Cpu c, int addressing, int size, boolean write) {
        long[] r = c.gpr;
        return switch (addressing) {
            case BASE -> r[base] + displacement;
            case INDEXED -> r[base] + (r[index] << scale) + displacement;
            default -> Segmentation.linear(c, segment, offset(c), size, write);
        };
    }

    /** The linear address of the memory operand. */
    final long address(Cpu c, int size, boolean write) {
        return Segmentation.linear(c, segment, offset(c), size, write);
    }

    @Override
    public boolean usesStack() {
        return segment == Segments.SS;
    }
}
