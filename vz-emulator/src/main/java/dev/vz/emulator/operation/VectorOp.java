package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.VectorUnit;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.InstructionForm.Attribute;
import dev.vz.emulator.decode.OperandKind;
import dev.vz.emulator.decode.OperandKind.Place;
import dev.vz.emulator.fault.Vector;

/** An instruction with an XMM or MMX destination and a source in a register or in memory. */
abstract class VectorOp extends TemplateOp {

    /** Source: an XMM register. */
    static final int REGISTER = 0;
    /** Source: 16 bytes of memory, aligned. */
    static final int ALIGNED = 1;
    /** Source: 16 bytes of memory. */
    static final int UNALIGNED = 2;
    /** Source: 8 bytes of memory, zero-extended. */
    static final int QWORD = 3;
    /** Source: 4 bytes of memory, zero-extended. */
    static final int DWORD = 4;
    /** Source: 2 bytes of memory, zero-extended. */
    static final int WORD = 5;
    /** Source: an MMX register. */
    static final int MMX = 6;
    /** Source: the immediate. */
    static final int CONSTANT = 7;

    int target;
    int source;
    int immediate;

    @Override
    void operands(Instruction in) {
        target = in.reg;
        source = in.rm;
        immediate = (int) in.immediate;
        if (in.memory) {
            memory(in);
        }
    }

    /** Where operand {@code index} comes from. */
    static int kind(Instruction in, int index) {
        OperandKind kind = in.form.operands().get(index);
        if (kind.place() == Place.IMMEDIATE) {
            return CONSTANT;
        }
        if (!in.memory || kind.place() == Place.XMM_REG || kind.place() == Place.MMX_REG) {
            return kind.place() == Place.MMX_RM || kind.place() == Place.MMX_RM_REGISTER
                    || kind.place() == Place.MMX_REG ? MMX : REGISTER;
        }
        return switch (kind.bytes(in)) {
            case 16 -> in.form.has(Attribute.UNALIGNED) ? UNALIGNED : ALIGNED;
            case 8 -> QWORD;
            case 4 -> DWORD;
            default -> WORD;
        };
    }

    static int bytes(int kind) {
        return switch (kind) {
            case ALIGNED, UNALIGNED -> 16;
            case QWORD -> 8;
            case DWORD -> 4;
            default -> 2;
        };
    }

    /** The linear address of a memory source or destination, with the check of alignment. */
    final long place(Cpu c, int kind, int addressing, boolean write) {
        long linear = address(c, addressing, bytes(kind), write);
        if (kind == ALIGNED && (linear & 15) != 0) {
            throw c.raise(Vector.GP);
        }
        return linear;
    }

    /** The low 64 bits of the source. The parameters are constant. */
    final long low(Cpu c, int kind, int addressing) {
        return switch (kind) {
            case REGISTER -> c.fpu.xmm[2 * source];
            case MMX -> VectorUnit.mm(c, source & 7);
            case CONSTANT -> immediate & 0xFFL;
            case DWORD -> c.readInt(place(c, kind, addressing, false)) & 0xFFFF_FFFFL;
            case WORD -> c.readShort(place(c, kind, addressing, false));
            default -> c.readLong(place(c, kind, addressing, false));
        };
    }

    /** The high 64 bits of the source. The parameters are constant. */
    final long high(Cpu c, int kind, int addressing) {
        return switch (kind) {
            case REGISTER -> c.fpu.xmm[2 * source + 1];
            case ALIGNED, UNALIGNED -> c.readLong(address(c, addressing, 16, false) + 8);
            default -> 0;
        };
    }
}
