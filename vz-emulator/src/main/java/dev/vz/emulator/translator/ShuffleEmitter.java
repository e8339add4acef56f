package dev.vz.emulator.translator;

import static dev.vz.emulator.translator.Emitter.*;

import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind.Place;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * Writes what moves elements about in XMM registers: shifts, interleaving, packing, shuffles, masks of signs. All of it works
 * on the two halves as 64-bit numbers, with everything that an immediate decides decided when the code is written.
 */
final class ShuffleEmitter {

    private static final ClassDesc SHIFT = ClassDesc.of("dev.vz.emulator.simd.PackedShift");
    private static final ClassDesc SHUFFLE = ClassDesc.of("dev.vz.emulator.simd.PackedShuffle");
    private static final ClassDesc WIDTH = ClassDesc.of("dev.vz.emulator.simd.PackedWidth");
    private static final ClassDesc ELEMENT = ClassDesc.of("dev.vz.emulator.simd.PackedElement");
    private static final ClassDesc LONG = ConstantDescs.CD_long;
    private static final MethodTypeDesc LANES = MethodTypeDesc.of(LONG, LONG, LONG);
    private static final MethodTypeDesc WORDS = MethodTypeDesc.of(LONG, LONG, ConstantDescs.CD_int);
    private static final MethodTypeDesc MASK = MethodTypeDesc.of(ConstantDescs.CD_int, LONG, LONG);

    private static final long LOW = 0xFFFF_FFFFL;
    private static final long HIGH = ~LOW;

    /** An interleaving: the functions that make the low and the high half of the result out of one half of each operand. */
    private record Interleaving(boolean ofHighHalves, String low, String high) {}

    private static final Map<Mnemonic, Interleaving> INTERLEAVINGS = new EnumMap<>(Mnemonic.class);
    private static final Set<Mnemonic> SHIFTS = EnumSet.of(Mnemonic.PSLLW, Mnemonic.PSLLD, Mnemonic.PSLLQ,
            Mnemonic.PSRLW, Mnemonic.PSRLD, Mnemonic.PSRLQ, Mnemonic.PSRAW, Mnemonic.PSRAD);
    private static final Set<Mnemonic> OTHERS = EnumSet.of(Mnemonic.PSLLDQ, Mnemonic.PSRLDQ, Mnemonic.PACKSSWB,
            Mnemonic.PACKUSWB, Mnemonic.PACKSSDW, Mnemonic.PSHUFD, Mnemonic.PSHUFLW, Mnemonic.PSHUFHW, Mnemonic.SHUFPS,
            Mnemonic.SHUFPD, Mnemonic.PUNPCKLQDQ, Mnemonic.PUNPCKHQDQ, Mnemonic.UNPCKLPD, Mnemonic.UNPCKHPD,
            Mnemonic.PMOVMSKB, Mnemonic.MOVMSKPS, Mnemonic.MOVMSKPD);

    static {
        interleaving("punpcklbw", "punpckhbw", Mnemonic.PUNPCKLBW, Mnemonic.PUNPCKHBW);
        interleaving("punpcklwd", "punpckhwd", Mnemonic.PUNPCKLWD, Mnemonic.PUNPCKHWD);
        interleaving("punpckldq", "punpckhdq", Mnemonic.PUNPCKLDQ, Mnemonic.PUNPCKHDQ);
        interleaving("punpckldq", "punpckhdq", Mnemonic.UNPCKLPS, Mnemonic.UNPCKHPS);
    }

    private static void interleaving(String low, String high, Mnemonic ofLowHalves, Mnemonic ofHighHalves) {
        INTERLEAVINGS.put(ofLowHalves, new Interleaving(false, low, high));
        INTERLEAVINGS.put(ofHighHalves, new Interleaving(true, low, high));
    }

    /** Whether instructions of that name on XMM registers are written here. */
    static boolean knows(Mnemonic mnemonic) {
        return SHIFTS.contains(mnemonic) || OTHERS.contains(mnemonic) || INTERLEAVINGS.containsKey(mnemonic);
    }

