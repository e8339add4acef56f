package dev.vz.emulator.decode;

import java.util.Locale;

/**
 * Instructions as text in Intel's syntax, spelled as the GNU tools spell it, for traces, errors and for comparing the
 * decoder with other disassemblers.
 */
public final class Disassembly {

    private static final String[] CONDITIONS = {"o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l",
        "ge", "le", "g"};
    private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs"};
    private static final String[] BYTE_LEGACY = {"al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"};
    private static final String[] WORD = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};

    private Disassembly() {}

    /**
     * The instruction as text.
     *
     * @param instruction decoded
     * @param address of its first byte, for branch targets
     */
    public static String text(Instruction instruction, long address) {
        var text = new StringBuilder();
        if (instruction.has(Instruction.PREFIX_LOCK)) {
            text.append("lock ");
        }
        if (instruction.form.has(InstructionForm.Attribute.REP)) {
            boolean compares = instruction.form.mnemonic() == Mnemonic.CMPS
                    || instruction.form.mnemonic() == Mnemonic.SCAS;
            if (instruction.has(Instruction.PREFIX_REPNE)) {
                text.append("repnz ");
            } else if (instruction.has(Instruction.PREFIX_REP)) {
                text.append(compares ? "repz " : "rep ");
            }
        }
        text.append(mnemonic(instruction));
        if (text.toString().endsWith("nop") && instruction.form.mnemonic() == Mnemonic.XCHG) {
            return text.toString();
        }
        String separator = " ";
        for (OperandKind kind : instruction.form.operands()) {
            text.append(separator).append(operand(kind, instruction, address));
            separator = ",";
        }
        switch (instruction.form.mnemonic()) {
            case PBLENDVB, BLENDVPS, BLENDVPD -> text.append(",xmm0");
            case XLAT -> text.append(" BYTE PTR ").append(segment(instruction, "ds")).append(":[")
                    .append(register(3, instruction.addressSize, true)).append(']');
            default -> {}
        }
        return text.toString();
    }

    /** The mnemonic with condition and size suffixes. */
    public static String mnemonic(Instruction instruction) {
        int size = instruction.operandSize;
        return switch (instruction.form.mnemonic()) {
            case JCC -> "j" + CONDITIONS[instruction.condition()];
            case SETCC -> "set" + CONDITIONS[instruction.condition()];
            case CMOVCC -> "cmov" + CONDITIONS[instruction.condition()];
            case CBW -> size == 2 ? "cbw" : size == 4 ? "cwde" : "cdqe";
            case CWD -> size == 2 ? "cwd" : size == 4 ? "cdq" : "cqo";
            case MOVFS, MOVTS -> "mov";
            case MOVD -> instruction.rexW() ? "movq" : "movd";
            case PEXTRD -> instruction.rexW() ? "pextrq" : "pextrd";
            case PINSRD -> instruction.rexW() ? "pinsrq" : "pinsrd";
            case CMPXCHG8B -> instruction.rexW() ? "cmpxchg16b" : "cmpxchg8b";
            case JRCXZ -> instruction.addressSize == 2 ? "jcxz" : instruction.addressSize == 4 ? "jecxz" : "jrcxz";
            case CALLF, JMPF -> instruction.form.mnemonic() == Mnemonic.CALLF ? "call" : "jmp";
            case HINT -> "nop";
            case XCHG -> instruction.form.opcode() == 0x90 && instruction.opcodeRegister == 0 ? "nop" : "xchg";
            default -> instruction.form.mnemonic().text();
        };
    }

    private static String operand(OperandKind kind, Instruction in, long address) {
        int bytes = kind.bytes(in);
        return switch (kind.place()) {
            case RM -> in.memory ? memory(in, bytes) : register(in.rm, bytes, in.hasRex());
            case RM_NARROW_MEMORY -> in.memory ? memory(in, bytes)
                    : register(in.rm, kind == OperandKind.Esw || kind == OperandKind.Esel ? in.operandSize : 4, true);
            case RM_REGISTER -> register(in.rm, bytes, in.hasRex());
            case REG -> register(in.reg, bytes, in.hasRex());
            case OPCODE_REGISTER -> register(in.opcodeRegister, bytes, in.hasRex());
            case MEMORY -> memory(in, kind == OperandKind.Mp ? in.operandSize + 2 : bytes);
            case OFFSET -> segment(in, "ds") + ":" + hex(in.displacement);
            case IMMEDIATE -> immediate(kind, in);
            case SECOND_IMMEDIATE -> hex(in.immediate2);
            case RELATIVE -> hex(truncate(address + in.length + in.immediate, in.codeSize == 64 ? 8 : in.operandSize));
            case FAR_IMMEDIATE -> hex(in.immediate2) + ":" + hex(in.immediate);
            case SOURCE_STRING ->
                    size(bytes, false) + segment(in, "ds") + ":[" + register(6, in.addressSize, true) + "]";
            case TARGET_STRING -> size(bytes, false) + "es:[" + register(7, in.addressSize, true) + "]";
            case SEGMENT -> SEGMENTS[in.reg];
            case CONTROL -> "cr" + in.reg;
            case DEBUG -> "dr" + in.reg;
            case ACCUMULATOR -> register(0, bytes, true);
            case COUNT -> "cl";
            case PORT -> "dx";
            case CONSTANT -> "1";
            case NAMED_SEGMENT -> kind.name().toLowerCase(Locale.ROOT);
            case MMX_REG -> "mm" + (in.reg & 7);
            case MMX_RM, MMX_RM_REGISTER -> in.memory ? memory(in, bytes) : "mm" + (in.rm & 7);
            case XMM_REG -> "xmm" + in.reg;
            case XMM_RM, XMM_RM_REGISTER -> in.memory ? memory(in, bytes) : "xmm" + in.rm;
            case STACK_TOP -> "st";
            case STACK -> "st(" + (in.rm & 7) + ")";
        };
    }

    private static String immediate(OperandKind kind, Instruction in) {
        int bytes = kind.bytes(in);
        if (kind == OperandKind.Iz) {
            bytes = in.operandSize;
        }
        return hex(truncate(in.immediate, bytes));
    }

    private static long truncate(long value, int bytes) {
        return bytes >= 8 ? value : value & (1L << 8 * bytes) - 1;
    }

    private static String memory(Instruction in, int bytes) {
        boolean far = in.form.operands().contains(OperandKind.Mp);
        var text = new StringBuilder(size(bytes, far));
        if (in.segmentPrefix >= 0) {
            text.append(SEGMENTS[in.segmentPrefix]).append(':');
        }
        if (in.base == Instruction.NONE && in.index == Instruction.NONE) {
            String prefix = in.segmentPrefix >= 0 ? "" : "ds:";
            return text + prefix + hex(truncate(in.displacement, in.addressSize));
        }
        text.append('[');
        String plus = "";
        if (in.base != Instruction.NONE) {
            text.append(in.base == Instruction.RIP ? in.addressSize == 8 ? "rip" : "eip"
                    : register(in.base, in.addressSize, true));
            plus = "+";
        }
        if (in.index != Instruction.NONE) {
            text.append(plus).append(register(in.index, in.addressSize, true));
            if (in.addressSize > 2) {
                text.append('*').append(1 << in.scale);
            }
        }
        boolean explicit = in.modrm >> 6 != 0 || in.base == Instruction.RIP || in.base == Instruction.NONE;
        if (explicit) {
            boolean unsigned = in.base == Instruction.RIP;
            text.append(in.displacement < 0 && !unsigned ? "-" : "+")
                    .append(hex(unsigned ? in.displacement : Math.abs(in.displacement)));
        }
        return text.append(']').toString();
    }

    private static String segment(Instruction in, String otherwise) {
        return in.segmentPrefix >= 0 ? SEGMENTS[in.segmentPrefix] : otherwise;
    }

    private static String size(int bytes, boolean far) {
        return switch (bytes) {
            case 1 -> "BYTE PTR ";
            case 2 -> "WORD PTR ";
            case 4 -> "DWORD PTR ";
            case 6 -> "FWORD PTR ";
            case 8 -> "QWORD PTR ";
            case 10 -> far ? "" : "TBYTE PTR ";
            case 16 -> "XMMWORD PTR ";
            default -> "";
        };
    }

    private static String register(int number, int bytes, boolean rex) {
        if (number >= 8) {
            return "r" + number + switch (bytes) {
                case 1 -> "b";
                case 2 -> "w";
                case 4 -> "d";
                default -> "";
            };
        }
        return switch (bytes) {
            case 1 -> rex && number >= 4 ? WORD[number] + "l" : BYTE_LEGACY[number];
            case 2 -> WORD[number];
            case 4 -> "e" + WORD[number];
            default -> "r" + WORD[number];
        };
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
