package dev.vz.emulator.translator;

import static dev.vz.emulator.translator.Emitter.*;

import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.InstructionForm.Attribute;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import dev.vz.emulator.decode.OperandKind.Place;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/**
 * Writes SSE2 moves, and calls of the functions of {@code dev.vz.emulator.simd} for what computes. The XMM registers stay in
 * their array: unlike general registers most code hardly uses them, and an array that is a constant costs little.
 */
final class VectorEmitter {

    private static final String SIMD = "dev.vz.emulator.simd.";
    private static final ClassDesc STATE = ClassDesc.of("dev.vz.emulator.fpu.FpuState");
    private static final ClassDesc LONG = ConstantDescs.CD_long;
    private static final MethodTypeDesc LANES = MethodTypeDesc.of(LONG, LONG, LONG);
    private static final MethodTypeDesc SCALAR = MethodTypeDesc.of(LONG, STATE, LONG, LONG);
    private static final MethodTypeDesc COMPARE = MethodTypeDesc.of(ConstantDescs.CD_int, STATE, LONG, LONG);
    private static final MethodTypeDesc WHOLE = MethodTypeDesc.of(ConstantDescs.CD_void, STATE, ConstantDescs.CD_int,
            LONG, LONG);

    /** How an instruction computes. */
    private enum Shape {
        /** A move. */
        MOVE,
        /** A function of each half. */
        LANES,
        /** A function of the low doubles. */
        SCALAR,
        /** A comparison of the low doubles that sets flags. */
        COMPARE,
        /** A function of the whole register. */
        WHOLE
    }

    private record Function(Shape shape, String holder, String name) {}

    private static final Map<Mnemonic, Function> FUNCTIONS = new EnumMap<>(Mnemonic.class);

    static {
        add(Shape.MOVE, "",
                "movaps movapd movups movupd movdqa movdqu lddqu movntps movntpd movntdq movntdqa movss movsd "
                        + "movlps movlpd movhps movhpd movlhps movhlps movq movd");
        add(Shape.LANES, "PackedAddition",
                "paddb psubb paddw psubw paddd psubd paddq psubq paddsb psubsb paddusb psubusb "
                        + "pavgb paddsw psubsw paddusw psubusw pavgw pabsb pabsw pabsd psignb psignw psignd");
        add(Shape.LANES, "PackedComparison",
                "pcmpeqb pcmpgtb pcmpeqw pcmpgtw pcmpeqd pcmpgtd pcmpeqq pcmpgtq "
                        + "pminub pmaxub pminsw pmaxsw pminsb pmaxsb pminuw pmaxuw pminsd pmaxsd pminud pmaxud");
        add(Shape.LANES, "PackedMultiplication", "pmullw pmulhw pmulhuw pmulhrsw pmulld pmuludq pmuldq pmaddwd "
                + "pmaddubsw psadbw");
        add(Shape.LANES, "PackedLogic", "pand pandn por pxor");
        alias("PackedLogic", Shape.LANES, "pand", Mnemonic.ANDPS, Mnemonic.ANDPD);
        alias("PackedLogic", Shape.LANES, "pandn", Mnemonic.ANDNPS, Mnemonic.ANDNPD);
        alias("PackedLogic", Shape.LANES, "por", Mnemonic.ORPS, Mnemonic.ORPD);
        alias("PackedLogic", Shape.LANES, "pxor", Mnemonic.XORPS, Mnemonic.XORPD);
        add(Shape.SCALAR, "ScalarDouble", "addsd subsd mulsd divsd minsd maxsd");
        add(Shape.COMPARE, "ScalarDouble", "comisd ucomisd");
        add(Shape.WHOLE, "PackedDouble", "addpd subpd mulpd divpd minpd maxpd");
        add(Shape.WHOLE, "PackedSingle", "addps subps mulps divps minps maxps");
    }

    private static void add(Shape shape, String holder, String names) {
        for (String name : names.split(" ", -1)) {
            FUNCTIONS.put(Mnemonic.valueOf(name.toUpperCase(Locale.ROOT)), new Function(shape, holder, name));
        }
    }

