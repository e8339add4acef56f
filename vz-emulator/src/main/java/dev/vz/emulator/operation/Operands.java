package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.OperandKind;

/** Reads operands of decoded instructions. */
final class Operands {

    private Operands() {}

    /** The general register that operand {@code index} names, as {@link Width} knows it. */
    static int register(Instruction in, int index) {
        OperandKind kind = in.form.operands().get(index);
        int number = switch (kind.place()) {
            case RM, RM_REGISTER, RM_NARROW_MEMORY -> in.rm;
            case REG -> in.reg;
            case OPCODE_REGISTER -> in.opcodeRegister;
            case ACCUMULATOR -> 0;
            case COUNT -> 1;
            case PORT -> 2;
            default -> throw new IllegalStateException("Operand " + kind + " is not a general register");
        };
        return Width.register(in, number, kind.bytes(in));
    }

    /** The number of the segment register that is part of the form. */
    static int segment(OperandKind kind) {
        return switch (kind) {
            case ES -> Segments.ES;
            case CS -> Segments.CS;
            case SS -> Segments.SS;
            case DS -> Segments.DS;
            case FS -> Segments.FS;
            default -> Segments.GS;
        };
    }

    /** The width of operand {@code index}. */
    static int width(Instruction in, int index) {
        return Width.of(in.form.operands().get(index).bytes(in));
    }
}