    /** Whether the register that changes is by ModRM.rm, and the source an immediate. */
    private static boolean byConstant(Instruction in) {
        return in.form.operands().get(1).place() == Place.IMMEDIATE;
    }

    private final Emitter e;
    private final CodeBuilder code;
    private final VectorEmitter vectors;

    ShuffleEmitter(Emitter e, VectorEmitter vectors) {
        this.e = e;
        code = e.code;
        this.vectors = vectors;
    }

    void write(Instruction in, long behind) {
        Mnemonic mnemonic = in.form.mnemonic();
        int control = (int) in.immediate & 0xFF;
        if (byConstant(in)) {
            shiftByConstant(mnemonic, 2 * in.rm, control);
            return;
        }
        vectors.source(in, behind);
        int low = 2 * in.reg;
        int high = low + 1;
        Interleaving interleaving = INTERLEAVINGS.get(mnemonic);
        if (interleaving != null) {
            interleave(low, interleaving);
            return;
        }
        switch (mnemonic) {
            case PACKSSWB, PACKUSWB, PACKSSDW -> pack(low, mnemonic);
            case PSHUFD -> shuffleDoublewords(low, T1, T2, control);
            case SHUFPS -> {
                vectors.get(low);
                code.lstore(T0);
                vectors.get(high);
                code.lstore(T3);
                shuffleDoublewords(low, T0, T3, control);
            }
            case PSHUFLW -> {
                shuffleWords(low, T1, control);
                vectors.set(high, T2);
            }
            case PSHUFHW -> {
                vectors.set(low, T1);
                shuffleWords(high, T2, control);
            }
            case SHUFPD -> {
                if ((control & 1) != 0) {
                    vectors.array(low);
                    vectors.get(high);
                    code.lastore();
                }
                vectors.set(high, (control & 2) == 0 ? T1 : T2);
            }
            case PUNPCKLQDQ, UNPCKLPD -> vectors.set(high, T1);
            case PUNPCKHQDQ, UNPCKHPD -> {
                vectors.array(low);
                vectors.get(high);
                code.lastore();
                vectors.set(high, T2);
            }
            case PMOVMSKB, MOVMSKPS, MOVMSKPD -> {
                code.lload(T1).lload(T2).invokestatic(ELEMENT, name(mnemonic), MASK).i2l().lstore(local(in.reg));
            }
            default -> {
                shift(low, mnemonic);
                shift(high, mnemonic);
            }
        }
    }

    private static String name(Mnemonic mnemonic) {
        return mnemonic.name().toLowerCase(java.util.Locale.ROOT);
    }

    // ---- shifts

    /** By the number in {@code T1}. */
    private void shift(int half, Mnemonic mnemonic) {
        vectors.array(half);
        vectors.get(half);
        code.lload(T1).invokestatic(SHIFT, name(mnemonic), LANES).lastore();
    }

    private void shiftByConstant(Mnemonic mnemonic, int low, int n) {
        switch (mnemonic) {
            case PSLLDQ -> shiftBytesLeft(low, n);
            case PSRLDQ -> shiftBytesRight(low, n);
            case PSLLW, PSRLW -> shiftElements(mnemonic == Mnemonic.PSLLW, low, 16, 0x0001_0001_0001_0001L, n);
            case PSLLD, PSRLD -> shiftElements(mnemonic == Mnemonic.PSLLD, low, 32, 0x0000_0001_0000_0001L, n);
            case PSLLQ, PSRLQ -> shiftElements(mnemonic == Mnemonic.PSLLQ, low, 64, 1, n);
            default -> {
                e.constant((long) n);
                code.lstore(T1);
                shift(low, mnemonic);
                shift(low + 1, mnemonic);
            }
        }
    }

