package dev.vz.emulator.fpu;

/**
 * Finds the x87 instruction that an escape opcode (0xD8 to 0xDF) and a ModRM byte stand for, and executes it. A caller
 * that decodes for itself can do without.
 *
 * <p>
 * The order of work for one instruction, after #NM has been ruled out: if {@link #isWaiting} and
 * {@link FpuState#hasPendingException}, raise #MF; otherwise for a register form call {@link #register}; for a memory form
 * look at {@link #memoryOperand} and then call {@link #load} with the operand read, or make sure the operand can be
 * written, call {@link #store} and write what it left. Environments and states are {@link X87Images}' affair.
 *
 * <p>
 * Intel SDM volume 2, appendix A.5 (escape opcode maps).
 */
public final class X87Escapes {

    /** {@link #register}: executed, nothing left to do. */
    public static final int DONE = 0;
    /** {@link #register}: no such instruction, raise #UD. */
    public static final int UNDEFINED = 1;
    /** {@link #register}: AX takes {@link X87Control#fnstsw}. */
    public static final int STATUS_TO_AX = 2;
    /** {@link #register}: set ZF, PF and CF from the bits above the lowest eight, clear OF, SF and AF. */
    public static final int FLAGS = 3;

    /** {@link #memoryOperand}: no such instruction. */
    public static final int NO_OPERAND = 0;
    /** {@link #memoryOperand}: bits of a value that hold the operand's length in bytes; zero for environment and state. */
    public static final int LENGTH = 0x0F;
    /** {@link #memoryOperand}: the operand is written. */
    public static final int STORE = 0x10;
    /** {@link #memoryOperand}: FLDENV and, with {@link #STORE}, FNSTENV. */
    public static final int ENVIRONMENT = 0x20;
    /** {@link #memoryOperand}: FRSTOR and, with {@link #STORE}, FNSAVE. */
    public static final int STATE = 0x40;

    /** Operands of the memory forms: a row per opcode, a column per ModRM.reg. */
    private static final byte[] MEMORY = {
        4, 4, 4, 4, 4, 4, 4, 4,
        4, NO_OPERAND, 4 | STORE, 4 | STORE, ENVIRONMENT, 2, ENVIRONMENT | STORE, 2 | STORE,
        4, 4, 4, 4, 4, 4, 4, 4,
        4, 4 | STORE, 4 | STORE, 4 | STORE, NO_OPERAND, 10, NO_OPERAND, 10 | STORE,
        8, 8, 8, 8, 8, 8, 8, 8,
        8, 8 | STORE, 8 | STORE, 8 | STORE, STATE, NO_OPERAND, STATE | STORE, 2 | STORE,
        2, 2, 2, 2, 2, 2, 2, 2,
        2, 2 | STORE, 2 | STORE, 2 | STORE, 10, 8, 10 | STORE, 8 | STORE,
    };

    private X87Escapes() {}

    /** What a memory form accesses: {@link #LENGTH} bits plus {@link #STORE}, {@link #ENVIRONMENT}, {@link #STATE}. */
    public static int memoryOperand(int opcode, int modrm) {
        return MEMORY[(opcode & 7) << 3 | modrm >>> 3 & 7];
    }

    /** Whether the instruction first reports a pending exception: all but the control instructions with an N. */
    public static boolean isWaiting(int opcode, int modrm) {
        int extension = modrm >>> 3 & 7;
        if (modrm < 0xC0) {
            return !(opcode == 0xD9 && extension >= 6 || opcode == 0xDD && extension >= 6);
        }
        return !(opcode == 0xDB && modrm >>> 3 == 0xE0 >>> 3 || opcode == 0xDF && modrm == 0xE0);
    }

    /** Whether the instruction is to be remembered by {@link FpuState#recordInstruction}: all but control instructions. */
    public static boolean isRecorded(int opcode, int modrm) {
        int extension = modrm >>> 3 & 7;
        if (modrm < 0xC0) {
            return !(opcode == 0xD9 && extension >= 4 || opcode == 0xDD && (extension == 4 || extension >= 6));
        }
        return !(opcode == 0xDB && extension == 4 || opcode == 0xDF && modrm == 0xE0);
    }

