package dev.vz.emulator.decode;

import dev.vz.emulator.decode.InstructionForm.Attribute;
import dev.vz.emulator.decode.InstructionForm.Prefix;

/**
 * Decodes one instruction at a time from a byte array (Intel SDM volume 2, chapter 2). Keeps only the state of the
 * instruction at hand; one instance for each thread.
 */
public final class Decoder {

    /** The most bytes an instruction may have; a longer one is a general protection fault. */
    public static final int MAXIMUM_LENGTH = 15;
    /** The bytes end before the instruction does. */
    public static final int INCOMPLETE = -1;
    /** No such instruction: invalid opcode. */
    public static final int INVALID = -2;
    /** More than {@link #MAXIMUM_LENGTH} bytes. */
    public static final int TOO_LONG = -3;

    private static final OpcodeTable TABLE = OpcodeTable.instance();

    private final Truncated truncated = new Truncated();
    private byte[] code = new byte[0];
    private int at;
    private int end;
    private int start;

    /** Makes a decoder. */
    public Decoder() {}

    /**
     * Decodes the instruction at {@code offset}.
     *
     * @param bytes where the code is
     * @param offset of the first byte
     * @param limit behind the last byte that may be looked at
     * @param codeSize 16, 32 or 64
     * @param out is filled if the result is positive
     * @return the number of bytes, or {@link #INCOMPLETE}, {@link #INVALID} or {@link #TOO_LONG}
     */
    public int decode(byte[] bytes, int offset, int limit, int codeSize, Instruction out) {
        code = bytes;
        start = offset;
        at = offset;
        end = Math.min(limit, offset + MAXIMUM_LENGTH);
        try {
            int result = decode(codeSize, out);
            out.length = at - start;
            return result < 0 ? result : out.length;
        } catch (Truncated e) {
            return limit - offset >= MAXIMUM_LENGTH ? TOO_LONG : INCOMPLETE;
        }
    }

    private int decode(int codeSize, Instruction out) {
        boolean code64 = codeSize == 64;
        out.codeSize = codeSize;
        out.prefixes = 0;
        out.rex = 0;
        out.segmentPrefix = -1;
        Prefix repeat = Prefix.NONE;
        int opcode;
        prefixes : while (true) {
            opcode = next();
            switch (opcode) {
                case 0x26, 0x2E, 0x36, 0x3E -> {
                    if (!code64) {
                        out.segmentPrefix = opcode >> 3 & 3;
                    }
                }
                case 0x64, 0x65 -> out.segmentPrefix = opcode & 7;
                case 0x66 -> out.prefixes |= Instruction.PREFIX_OPERAND;
                case 0x67 -> out.prefixes |= Instruction.PREFIX_ADDRESS;
                case 0xF0 -> out.prefixes |= Instruction.PREFIX_LOCK;
                case 0xF2 -> {
                    out.prefixes = out.prefixes & ~Instruction.PREFIX_REP | Instruction.PREFIX_REPNE;
                    repeat = Prefix.REPEAT_NOT;
                }
                case 0xF3 -> {
                    out.prefixes = out.prefixes & ~Instruction.PREFIX_REPNE | Instruction.PREFIX_REP;
                    repeat = Prefix.REPEAT;
                }
                default -> {
                    if (!code64 || (opcode & 0xF0) != 0x40) {
                        break prefixes;
                    }
                    out.rex = opcode;
                    continue prefixes;
                }
            }
            out.rex = 0; // a REX that is not the last prefix counts for nothing
        }
        int map = 0;
        if (opcode == 0x0F) {
            opcode = next();
            map = 1;
            if (opcode == 0x38 || opcode == 0x3A) {
                map = opcode == 0x38 ? 2 : 3;
                opcode = next();
            }
        }
        boolean hasModrm = TABLE.hasModrm(map, opcode);
        int modrm = hasModrm ? next() : 0;
        Prefix mandatory = repeat != Prefix.NONE ? repeat
                : out.has(Instruction.PREFIX_OPERAND) ? Prefix.OPERAND_SIZE : Prefix.NONE;
        InstructionForm form = TABLE.find(map, opcode, mandatory, modrm, code64);
        if (form == null) {
            return INVALID;
        }
        out.form = form;
        sizes(out, form, code64);
        out.modrm = modrm;
        out.reg = modrm >> 3 & 7 | out.rex << 1 & 8;
        out.rm = modrm & 7 | out.rex << 3 & 8;
        out.opcodeRegister = opcode & 7 | out.rex << 3 & 8;
        out.memory = hasModrm && modrm < 0xC0 && !form.has(Attribute.MODIGNORED);
        out.base = Instruction.NONE;
        out.index = Instruction.NONE;
        out.scale = 0;
        out.displacement = 0;
        out.immediate = 0;
        out.immediate2 = 0;
        if (out.memory) {
            if (out.addressSize == 2) {
                address16(out);
            } else {
                address(out);
            }
        }
        for (int i = 0; i < form.operands().size(); i++) {
            if (!operand(form.operands().get(i), out)) {
                return INVALID;
            }
        }
        if (out.has(Instruction.PREFIX_LOCK) && !(form.has(Attribute.LOCK) && out.memory)) {
            return INVALID;
        }
        return 0;
    }

