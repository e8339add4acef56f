package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.VectorUnit;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind.Place;
import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.simd.PackedAddition;
import dev.vz.emulator.simd.PackedComparison;
import dev.vz.emulator.simd.PackedConversion;
import dev.vz.emulator.simd.PackedDouble;
import dev.vz.emulator.simd.PackedHorizontal;
import dev.vz.emulator.simd.PackedLogic;
import dev.vz.emulator.simd.PackedMultiplication;
import dev.vz.emulator.simd.PackedShift;
import dev.vz.emulator.simd.PackedShuffle;
import dev.vz.emulator.simd.PackedSingle;
import dev.vz.emulator.simd.PackedWidth;
import dev.vz.emulator.simd.Reciprocal;
import dev.vz.emulator.simd.Rounding;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;

/**
 * MMX and SSE instructions that compute on whole registers: a table of mnemonics and of the functions in
 * {@code dev.vz.emulator.simd} that have their names.
 */
final class PackedOps {

    private static final Template XMM_LANES = new Template(MethodHandles.lookup(), XmmLanes.class);
    private static final Template XMM_WHOLE = new Template(MethodHandles.lookup(), XmmWhole.class);
    private static final Template MMX_LANES = new Template(MethodHandles.lookup(), MmxLanes.class);

    private PackedOps() {}

    static void register(Operations all) {
        lanes(all, PackedAddition.class,
                "paddb psubb paddw psubw paddd psubd paddq psubq paddsb psubsb paddusb psubusb "
                        + "pavgb paddsw psubsw paddusw psubusw pavgw pabsb psignb pabsw psignw pabsd psignd");
        lanes(all, PackedComparison.class,
                "pcmpeqb pcmpgtb pcmpeqw pcmpgtw pcmpeqd pcmpgtd pcmpeqq pcmpgtq pminsb pmaxsb "
                        + "pminub pmaxub pminsw pmaxsw pminuw pmaxuw pminsd pmaxsd pminud pmaxud");
        lanes(all, PackedLogic.class, "pand pandn por pxor");
        same(all, PackedLogic.class, "pand", Mnemonic.ANDPS, Mnemonic.ANDPD);
        same(all, PackedLogic.class, "pandn", Mnemonic.ANDNPS, Mnemonic.ANDNPD);
        same(all, PackedLogic.class, "por", Mnemonic.ORPS, Mnemonic.ORPD);
        same(all, PackedLogic.class, "pxor", Mnemonic.XORPS, Mnemonic.XORPD);
        lanes(all, PackedMultiplication.class,
                "pmullw pmulhw pmulhuw pmulhrsw pmuludq pmuldq pmulld pmaddwd pmaddubsw psadbw");
        for (String name : "psllw pslld psllq psrlw psrld psrlq psraw psrad".split(" ", -1)) {
            MethodHandle function = Functions.find(PackedShift.class, name, Functions.LANES);
            all.add(mnemonic(name), (in, ip, nextIp) -> shift(in, ip, nextIp, function));
        }
        both(all, PackedHorizontal.class, "phaddw phsubw phaddsw phsubsw phaddd phsubd");
        both(all, PackedWidth.class, "packsswb packuswb packssdw");
        both(all, PackedShuffle.class, "pshufb punpcklbw punpcklwd punpckldq");
        upper(all, "punpckhbw punpckhwd punpckhdq");
        whole(all, PackedWidth.class,
                "packusdw pmovsxbw pmovsxbd pmovsxbq pmovsxwd pmovsxwq pmovsxdq pmovzxbw pmovzxbd "
                        + "pmovzxbq pmovzxwd pmovzxwq pmovzxdq");
        whole(all, PackedShuffle.class, "pshuflw pshufhw pshufd shufps shufpd punpcklqdq movsldup movshdup");
        whole(all, PackedComparison.class, "phminposuw");
        whole(all, PackedLogic.class, "pblendw blendps blendpd pblendvb blendvps blendvpd");
        whole(all, PackedMultiplication.class, "mpsadbw");
        whole(all, PackedSingle.class,
                "addps subps mulps divps sqrtps minps maxps cmpps haddps hsubps addsubps dpps");
        whole(all, PackedDouble.class,
                "addpd subpd mulpd divpd sqrtpd minpd maxpd cmppd haddpd hsubpd addsubpd dppd");
        whole(all, PackedConversion.class, "cvtdq2pd cvtdq2ps cvtps2pd cvtpd2ps cvtps2dq cvttps2dq cvtpd2dq cvttpd2dq");
        whole(all, Reciprocal.class, "rcpps rsqrtps");
        whole(all, Rounding.class, "roundpd roundps");
        unpack(all, Mnemonic.PUNPCKHQDQ, high("punpckhqdq"));
        unpack(all, Mnemonic.UNPCKLPS, Functions.whole(PackedShuffle.class, "punpckldq"));
        unpack(all, Mnemonic.UNPCKHPS, high("punpckhdq"));
        unpack(all, Mnemonic.UNPCKLPD, Functions.whole(PackedShuffle.class, "punpcklqdq"));
        unpack(all, Mnemonic.UNPCKHPD, high("punpckhqdq"));
        MethodHandle wide = Functions.whole(PackedShuffle.class, "palignr");
        MethodHandle narrow = Functions.find(PackedShuffle.class, "palignr", Functions.LANES_CONTROL);
        all.add(Mnemonic.PALIGNR, (in, ip, nextIp) -> isMmx(in) ? mmx(in, ip, nextIp, narrow)
                : xmm(in, ip, nextIp, wide));
        MethodHandle word = MethodHandles.dropArguments(Functions.find(PackedShuffle.class, "pshufw",
                MethodType.methodType(long.class, long.class, int.class)), 0, long.class);
        all.add(Mnemonic.PSHUFW, (in, ip, nextIp) -> mmx(in, ip, nextIp, word));
    }