    /** {@code ones} is a one in each element. */
    private void shiftElements(boolean left, int low, int width, long ones, int n) {
        for (int half = low; half <= low + 1; half++) {
            vectors.array(half);
            if (n >= width) {
                code.lconst_0().lastore();
                continue;
            }
            vectors.get(half);
            e.constant(n);
            long element = -1L >>> 64 - width;
            if (left) {
                code.lshl();
                e.constant((element << n & element) * ones);
            } else {
                code.lushr();
                e.constant((element >>> n) * ones);
            }
            code.land().lastore();
        }
    }

    private void shiftBytesLeft(int low, int n) {
        vectors.get(low);
        code.lstore(T1);
        vectors.get(low + 1);
        code.lstore(T2);
        vectors.array(low + 1);
        window(T2, T1, 16 - n);
        vectors.array(low);
        window(T1, -1, 16 - n);
    }

    private void shiftBytesRight(int low, int n) {
        vectors.get(low);
        code.lstore(T1);
        vectors.get(low + 1);
        code.lstore(T2);
        vectors.array(low);
        window(T2, T1, 8 + n);
        vectors.array(low + 1);
        window(-1, T2, 8 + n);
    }

    /**
     * Stores eight of the bytes that {@code above} and {@code below} (locals, -1 for zeros) make side by side between eight
     * bytes of zeros on either side, or of what nobody asks for: from byte {@code from} on, where 8 is the first of
     * {@code below}.
     */
    private void window(int above, int below, int from) {
        int n = from - 8;
        if (n <= -8 || n >= 16) {
            code.lconst_0();
        } else if (n < 0) {
            part(below, -8 * n, true);
        } else if (n == 0) {
            part(below, 0, true);
        } else if (n < 8) {
            part(below, 8 * n, false);
            part(above, 64 - 8 * n, true);
            code.lor();
        } else {
            part(above, 8 * (n - 8), false);
        }
        code.lastore();
    }

    private void part(int local, int shift, boolean left) {
        if (local < 0) {
            code.lconst_0();
            return;
        }
        code.lload(local);
        if (shift != 0) {
            e.constant(shift);
            if (left) {
                code.lshl();
            } else {
                code.lushr();
            }
        }
    }

    // ---- elements

    private void interleave(int low, Interleaving by) {
        vectors.get(by.ofHighHalves ? low + 1 : low);
        code.lstore(T0);
        int source = by.ofHighHalves ? T2 : T1;
        vectors.array(low);
        code.lload(T0).lload(source).invokestatic(SHUFFLE, by.low, LANES).lastore();
        vectors.array(low + 1);
        code.lload(T0).lload(source).invokestatic(SHUFFLE, by.high, LANES).lastore();
    }

    private void pack(int low, Mnemonic mnemonic) {
        vectors.array(low);
        vectors.get(low);
        vectors.get(low + 1);
        code.invokestatic(WIDTH, name(mnemonic), LANES).lastore();
        vectors.array(low + 1);
        code.lload(T1).lload(T2).invokestatic(WIDTH, name(mnemonic), LANES).lastore();
    }

    private void shuffleWords(int half, int local, int control) {
        vectors.array(half);
        code.lload(local);
        e.constant(control);
        code.invokestatic(SHUFFLE, "pshufw", WORDS).lastore();
    }

    /** The lower two doublewords out of the locals given, the upper two out of the source. */
    private void shuffleDoublewords(int low, int lowerLow, int lowerHigh, int control) {
        vectors.array(low);
        doublewords(lowerLow, lowerHigh, control & 3, control >>> 2 & 3);
        code.lastore();
        vectors.array(low + 1);
        doublewords(T1, T2, control >>> 4 & 3, control >>> 6);
        code.lastore();
    }

    private void doublewords(int lowHalf, int highHalf, int first, int second) {
        code.lload(first >= 2 ? highHalf : lowHalf);
        if ((first & 1) == 0) {
            e.constant(LOW);
            code.land();
        } else {
            e.constant(32);
            code.lushr();
        }
        code.lload(second >= 2 ? highHalf : lowHalf);
        if ((second & 1) == 0) {
            e.constant(32);
            code.lshl();
        } else {
            e.constant(HIGH);
            code.land();
        }
        code.lor();
    }
}
