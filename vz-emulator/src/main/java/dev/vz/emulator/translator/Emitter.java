package dev.vz.emulator.translator;

import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.OperandKind;
import dev.vz.emulator.decode.OperandKind.Place;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;

/**
 * Writes the method of a region in small steps: guest registers, which are local variables, operands in memory, constants.
 * A width is the number of unused bits on top of a 64-bit value, as everywhere in the emulator: 0, 32, 48 or 56.
 */
final class Emitter {

    /** Local: the processor. */
    static final int CPU = 1;
    /** Local: index of the interpreter's instruction with which to go on if the region is left now. */
    static final int AT = 2;
    /** Local: instructions left before a backward branch leaves. */
    static final int BUDGET = 3;
    /** Local: what has made the flags; see {@link FlagWords}. */
    static final int MAKER = 4;
    /** Local: ZF is set if this is zero. */
    static final int ZERO = 5;
    /** Local: SF and PF. */
    static final int SIGN = 7;
    /** Local: first operand or vector of carries. */
    static final int FIRST = 9;
    /** Local: second operand. */
    static final int SECOND = 11;
    /** Locals within one instruction. */
    static final int T0 = 13;
    static final int T1 = 15;
    static final int T2 = 17;
    static final int T3 = 19;
    static final int COUNT = 21;
    static final int THROWN = 22;
    /** Local: the block outside with which to go on. */
    static final int NEXT = 23;
    private static final int REGISTERS = 24;

    /**
     * Accesses that HotSpot takes into a region: the first, which are those of its hottest blocks. Its second compiler takes no
     * more methods into one that has come to 8000 bytes of bytecode by it, not even the smallest; with every access taken in
     * nothing else would be. Measured: 10 slow down matrices, all slow down calls and hashing.
     */
    private static final int MOST_NEAR = 24;

    static final ClassDesc ACCESS = ClassDesc.of("dev.vz.emulator.translator.GuestAccess");
    private static final ClassDesc ORDERED_ACCESS = ClassDesc.of("dev.vz.emulator.translator.OrderedAccess");
    private static final ClassDesc LOGGED_ACCESS = ClassDesc.of("dev.vz.emulator.translator.LoggedAccess");
    static final ClassDesc FLAG_WORDS = ClassDesc.of("dev.vz.emulator.translator.FlagWords");
    static final ClassDesc LONGS = ConstantDescs.CD_long.arrayType();
    private static final ClassDesc LONG = ConstantDescs.CD_long;
    private static final ClassDesc INT = ConstantDescs.CD_int;
    private static final MethodTypeDesc LOAD = MethodTypeDesc.of(LONG, LONG, LONGS);
    private static final MethodTypeDesc STORE = MethodTypeDesc.of(ConstantDescs.CD_void, LONG, LONG, LONGS);
    private static final MethodTypeDesc PLACE = MethodTypeDesc.of(LONG, LONG, INT, LONGS);
    private static final MethodTypeDesc GET = MethodTypeDesc.of(LONG, LONG);
    private static final MethodTypeDesc PUT = MethodTypeDesc.of(ConstantDescs.CD_void, LONG, LONG);

    final CodeBuilder code;
    private final ClassDesc self;
    private final ClassDesc access;
    private final ClassDesc distantAccess;
    /** How many more accesses HotSpot may take into the region. */
    private int near;
    private int at = -1;

    /** Writes into {@code code}, a method of {@code self}. */
    Emitter(CodeBuilder code, ClassDesc self, AccessKind kind, boolean distant) {
        this.code = code;
        this.self = self;
        access = switch (kind) {
            case PLAIN -> ACCESS;
            case ORDERED -> ORDERED_ACCESS;
            case LOGGED -> LOGGED_ACCESS;
        };
        distantAccess = switch (kind) {
            case PLAIN -> DistantAccess.PLAIN;
            case ORDERED -> DistantAccess.ORDERED;
            case LOGGED -> LOGGED_ACCESS;
        };
        near = distant ? 0 : MOST_NEAR;
    }

    /** Where register {@code number} is. */
    static int local(int number) {
        return REGISTERS + 2 * number;
    }

    // ---- control

    /** Instruction {@code index} can leave the region from here on. */
    void at(int index) {
        if (at != index) {
            code.loadConstant(index).istore(AT);
            at = index;
        }
    }

    void bind(Label label) {
        code.labelBinding(label);
        at = -1;
    }

    // ---- constants

    void constant(long value) {
        code.loadConstant(value);
    }

    void constant(int value) {
        code.loadConstant(value);
    }

    /** A constant of the region's class. */
    void field(String name, ClassDesc type) {
        code.getstatic(self, name, type);
    }

    void flagWord(String name, String descriptor) {
        code.invokestatic(FLAG_WORDS, name, MethodTypeDesc.ofDescriptor(descriptor));
    }

    // ---- widths

    /** The value in the low bits, sign-extended. */
    void signExtend(int s) {
        switch (s) {
            case 0 -> {
                // all bits count
            }
            case 32 -> code.l2i().i2l();
            case 48 -> code.l2i().i2s().i2l();
            default -> code.l2i().i2b().i2l();
        }
    }

