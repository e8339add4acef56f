package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.VectorUnit;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.simd.PackedLogic;
import dev.vz.emulator.simd.Reciprocal;
import dev.vz.emulator.simd.Rounding;
import dev.vz.emulator.simd.ScalarConversion;
import dev.vz.emulator.simd.ScalarDouble;
import dev.vz.emulator.simd.ScalarSingle;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;

/** SSE instructions on the lowest element, and comparisons that set RFLAGS. */
final class ScalarOps {

    private static final Template DOUBLE = new Template(MethodHandles.lookup(), OfDouble.class);
    private static final Template SINGLE = new Template(MethodHandles.lookup(), OfSingle.class);
    private static final Template COMPARE = new Template(MethodHandles.lookup(), Compare.class);

    private ScalarOps() {}

    static void register(Operations all) {
        for (String name : "addsd subsd mulsd divsd minsd maxsd".split(" ", -1)) {
            wide(all, name, Functions.scalar(ScalarDouble.class, name, Functions.DOUBLE, false));
        }
        for (String name : "addss subss mulss divss minss maxss".split(" ", -1)) {
            narrow(all, name, Functions.scalar(ScalarSingle.class, name, Functions.SINGLE, false));
        }
        wide(all, "cmpsd", Functions.scalar(ScalarDouble.class, "cmpsd", Functions.DOUBLE, true));
        narrow(all, "cmpss", Functions.scalar(ScalarSingle.class, "cmpss", Functions.SINGLE, true));
        wide(all, "sqrtsd", Functions.ofSource(ScalarDouble.class, "sqrtsd", Functions.DOUBLE, true, false));
        narrow(all, "sqrtss", Functions.ofSource(ScalarSingle.class, "sqrtss", Functions.SINGLE, true, false));
        wide(all, "roundsd", Functions.ofSource(Rounding.class, "roundsd", Functions.DOUBLE, true, true));
        narrow(all, "roundss", Functions.ofSource(Rounding.class, "roundss", Functions.SINGLE, true, true));
        narrow(all, "rcpss", Functions.ofSource(Reciprocal.class, "rcpss", Functions.SINGLE, false, false));
        narrow(all, "rsqrtss", Functions.ofSource(Reciprocal.class, "rsqrtss", Functions.SINGLE, false, false));
        conversions(all);
        MethodType ofDoubles = MethodType.methodType(int.class, FpuState.class, long.class, long.class);
        MethodType ofSingles = MethodType.methodType(int.class, FpuState.class, int.class, int.class);
        for (String name : new String[] {"comisd", "ucomisd"}) {
            MethodHandle found = Functions.find(ScalarDouble.class, name, ofDoubles);
            compare(all, PackedOps.mnemonic(name), MethodHandles.dropArguments(found, 3, long.class));
        }
        for (String name : new String[] {"comiss", "ucomiss"}) {
            MethodHandle found = Functions.find(ScalarSingle.class, name, ofSingles);
            MethodHandle wide = MethodHandles.explicitCastArguments(found,
                    MethodType.methodType(int.class, FpuState.class, long.class, long.class));
            compare(all, PackedOps.mnemonic(name), MethodHandles.dropArguments(wide, 3, long.class));
        }
        MethodHandle test = Functions.find(PackedLogic.class, "ptest",
                MethodType.methodType(int.class, FpuState.class, int.class, long.class, long.class));
        all.add(Mnemonic.PTEST, (in, ip, nextIp) -> COMPARE.make(in, ip, nextIp, test, VectorOp.kind(in, 1),
                MemoryOp.addressing(in), 1));
    }

    private static void conversions(Operations all) {
        // From one floating-point format to the other: parameters are widened so that both fit the templates.
        MethodHandle toSingle = Functions.find(ScalarConversion.class, "cvtsd2ss",
                MethodType.methodType(int.class, FpuState.class, long.class));
        MethodHandle toDouble = Functions.find(ScalarConversion.class, "cvtss2sd",
                MethodType.methodType(long.class, FpuState.class, int.class));
        MethodHandle fromSingle = MethodHandles.explicitCastArguments(toDouble,
                MethodType.methodType(long.class, FpuState.class, long.class));
        wide(all, "cvtss2sd", source(fromSingle, long.class));
        MethodHandle narrowed = MethodHandles.dropArguments(toSingle, 1, int.class);
        MethodHandle full = MethodHandles.dropArguments(narrowed, 3, int.class);
        all.add(Mnemonic.CVTSD2SS, (in, ip, nextIp) -> SINGLE.make(in, ip, nextIp, full, VectorOp.kind(in, 1),
                MemoryOp.addressing(in), 1));
    }

