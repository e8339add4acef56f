package dev.vz.emulator.translator;

import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import dev.vz.emulator.decode.OperandKind.Place;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * How a region executes an instruction, and what it does to the registers and flags that a region keeps in local variables.
 *
 * @param kind who executes it
 * @param uses general registers that it reads, one bit each; may say too much
 * @param defines general registers that it writes; may say too much
 * @param readsFlags whether it needs arithmetic flags
 * @param flags what it does to them
 * @param leaves whether the region's state must be complete when it begins, because it can leave there
 */
record Effects(Kind kind, int uses, int defines, boolean readsFlags, FlagEffect flags, boolean leaves) {

    /** Who executes an instruction. */
    enum Kind {
        /** Bytecode. */
        BYTECODE,
        /** The interpreter's operation, which changes no general register and no flag before it is sure to succeed. */
        OPERATION,
        /** The interpreter's operation, which may stop half-way, or not go on behind itself. */
        WHOLE_OPERATION,
        /** The interpreter: the region ends before it. */
        INTERPRETER
    }

    /** What happens to the arithmetic flags. */
    enum FlagEffect {
        /** Nothing. */
        NONE,
        /** Some change, or all do in some cases. */
        SOME,
        /** All are set. */
        ALL
    }

    private static final int RAX = 1;
    private static final int RCX = 1 << 1;
    private static final int RDX = 1 << 2;
    private static final int RBX = 1 << 3;
    private static final int RSP = 1 << 4;
    private static final int RBP = 1 << 5;

    private static final Set<Mnemonic> STRINGS = EnumSet.of(Mnemonic.MOVS, Mnemonic.CMPS, Mnemonic.STOS, Mnemonic.LODS,
            Mnemonic.SCAS);
    /** Read and write the flags, and touch no registers but their operands, RAX and RCX. */
    private static final Set<Mnemonic> PLAIN = EnumSet.of(Mnemonic.XADD, Mnemonic.BTS, Mnemonic.BTR, Mnemonic.BTC,
            Mnemonic.SHLD, Mnemonic.SHRD, Mnemonic.RCL, Mnemonic.RCR, Mnemonic.TZCNT, Mnemonic.LZCNT, Mnemonic.POPCNT,
            Mnemonic.MOVBE, Mnemonic.CRC32, Mnemonic.CLC, Mnemonic.STC, Mnemonic.CMC, Mnemonic.LAHF, Mnemonic.SAHF,
            Mnemonic.CMPXCHG);
    private static final Set<Mnemonic> NOTHING = EnumSet.of(Mnemonic.HINT, Mnemonic.ENDBR64, Mnemonic.PAUSE,
            Mnemonic.PREFETCHW, Mnemonic.PREFETCHNTA, Mnemonic.PREFETCHT0, Mnemonic.PREFETCHT1, Mnemonic.PREFETCHT2);
    private static final Set<Mnemonic> FENCES = EnumSet.of(Mnemonic.MFENCE, Mnemonic.LFENCE, Mnemonic.SFENCE,
            Mnemonic.CLD, Mnemonic.STD);

    /**
     * What kernels do on the way in and out, and around short critical sections. They go on behind themselves; what follows
     * in the region does not depend on what they change, or reads it anew as segment bases are.
     */
    private static final Set<Mnemonic> SYSTEM = EnumSet.of(Mnemonic.SWAPGS, Mnemonic.CLI, Mnemonic.STI, Mnemonic.RDTSC,
            Mnemonic.RDTSCP, Mnemonic.RDMSR, Mnemonic.RDFSBASE, Mnemonic.RDGSBASE, Mnemonic.WRFSBASE,
            Mnemonic.WRGSBASE);

    private static Effects code(int uses, int defines, boolean readsFlags, FlagEffect flags, boolean leaves) {
        return new Effects(Kind.BYTECODE, uses, defines, readsFlags, flags, leaves);
    }

    private static Effects operation(int uses, int defines, boolean flags) {
        return new Effects(Kind.OPERATION, uses, defines, flags, flags ? FlagEffect.SOME : FlagEffect.NONE, true);
    }

    private static final Effects WHOLE = new Effects(Kind.WHOLE_OPERATION, 0, 0, true, FlagEffect.SOME, true);
    private static final Effects OUTSIDE = new Effects(Kind.INTERPRETER, 0, 0, true, FlagEffect.NONE, true);

    /**
     * What {@code in} does in 64-bit code.
     *
     * @param op     the interpreter's instruction for it
     * @param access how the region accesses memory; if that is logged, the interpreter's operations, which do not enter
     *               what they store, are left to the interpreter
     */
    static Effects of(Instruction in, Op op, AccessKind access) {
        Effects effects = of(in);
        if (access == AccessKind.LOGGED && effects.kind != Kind.BYTECODE) {
            return OUTSIDE;
        }
        return op.endsBlock() && effects.kind != Kind.INTERPRETER && !isBranch(in.form.mnemonic()) ? OUTSIDE : effects;
    }