    private static void alias(String holder, Shape shape, String name, Mnemonic... mnemonics) {
        for (Mnemonic mnemonic : mnemonics) {
            FUNCTIONS.put(mnemonic, new Function(shape, holder, name));
        }
    }

    /** Whether {@code in} becomes bytecode: its vector operands are all XMM registers, and its mnemonic is known here. */
    static boolean knows(Instruction in) {
        Mnemonic mnemonic = in.form.mnemonic();
        return (FUNCTIONS.containsKey(mnemonic) || ShuffleEmitter.knows(mnemonic))
                && in.form.operands().stream().noneMatch(kind -> switch (kind
                        .place()) {
                    case MMX_REG, MMX_RM, MMX_RM_REGISTER -> true;
                    default -> false;
                }) && Effects.isSse(in);
    }

    /** Whether {@code in} sets the flags. */
    static boolean compares(Instruction in) {
        Function function = FUNCTIONS.get(in.form.mnemonic());
        return function != null && function.shape == Shape.COMPARE;
    }

    /** Whether {@code in} can fault: what it accesses or computes may be an exception. */
    static boolean faults(Instruction in) {
        Function function = FUNCTIONS.get(in.form.mnemonic());
        return in.memory || function != null && switch (function.shape) {
            case MOVE, LANES -> false;
            case SCALAR, COMPARE, WHOLE -> true;
        };
    }

    private final Emitter e;
    private final CodeBuilder code;
    private final LazyFlags flags;
    private final ShuffleEmitter shuffles;

    VectorEmitter(Emitter e, LazyFlags flags) {
        this.e = e;
        code = e.code;
        this.flags = flags;
        shuffles = new ShuffleEmitter(e, this);
    }

    void write(Instruction in, long behind) {
        Function function = FUNCTIONS.get(in.form.mnemonic());
        if (function == null) {
            shuffles.write(in, behind);
            return;
        }
        if (function.shape == Shape.MOVE) {
            move(in, behind);
            return;
        }
        source(in, behind);
        ClassDesc holder = ClassDesc.of(SIMD + function.holder);
        String name = function.name;
        int target = in.reg;
        switch (function.shape) {
            case LANES -> {
                half(2 * target, T1, holder, name);
                half(2 * target + 1, T2, holder, name);
            }
            case SCALAR -> {
                array(2 * target);
                state();
                get(2 * target);
                code.lload(T1).invokestatic(holder, name, SCALAR).lastore();
            }
            case COMPARE -> {
                state();
                get(2 * target);
                code.lload(T1).invokestatic(holder, name, COMPARE).istore(COUNT);
                flags.ofFloats();
            }
            default -> {
                state();
                e.constant(target);
                code.lload(T1).lload(T2).invokestatic(holder, name, WHOLE);
            }
        }
    }

    private void half(int index, int operand, ClassDesc holder, String name) {
        array(index);
        get(index);
        code.lload(operand).invokestatic(holder, name, LANES).lastore();
    }

    // ---- registers

    private void state() {
        e.field("STATE", STATE);
    }

    /** Pushes the array and the index of a half, twice the register or one more. */
    void array(int index) {
        e.field("VECTORS", LONGS);
        e.constant(index);
    }

    /** Pushes a half. */
    void get(int index) {
        array(index);
        code.laload();
    }

    /** Sets half {@code index} from a local. */
    void set(int index, int local) {
        array(index);
        code.lload(local).lastore();
    }

    // ---- operands

    private static int bytes(Instruction in, int operand) {
        return in.form.operands().get(operand).bytes(in);
    }

    /** Brings the second operand into {@code T1} and {@code T2}, the latter 0 if it is not so long. */
    void source(Instruction in, long behind) {
        if (!in.memory) {
            get(2 * in.rm);
            code.lstore(T1);
            get(2 * in.rm + 1);
            code.lstore(T2);
            return;
        }
        load(in, behind, bytes(in, 1));
    }