    /** A function of the source alone, with the parameters that the templates give. */
    private static MethodHandle source(MethodHandle function, Class<?> number) {
        return MethodHandles.dropArguments(MethodHandles.dropArguments(function, 2, int.class), 1, number);
    }

    private static void wide(Operations all, String name, MethodHandle function) {
        all.add(PackedOps.mnemonic(name),
                (in, ip, nextIp) -> DOUBLE.make(in, ip, nextIp, function, VectorOp.kind(in, 1),
                        MemoryOp.addressing(in), 0));
    }

    private static void narrow(Operations all, String name, MethodHandle function) {
        all.add(PackedOps.mnemonic(name),
                (in, ip, nextIp) -> SINGLE.make(in, ip, nextIp, function, VectorOp.kind(in, 1),
                        MemoryOp.addressing(in), 0));
    }

    private static void compare(Operations all, Mnemonic mnemonic, MethodHandle function) {
        all.add(mnemonic, (in, ip, nextIp) -> COMPARE.make(in, ip, nextIp, function, VectorOp.kind(in, 1),
                MemoryOp.addressing(in), 0));
    }

    /** The low double; the high one stays. */
    static final class OfDouble extends VectorOp {
        private static final MethodHandle FUNCTION = function(MethodHandles.lookup());
        private static final int KIND = constant(MethodHandles.lookup(), 0);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);

        @Override
        TemplateOp fresh() {
            return new OfDouble();
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            long b = low(c, KIND, ADDRESSING);
            long[] x = c.fpu.xmm;
            try {
                x[2 * target] = (long) FUNCTION.invokeExact(c.fpu, x[2 * target], b, immediate);
            } catch (Throwable e) {
                throw Unexpected.of(e);
            }
            return next;
        }
    }

    /** The lowest single; the others stay. The source is a single, or for a conversion a double. */
    static final class OfSingle extends VectorOp {
        private static final MethodHandle FUNCTION = function(MethodHandles.lookup());
        private static final int KIND = constant(MethodHandles.lookup(), 0);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);
        private static final boolean FROM_DOUBLE = constant(MethodHandles.lookup(), 2) != 0;

        @Override
        TemplateOp fresh() {
            return new OfSingle();
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            long b = low(c, KIND, ADDRESSING);
            long[] x = c.fpu.xmm;
            try {
                int result;
                if (FROM_DOUBLE) {
                    result = (int) FUNCTION.invokeExact(c.fpu, (int) x[2 * target], b, immediate);
                } else {
                    result = (int) FUNCTION.invokeExact(c.fpu, (int) x[2 * target], (int) b, immediate);
                }
                x[2 * target] = x[2 * target] & 0xFFFF_FFFF_0000_0000L | result & 0xFFFF_FFFFL;
            } catch (Throwable e) {
                throw Unexpected.of(e);
            }
            return next;
        }
    }

    /** COMISx, UCOMISx and PTEST. */
    static final class Compare extends VectorOp {
        private static final MethodHandle FUNCTION = function(MethodHandles.lookup());
        private static final int KIND = constant(MethodHandles.lookup(), 0);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);
        private static final boolean WHOLE = constant(MethodHandles.lookup(), 2) != 0;

        @Override
        TemplateOp fresh() {
            return new Compare();
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            long low = low(c, KIND, ADDRESSING);
            long high = high(c, KIND, ADDRESSING);
            try {
                int flags;
                if (WHOLE) {
                    flags = (int) FUNCTION.invokeExact(c.fpu, target, low, high);
                } else {
                    flags = (int) FUNCTION.invokeExact(c.fpu, c.fpu.xmm[2 * target], low, high);
                }
                Flags.setArithmetic(c, flags);
            } catch (Throwable e) {
                throw Unexpected.of(e);
            }
            return next;
        }
    }
}