    /** The value in the low bits, zero-extended. */
    void zeroExtend(int s) {
        if (s != 0) {
            constant(-1L >>> s);
            code.land();
        }
    }

    /** The low bits as an {@code int}, sign-extended. */
    void toInt(int s) {
        code.l2i();
        if (s == 48) {
            code.i2s();
        } else if (s == 56) {
            code.i2b();
        }
    }

    /** The low bits as an {@code int}, zero-extended. */
    void toUnsignedInt(int s) {
        code.l2i();
        if (s > 32) {
            constant(s == 48 ? 0xFFFF : 0xFF);
            code.iand();
        }
    }

    static int width(Instruction in, int operand) {
        return 64 - 8 * in.form.operands().get(operand).bytes(in);
    }

    // ---- registers

    /** Number of the register that operand {@code index} names, plus 32 for bits 8 to 15. */
    static int register(Instruction in, int index) {
        OperandKind kind = in.form.operands().get(index);
        int number = switch (kind.place()) {
            case RM, RM_REGISTER, RM_NARROW_MEMORY -> in.rm;
            case REG -> in.reg;
            case OPCODE_REGISTER -> in.opcodeRegister;
            case ACCUMULATOR -> 0;
            case COUNT -> 1;
            default -> throw new IllegalStateException("operand " + kind + " is no general register");
        };
        return Effects.isHighByte(in, number, kind.bytes(in)) ? number - 4 | 32 : number;
    }

    /** Pushes a register; what is above its width is undefined. */
    void get(int register) {
        code.lload(local(register & 15));
        if (register >= 32) {
            constant(8);
            code.lushr();
        }
    }

    /** Pops into a register: 32 bits clear the upper half, fewer leave the rest. */
    void set(int s, int register) {
        int local = local(register & 15);
        if (s == 48 || s == 56) {
            int shift = register >= 32 ? 8 : 0;
            long mask = -1L >>> s;
            constant(mask);
            code.land();
            if (shift != 0) {
                constant(shift);
                code.lshl();
            }
            code.lload(local);
            constant(~(mask << shift));
            code.land().lor();
        } else {
            zeroExtend(s);
        }
        code.lstore(local);
    }

    // ---- memory

    /** Whether operand {@code index} is in memory. */
    static boolean isMemory(Instruction in, int index) {
        Place place = in.form.operands().get(index).place();
        return place == Place.OFFSET || in.memory && switch (place) {
            case RM, RM_NARROW_MEMORY, MEMORY, XMM_RM, MMX_RM -> true;
            default -> false;
        };
    }

    /** Pushes the offset of the memory operand in its segment. */
    void offset(Instruction in, long ipBehind) {
        long displacement = in.displacement + (in.base == Instruction.RIP ? ipBehind : 0);
        boolean base = in.base >= 0 && in.base != Instruction.RIP;
        boolean index = in.index >= 0;
        if (!base && !index) {
            constant(in.addressSize == 8 ? displacement : displacement & 0xFFFF_FFFFL);
            return;
        }
        if (base) {
            code.lload(local(in.base));
        }
        if (index) {
            code.lload(local(in.index));
            if (in.scale != 0) {
                constant(in.scale);
                code.lshl();
            }
            if (base) {
                code.ladd();
            }
        }
        if (displacement != 0) {
            constant(displacement);
            code.ladd();
        }
        if (in.addressSize != 8) {
            constant(0xFFFF_FFFFL);
            code.land();
        }
    }

    /** Pushes the linear address of the memory operand. */
    void address(Instruction in, long ipBehind) {
        offset(in, ipBehind);
        if (in.segmentPrefix >= 4) {
            field("SEGMENTS", LONGS);
            constant(in.segmentPrefix);
            code.laload().ladd();
        }
    }

    private ClassDesc access() {
        return near-- > 0 ? access : distantAccess;
    }

    private static int bytes(int s) {
        return 64 - s >> 3;
    }

    /** Pops a linear address, pushes what is there, zero-extended. */
    void load(int s) {
        field("READ", LONGS);
        code.invokestatic(access(), "load" + bytes(s), LOAD);
    }

    /** Pops a linear address and the value below it. */
    void store(int s) {
        field("WRITE", LONGS);
        code.invokestatic(access(), "store" + bytes(s), STORE);
    }

    /** Pops a linear address, pushes the host address where it is read and written. */
    void place(int s) {
        placeOf(bytes(s));
    }

    /** The same for so many bytes. */
    void placeOf(int bytes) {
        constant(bytes - 1);
        field("WRITE", LONGS);
        code.invokestatic(access, "place", PLACE);
    }

    /** Pops a host address, pushes what is there, zero-extended. */
    void getHost(int s) {
        code.invokestatic(access(), "get" + bytes(s), GET);
    }

    /** Pops a value and the host address below it. */
    void putHost(int s) {
        code.invokestatic(access(), "put" + bytes(s), PUT);
    }
}