    static Mnemonic mnemonic(String name) {
        return Mnemonic.valueOf(name.toUpperCase(java.util.Locale.ROOT));
    }

    private static boolean isMmx(Instruction in) {
        return in.form.operands().get(0).place() == Place.MMX_REG;
    }

    private static Op xmm(Instruction in, long ip, long nextIp, MethodHandle whole) {
        return XMM_WHOLE.make(in, ip, nextIp, whole, VectorOp.kind(in, 1), MemoryOp.addressing(in), 0);
    }

    private static Op mmx(Instruction in, long ip, long nextIp, MethodHandle lanes) {
        return MMX_LANES.make(in, ip, nextIp, lanes, VectorOp.kind(in, 1), MemoryOp.addressing(in), 0);
    }

    private static MethodHandle controlled(MethodHandle lanes) {
        return MethodHandles.dropArguments(lanes, 2, int.class);
    }

    /** One function for either half of an XMM register and for an MMX register. */
    private static void lanes(Operations all, Class<?> holder, String names) {
        for (String name : names.split(" ", -1)) {
            same(all, holder, name, mnemonic(name));
        }
    }

    private static void same(Operations all, Class<?> holder, String name, Mnemonic... mnemonics) {
        MethodHandle function = Functions.find(holder, name, Functions.LANES);
        MethodHandle narrow = controlled(function);
        for (Mnemonic mnemonic : mnemonics) {
            all.add(mnemonic, (in, ip, nextIp) -> isMmx(in) ? mmx(in, ip, nextIp, narrow)
                    : XMM_LANES.make(in, ip, nextIp, function, VectorOp.kind(in, 1), MemoryOp.addressing(in), 0));
        }
    }

    /** One function for MMX registers, another of the same name for XMM registers. */
    private static void both(Operations all, Class<?> holder, String names) {
        for (String name : names.split(" ", -1)) {
            MethodHandle narrow = controlled(Functions.find(holder, name, Functions.LANES));
            MethodHandle wide = Functions.whole(holder, name);
            all.add(mnemonic(name), (in, ip, nextIp) -> isMmx(in) ? mmx(in, ip, nextIp, narrow)
                    : xmm(in, ip, nextIp, wide));
        }
    }

    private static void whole(Operations all, Class<?> holder, String names) {
        for (String name : names.split(" ", -1)) {
            unpack(all, mnemonic(name), Functions.whole(holder, name));
        }
    }