    /** Whether it is a branch that a region makes by itself. */
    static boolean isBranch(Mnemonic mnemonic) {
        return switch (mnemonic) {
            case JCC, JMP, CALL, RET -> true;
            default -> false;
        };
    }

    private static Effects of(Instruction in) {
        Mnemonic mnemonic = in.form.mnemonic();
        List<OperandKind> operands = in.form.operands();
        int all = registers(in) | address(in);
        int target = operands.isEmpty() ? 0 : register(in, operands.getFirst());
        boolean memory = in.memory || operands.stream().anyMatch(kind -> kind.place() == Place.OFFSET);
        if (in.has(Instruction.PREFIX_LOCK)) {
            return locked(mnemonic, all);
        }
        if (NOTHING.contains(mnemonic)) {
            return code(0, 0, false, FlagEffect.NONE, false);
        }
        if (STRINGS.contains(mnemonic) || SYSTEM.contains(mnemonic)) {
            return WHOLE;
        }
        if (PLAIN.contains(mnemonic)) {
            return operation(all | RAX | RCX, all | RAX, true);
        }
        if (FENCES.contains(mnemonic)) {
            return operation(0, 0, false);
        }
        if (VectorEmitter.knows(in)) {
            return code(all, target, false, VectorEmitter.compares(in) ? FlagEffect.ALL : FlagEffect.NONE,
                    VectorEmitter.faults(in));
        }
        return switch (mnemonic) {
            case MOV, MOVNTI -> readsControl(operands) ? WHOLE
                    : isSystemMove(operands) ? OUTSIDE : code(all, target, false, FlagEffect.NONE, memory);
            case MOVZX, MOVSX, MOVSXD -> code(all, target, false, FlagEffect.NONE, memory);
            case LEA -> code(all, target, false, FlagEffect.NONE, false);
            case ADD, OR, AND, SUB, XOR, NEG -> code(all, target, false, FlagEffect.ALL, memory);
            case CMP, TEST -> code(all, 0, false, FlagEffect.ALL, memory);
            case ADC, SBB -> code(all, target, true, FlagEffect.ALL, memory);
            case INC, DEC -> code(all, target, false, FlagEffect.SOME, memory);
            case NOT -> code(all, target, false, FlagEffect.NONE, memory);
            case SHL, SHR, SAR, ROL, ROR -> shift(in, all, target, memory);
            case IMUL -> operands.size() == 1 ? code(all | RAX, RAX | RDX, false, FlagEffect.ALL, memory)
                    : code(all, target, false, FlagEffect.ALL, memory);
            case MUL -> code(all | RAX, RAX | RDX, false, FlagEffect.ALL, memory);
            case DIV, IDIV -> operation(all | RAX | RDX, RAX | RDX, false);
            case BSF, BSR -> code(all, target, false, FlagEffect.SOME, memory);
            case BT -> memory ? operation(all, 0, true) : code(all, 0, false, FlagEffect.SOME, false);
            case BSWAP -> code(all, all, false, FlagEffect.NONE, false);
            case XCHG -> memory ? operation(all, all, false) : code(all, all, false, FlagEffect.NONE, false);
            case CMOVCC -> code(all, target, true, FlagEffect.NONE, memory);
            case SETCC -> code(all, target, true, FlagEffect.NONE, memory);
            case CBW -> code(RAX, RAX, false, FlagEffect.NONE, false);
            case CWD -> code(RAX, RDX, false, FlagEffect.NONE, false);
            case LEAVE -> in.operandSize == 8 ? code(RBP, RSP | RBP, false, FlagEffect.NONE, true) : OUTSIDE;
            case PUSH, POP -> stack(in, mnemonic, operands, all);
            case PUSHF -> operation(RSP, RSP, true);
            case JCC -> code(0, 0, true, FlagEffect.NONE, true);
            case JMP -> code(all, 0, false, FlagEffect.NONE, true);
            case CALL -> code(all | RSP, RSP, false, FlagEffect.NONE, true);
            case RET -> code(RSP, RSP, false, FlagEffect.NONE, true);
            case CMPXCHG8B -> operation(all | RAX | RBX | RCX | RDX, RAX | RDX, true);
            case PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM, MASKMOVDQU, MASKMOVQ, FXSAVE, FXRSTOR, LDMXCSR -> WHOLE;
            case COMISS, COMISD, UCOMISS, UCOMISD, PTEST -> new Effects(Kind.OPERATION, all, 0, false, FlagEffect.ALL,
                    true);
            default -> isVector(in, operands) ? operation(all, target, mnemonic.name().startsWith("F")) : OUTSIDE;
        };
    }