    /**
     * Executes a memory form that reads its operand.
     *
     * @param low the operand's low 64 bits, zero-extended if it is shorter
     * @param high bits 79 to 64 of a ten-byte operand
     */
    public static void load(FpuState s, int opcode, int modrm, long low, int high) {
        int extension = modrm >>> 3 & 7;
        switch (opcode) {
            case 0xD8 -> {
                X87Operand.m32(s, (int) low);
                arithmetic(s, extension);
            }
            case 0xDA -> {
                X87Operand.m32int(s, (int) low);
                arithmetic(s, extension);
            }
            case 0xDC -> {
                X87Operand.m64(s, low);
                arithmetic(s, extension);
            }
            case 0xDE -> {
                X87Operand.m16int(s, (short) low);
                arithmetic(s, extension);
            }
            case 0xD9 -> {
                if (extension == 0) {
                    X87Transfer.fldM32(s, (int) low);
                } else {
                    X87Control.fldcw(s, (int) low);
                }
            }
            case 0xDB -> {
                if (extension == 0) {
                    X87Integer.fildM32(s, (int) low);
                } else {
                    X87Transfer.fldM80(s, high, low);
                }
            }
            case 0xDD -> X87Transfer.fldM64(s, low);
            default -> {
                switch (extension) {
                    case 0 -> X87Integer.fildM16(s, (short) low);
                    case 4 -> X87Decimal.fbld(s, low, high);
                    default -> X87Integer.fildM64(s, low);
                }
            }
        }
    }

    private static void arithmetic(FpuState s, int extension) {
        switch (extension) {
            case 0 -> X87Arithmetic.faddMemory(s);
            case 1 -> X87Arithmetic.fmulMemory(s);
            case 2 -> X87Compare.fcomMemory(s);
            case 3 -> X87Compare.fcompMemory(s);
            case 4 -> X87Arithmetic.fsubMemory(s);
            case 5 -> X87Arithmetic.fsubrMemory(s);
            case 6 -> X87Arithmetic.fdivMemory(s);
            default -> X87Arithmetic.fdivrMemory(s);
        }
    }

    /**
     * Executes a memory form that writes its operand, which is then in {@link FpuState#storeLow} and, for ten bytes, in
     * {@link FpuState#storeHigh}.
     *
     * @return whether to write it: false when an unmasked exception withholds it
     */
    public static boolean store(FpuState s, int opcode, int modrm) {
        int extension = modrm >>> 3 & 7;
        return switch (opcode << 3 | extension) {
            case 0xD9 << 3 | 2 -> X87Transfer.fstM32(s);
            case 0xD9 << 3 | 3 -> X87Transfer.fstpM32(s);
            case 0xD9 << 3 | 7 -> word(s, X87Control.fnstcw(s));
            case 0xDB << 3 | 1 -> X87Integer.fisttpM32(s);
            case 0xDB << 3 | 2 -> X87Integer.fistM32(s);
            case 0xDB << 3 | 3 -> X87Integer.fistpM32(s);
            case 0xDB << 3 | 7 -> X87Transfer.fstpM80(s);
            case 0xDD << 3 | 1 -> X87Integer.fisttpM64(s);
            case 0xDD << 3 | 2 -> X87Transfer.fstM64(s);
            case 0xDD << 3 | 3 -> X87Transfer.fstpM64(s);
            case 0xDD << 3 | 7 -> word(s, X87Control.fnstsw(s));
            case 0xDF << 3 | 1 -> X87Integer.fisttpM16(s);
            case 0xDF << 3 | 2 -> X87Integer.fistM16(s);
            case 0xDF << 3 | 3 -> X87Integer.fistpM16(s);
            case 0xDF << 3 | 6 -> X87Decimal.fbstp(s);
            case 0xDF << 3 | 7 -> X87Integer.fistpM64(s);
            default -> throw new IllegalArgumentException(
                    "x87 opcode 0x%02X /%d stores nothing: ask memoryOperand first".formatted(opcode, extension));
        };
    }

    private static boolean word(FpuState s, int value) {
        s.storeLow = value;
        return true;
    }

    /**
     * Executes a register form (ModRM at least 0xC0).
     *
     * @param eflags EFLAGS, which the conditional moves look at
     * @return {@link #DONE}, {@link #UNDEFINED}, {@link #STATUS_TO_AX}, or {@link #FLAGS} with the new ZF, PF and CF
     *         shifted left by eight
     */
    public static int register(FpuState s, int opcode, int modrm, int eflags) {
        int i = modrm & 7;
        int extension = modrm >>> 3 & 7;
        switch (opcode) {
            case 0xD8 -> X87RegisterForms.toTop(s, extension, i);
            case 0xD9 -> {
                return X87RegisterForms.escapeD9(s, modrm, i);
            }
            case 0xDA -> {
                return X87RegisterForms.escapeDA(s, modrm, i, eflags);
            }
            case 0xDB -> {
                return X87RegisterForms.escapeDB(s, modrm, i, eflags);
            }
            case 0xDC -> X87RegisterForms.toRegister(s, extension, i);
            case 0xDD -> {
                return X87RegisterForms.escapeDD(s, extension, i);
            }
            case 0xDE -> {
                return X87RegisterForms.escapeDE(s, extension, i);
            }
            default -> {
                return X87RegisterForms.escapeDF(s, modrm, i);
            }
        }
        return DONE;
    }
}