    private static void sizes(Instruction out, InstructionForm form, boolean code64) {
        boolean operandPrefix = out.has(Instruction.PREFIX_OPERAND);
        boolean addressPrefix = out.has(Instruction.PREFIX_ADDRESS);
        if (code64) {
            out.addressSize = addressPrefix ? 4 : 8;
            out.operandSize = out.rexW() || form.has(Attribute.F64) ? 8
                    : operandPrefix ? 2 : form.has(Attribute.D64) ? 8 : 4;
        } else {
            boolean large = out.codeSize == 32;
            out.addressSize = large != addressPrefix ? 4 : 2;
            out.operandSize = large != operandPrefix ? 4 : 2;
        }
    }

    /** Reads what an operand has in the instruction; {@code false} if its register cannot be named so. */
    private boolean operand(OperandKind kind, Instruction out) {
        switch (kind.place()) {
            case IMMEDIATE -> out.immediate = switch (kind) {
                case Ib -> next();
                case Ibs -> (byte) next();
                case Iw -> number(2) & 0xFFFF;
                case Iv -> number(out.operandSize);
                default -> number(Math.min(out.operandSize, 4));
            };
            case SECOND_IMMEDIATE -> out.immediate2 = next();
            case RELATIVE -> out.immediate = number(kind == OperandKind.Jb ? 1 : Math.min(out.operandSize, 4));
            case FAR_IMMEDIATE -> {
                out.immediate = out.operandSize == 2 ? number(2) & 0xFFFF : number(4) & 0xFFFF_FFFFL;
                out.immediate2 = (int) number(2) & 0xFFFF;
            }
            case OFFSET -> out.displacement = switch (out.addressSize) {
                case 2 -> number(2) & 0xFFFF;
                case 4 -> number(4) & 0xFFFF_FFFFL;
                default -> number(8);
            };
            case MEMORY -> {
                return out.memory;
            }
            case RM_REGISTER, MMX_RM_REGISTER, XMM_RM_REGISTER -> {
                return !out.memory;
            }
            case SEGMENT -> {
                out.reg &= 7;
                return out.reg < 6 && !(out.form.mnemonic() == Mnemonic.MOVTS && out.reg == 1);
            }
            default -> {}
        }
        return true;
    }

    private void address(Instruction out) {
        int mod = out.modrm >> 6;
        int rm = out.modrm & 7;
        if (rm == 4) {
            int sib = next();
            int index = sib >> 3 & 7 | out.rex << 2 & 8;
            if (index != 4) {
                out.index = index;
                out.scale = sib >> 6;
            }
            if ((sib & 7) == 5 && mod == 0) {
                out.displacement = number(4);
                return;
            }
            out.base = sib & 7 | out.rex << 3 & 8;
        } else if (rm == 5 && mod == 0) {
            out.base = out.codeSize == 64 ? Instruction.RIP : Instruction.NONE;
            out.displacement = number(4);
            return;
        } else {
            out.base = rm | out.rex << 3 & 8;
        }
        out.displacement = mod == 0 ? 0 : number(mod == 1 ? 1 : 4);
    }

    private static final int[] BASE16 = {3, 3, 5, 5, 6, 7, 5, 3};
    private static final int[] INDEX16 = {6, 7, 6, 7, -1, -1, -1, -1};

    private void address16(Instruction out) {
        int mod = out.modrm >> 6;
        int rm = out.modrm & 7;
        if (mod == 0 && rm == 6) {
            out.displacement = number(2);
            return;
        }
        out.base = BASE16[rm];
        out.index = INDEX16[rm];
        out.displacement = mod == 0 ? 0 : number(mod);
    }

    private int next() {
        if (at >= end) {
            throw truncated;
        }
        return code[at++] & 0xFF;
    }

    /** A little-endian number of {@code bytes} bytes, sign-extended. */
    private long number(int bytes) {
        if (end - at < bytes) {
            throw truncated;
        }
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (code[at + i] & 0xFFL) << 8 * i;
        }
        at += bytes;
        int unused = 64 - 8 * bytes;
        return value << unused >> unused;
    }

    /** Thrown inside this class when the bytes run out. */
    private static final class Truncated extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private Truncated() {
            super("the instruction's bytes ran out", null, false, false);
        }
    }
}