    private static void unpack(Operations all, Mnemonic mnemonic, MethodHandle function) {
        all.add(mnemonic, (in, ip, nextIp) -> xmm(in, ip, nextIp, function));
    }

    /** A function of the high half of the source. */
    private static MethodHandle high(String name) {
        MethodHandle found = Functions.find(PackedShuffle.class, name,
                MethodType.methodType(void.class, FpuState.class, int.class, long.class));
        return MethodHandles.dropArguments(MethodHandles.dropArguments(found, 2, long.class), 4, int.class);
    }

    private static void upper(Operations all, String names) {
        for (String name : names.split(" ", -1)) {
            MethodHandle narrow = controlled(Functions.find(PackedShuffle.class, name, Functions.LANES));
            MethodHandle wide = high(name);
            all.add(mnemonic(name), (in, ip, nextIp) -> isMmx(in) ? mmx(in, ip, nextIp, narrow)
                    : xmm(in, ip, nextIp, wide));
        }
    }

    /** Shifts: the count is the low 64 bits of the source, or an immediate; then the register is in ModRM.rm. */
    private static Op shift(Instruction in, long ip, long nextIp, MethodHandle function) {
        Place place = in.form.operands().get(0).place();
        boolean narrow = place == Place.MMX_REG || place == Place.MMX_RM_REGISTER;
        if (narrow) {
            return MMX_LANES.make(in, ip, nextIp, controlled(function), VectorOp.kind(in, 1), MemoryOp.addressing(in),
                    0);
        }
        return XMM_LANES.make(in, ip, nextIp, function, VectorOp.kind(in, 1), MemoryOp.addressing(in), 1);
    }

    /** Both halves of an XMM register by one function; for shifts the low half of the source counts for both. */
    static final class XmmLanes extends VectorOp {
        private static final MethodHandle FUNCTION = function(MethodHandles.lookup());
        private static final int KIND = constant(MethodHandles.lookup(), 0);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);
        private static final boolean SHIFT = constant(MethodHandles.lookup(), 2) != 0;

        @Override
        TemplateOp fresh() {
            return new XmmLanes();
        }

        @Override
        void operands(Instruction in) {
            super.operands(in);
            if (KIND == CONSTANT) {
                target = in.rm;
            }
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            long low = low(c, KIND, ADDRESSING);
            long high = SHIFT ? low : high(c, KIND, ADDRESSING);
            if (SHIFT && (KIND == ALIGNED || KIND == UNALIGNED)) {
                high(c, KIND, ADDRESSING); // all 16 bytes are accessed
            }
            long[] x = c.fpu.xmm;
            try {
                x[2 * target] = (long) FUNCTION.invokeExact(x[2 * target], low);
                x[2 * target + 1] = (long) FUNCTION.invokeExact(x[2 * target + 1], high);
            } catch (Throwable e) {
                throw Unexpected.of(e);
            }
            return next;
        }
    }

    /** A whole XMM register. */
    static final class XmmWhole extends VectorOp {
        private static final MethodHandle FUNCTION = function(MethodHandles.lookup());
        private static final int KIND = constant(MethodHandles.lookup(), 0);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);

        @Override
        TemplateOp fresh() {
            return new XmmWhole();
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            long low = low(c, KIND, ADDRESSING);
            long high = high(c, KIND, ADDRESSING);
            try {
                FUNCTION.invokeExact(c.fpu, target, low, high, immediate);
            } catch (Throwable e) {
                throw Unexpected.of(e);
            }
            return next;
        }
    }

    /** An MMX register. */
    static final class MmxLanes extends VectorOp {
        private static final MethodHandle FUNCTION = function(MethodHandles.lookup());
        private static final int KIND = constant(MethodHandles.lookup(), 0);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);

        @Override
        TemplateOp fresh() {
            return new MmxLanes();
        }

        @Override
        void operands(Instruction in) {
            super.operands(in);
            target = (KIND == CONSTANT ? in.rm : in.reg) & 7;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.mmx(c);
            long source = low(c, KIND, ADDRESSING);
            try {
                VectorUnit.setMm(c, target, (long) FUNCTION.invokeExact(VectorUnit.mm(c, target), source, immediate));
            } catch (Throwable e) {
                throw Unexpected.of(e);
            }
            return next;
        }
    }
}