    private static Effects locked(Mnemonic mnemonic, int all) {
        return switch (mnemonic) {
            case ADD, OR, ADC, SBB, AND, SUB, XOR, INC, DEC, NEG, BTS, BTR, BTC -> operation(all, 0, true);
            case NOT -> operation(all, 0, false);
            case XADD, XCHG -> operation(all, all, true);
            case CMPXCHG -> operation(all | RAX, RAX, true);
            case CMPXCHG8B -> operation(all | RAX | RBX | RCX | RDX, RAX | RDX, true);
            default -> OUTSIDE;
        };
    }

    private static Effects shift(Instruction in, int all, int target, boolean memory) {
        Mnemonic mnemonic = in.form.mnemonic();
        boolean byCl = in.form.operands().get(1) == OperandKind.CL;
        boolean rotates = mnemonic == Mnemonic.ROL || mnemonic == Mnemonic.ROR;
        if (byCl) {
            return code(all | RCX, target, false, FlagEffect.SOME, memory);
        }
        FlagEffect flags = shiftCount(in) == 0 ? FlagEffect.NONE : rotates ? FlagEffect.SOME : FlagEffect.ALL;
        return code(all, target, false, flags, memory);
    }

    /** The constant count of a shift, masked. */
    static int shiftCount(Instruction in) {
        int n = in.form.operands().get(1) == OperandKind.ONE ? 1 : (int) in.immediate;
        return n & (in.form.operands().getFirst().bytes(in) == 8 ? 63 : 31);
    }

    private static Effects stack(Instruction in, Mnemonic mnemonic, List<OperandKind> operands, int all) {
        Place place = operands.getFirst().place();
        if (place == Place.NAMED_SEGMENT) {
            return OUTSIDE;
        }
        int defines = mnemonic == Mnemonic.POP && !in.memory ? all | RSP : RSP;
        if (in.memory || in.operandSize != 8) {
            return operation(all | RSP, defines, false);
        }
        return code(all | RSP, defines, false, FlagEffect.NONE, true);
    }

    private static boolean readsControl(List<OperandKind> operands) {
        return operands.getLast().place() == Place.CONTROL;
    }

    private static boolean isSystemMove(List<OperandKind> operands) {
        return operands.stream().anyMatch(kind -> switch (kind.place()) {
            case CONTROL, DEBUG, SEGMENT -> true;
            default -> false;
        });
    }

    /** SSE, MMX and x87 instructions, which stand for themselves once their operands are known. */
    private static boolean isVector(Instruction in, List<OperandKind> operands) {
        if (in.form.mnemonic() == Mnemonic.MOVTS || in.form.mnemonic().name().startsWith("FX")) {
            return in.form.mnemonic() == Mnemonic.FXCH || in.form.mnemonic() == Mnemonic.FXAM;
        }
        return operands.stream().anyMatch(kind -> switch (kind.place()) {
            case MMX_REG, MMX_RM, MMX_RM_REGISTER, XMM_REG, XMM_RM, XMM_RM_REGISTER, STACK_TOP, STACK -> true;
            default -> false;
        });
    }

    /** Whether the instruction needs SSE to be on. */
    static boolean isSse(Instruction in) {
        return in.form.operands().stream().anyMatch(kind -> switch (kind.place()) {
            case XMM_REG, XMM_RM, XMM_RM_REGISTER -> true;
            default -> false;
        });
    }

    private static int registers(Instruction in) {
        int mask = 0;
        for (OperandKind kind : in.form.operands()) {
            mask |= register(in, kind);
        }
        return mask;
    }

    private static int register(Instruction in, OperandKind kind) {
        int number = switch (kind.place()) {
            case RM, RM_REGISTER, RM_NARROW_MEMORY -> in.memory ? -1 : in.rm;
            case REG -> in.reg;
            case OPCODE_REGISTER -> in.opcodeRegister;
            case ACCUMULATOR -> 0;
            case COUNT -> 1;
            case PORT -> 2;
            default -> -1;
        };
        if (number < 0) {
            return 0;
        }
        return 1 << (isHighByte(in, number, kind.bytes(in)) ? number - 4 : number);
    }

    /** Whether byte register {@code number} is bits 8 to 15 of one of the first four. */
    static boolean isHighByte(Instruction in, int number, int bytes) {
        return bytes == 1 && !in.hasRex() && number >= 4 && number < 8;
    }

    private static int address(Instruction in) {
        int mask = 0;
        if (in.memory) {
            if (in.base >= 0 && in.base != Instruction.RIP) {
                mask |= 1 << in.base;
            }
            if (in.index >= 0) {
                mask |= 1 << in.index;
            }
        }
        return mask;
    }
}