    private void load(Instruction in, long behind, int bytes) {
        e.address(in, behind);
        if (bytes < 16) {
            e.load(64 - 8 * bytes);
            code.lstore(T1).lconst_0().lstore(T2);
            return;
        }
        if (!in.form.has(Attribute.UNALIGNED)) {
            code.invokestatic(ACCESS, "aligned", MethodTypeDesc.of(LONG, LONG));
        }
        code.dup2().lstore(T0);
        e.load(0);
        code.lstore(T1).lload(T0);
        e.constant(8L);
        code.ladd();
        e.load(0);
        code.lstore(T2);
    }

    // ---- moves

    private void move(Instruction in, long behind) {
        OperandKind target = in.form.operands().get(0);
        boolean toVector = target.place() == Place.XMM_REG || target.place() == Place.XMM_RM && !in.memory;
        if (in.form.mnemonic() == Mnemonic.MOVD) {
            general(in, behind, toVector);
        } else if (!toVector) {
            store(in, behind);
        } else if (in.memory) {
            load(in, behind, bytes(in, 1));
            into(in.form.mnemonic(), in.reg, true);
        } else {
            boolean reversed = target.place() == Place.XMM_RM;
            int from = reversed ? in.reg : in.rm;
            get(2 * from);
            code.lstore(T1);
            get(2 * from + 1);
            code.lstore(T2);
            into(in.form.mnemonic(), reversed ? in.rm : in.reg, false);
        }
    }

    /** Puts {@code T1} and {@code T2} into a register; what stays of it depends on whether they were loaded. */
    private void into(Mnemonic mnemonic, int register, boolean loaded) {
        int low = 2 * register;
        switch (mnemonic) {
            case MOVHPS, MOVHPD, MOVLHPS -> set(low + 1, T1);
            case MOVHLPS -> set(low, T2);
            case MOVLPS, MOVLPD -> set(low, T1);
            case MOVSD -> {
                set(low, T1);
                if (loaded) {
                    set(low + 1, T2);
                }
            }
            case MOVSS -> {
                if (loaded) {
                    set(low, T1);
                    set(low + 1, T2);
                } else {
                    array(low);
                    get(low);
                    e.constant(0xFFFF_FFFF_0000_0000L);
                    code.land().lload(T1);
                    e.zeroExtend(32);
                    code.lor().lastore();
                }
            }
            case MOVQ -> {
                set(low, T1);
                array(low + 1);
                code.lconst_0().lastore();
            }
            default -> {
                set(low, T1);
                set(low + 1, T2);
            }
        }
    }

    private void store(Instruction in, long behind) {
        int bytes = bytes(in, 0);
        Mnemonic mnemonic = in.form.mnemonic();
        int low = 2 * in.reg;
        if (bytes < 16) {
            get(mnemonic == Mnemonic.MOVHPS || mnemonic == Mnemonic.MOVHPD ? low + 1 : low);
            e.address(in, behind);
            e.store(64 - 8 * bytes);
            return;
        }
        e.address(in, behind);
        if (!in.form.has(Attribute.UNALIGNED)) {
            code.invokestatic(ACCESS, "aligned", MethodTypeDesc.of(LONG, LONG));
        }
        e.placeOf(16);
        code.dup2().lstore(T0);
        get(low);
        e.putHost(0);
        code.lload(T0);
        e.constant(8L);
        code.ladd();
        get(low + 1);
        e.putHost(0);
    }

    /** MOVD and MOVQ with a general register or memory of that width. */
    private void general(Instruction in, long behind, boolean toVector) {
        if (!toVector) {
            int s = width(in, 0);
            get(2 * in.reg);
            if (in.memory) {
                e.address(in, behind);
                e.store(s);
            } else {
                e.set(s, register(in, 0));
            }
            return;
        }
        int s = width(in, 1);
        if (in.memory) {
            e.address(in, behind);
            e.load(s);
        } else {
            e.get(register(in, 1));
            e.zeroExtend(s);
        }
        code.lstore(T1);
        set(2 * in.reg, T1);
        array(2 * in.reg + 1);
        code.lconst_0().lastore();
    }
}
