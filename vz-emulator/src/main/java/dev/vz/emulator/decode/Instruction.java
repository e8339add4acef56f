package dev.vz.emulator.decode;

/**
 * One decoded instruction. The decoder fills the same object again and again; {@link #copy()} keeps it.
 *
 * <p>
 * Register numbers include the REX bits. The fields are public and plain because whoever builds an executable form reads
 * many of them; only {@link Decoder} writes.
 */
public final class Instruction {

    /** {@link #base}: the address is relative to the next instruction. */
    public static final int RIP = 16;
    /** {@link #base}, {@link #index}: there is none. */
    public static final int NONE = -1;

    /** REP, REPE or the mandatory prefix F3. */
    public static final int PREFIX_REP = 1;
    /** REPNE or the mandatory prefix F2. */
    public static final int PREFIX_REPNE = 2;
    /** LOCK. */
    public static final int PREFIX_LOCK = 4;
    /** Operand size, 66. */
    public static final int PREFIX_OPERAND = 8;
    /** Address size, 67. */
    public static final int PREFIX_ADDRESS = 16;

    /** What it is. Set by every successful decode. */
    public InstructionForm form;
    /** Bytes, prefixes included. */
    public int length;
    /** 16, 32 or 64: how the code segment says it is to be read. */
    public int codeSize;
    /** The {@code PREFIX_} bits. */
    public int prefixes;
    /** The REX byte, or 0. */
    public int rex;
    /** 2, 4 or 8. */
    public int operandSize;
    /** 2, 4 or 8. */
    public int addressSize;
    /** The ModRM byte; 0 if there is none. */
    public int modrm;
    /** ModRM.reg with REX.R. */
    public int reg;
    /** ModRM.rm with REX.B if it names a register; else without meaning. */
    public int rm;
    /** The register in the opcode, with REX.B. */
    public int opcodeRegister;
    /** Whether the ModRM operand is memory. */
    public boolean memory;
    /** Base register, {@link #RIP} or {@link #NONE}. */
    public int base;
    /** Index register or {@link #NONE}. */
    public int index;
    /** log2 of the factor of the index. */
    public int scale;
    /** Displacement, sign-extended; for {@code Ob} and {@code Ov} the address. */
    public long displacement;
    /** Segment by prefix (0 ES, 1 CS, 2 SS, 3 DS, 4 FS, 5 GS), or -1. */
    public int segmentPrefix;
    /** First immediate, sign-extended where the form says so; branch displacement; offset of a far pointer. */
    public long immediate;
    /** Second immediate; selector of a far pointer. */
    public int immediate2;

    /** An instruction still to be decoded. */
    public Instruction() {
        form = OpcodeTable.instance().forms().getFirst();
    }

    /** REX.W. */
    public boolean rexW() {
        return (rex & 8) != 0;
    }

    /** Whether a byte register number 4 to 7 means SPL, BPL, SIL, DIL rather than AH, CH, DH, BH. */
    public boolean hasRex() {
        return rex != 0;
    }

    /** Whether the prefix is there. */
    public boolean has(int prefix) {
        return (prefixes & prefix) != 0;
    }

    /** The condition in the low opcode bits. */
    public int condition() {
        return form.opcode() & 15;
    }

    /** The segment that the memory operand uses: the prefix, or SS for a base of rSP or rBP, or DS. */
    public int segment() {
        return segmentPrefix >= 0 ? segmentPrefix : base == 4 || base == 5 ? 2 : 3;
    }

    /** A copy that stays. */
    public Instruction copy() {
        var copy = new Instruction();
        copy.form = form;
        copy.length = length;
        copy.codeSize = codeSize;
        copy.prefixes = prefixes;
        copy.rex = rex;
        copy.operandSize = operandSize;
        copy.addressSize = addressSize;
        copy.modrm = modrm;
        copy.reg = reg;
        copy.rm = rm;
        copy.opcodeRegister = opcodeRegister;
        copy.memory = memory;
        copy.base = base;
        copy.index = index;
        copy.scale = scale;
        copy.displacement = displacement;
        copy.segmentPrefix = segmentPrefix;
        copy.immediate = immediate;
        copy.immediate2 = immediate2;
        return copy;
    }
}
