package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.fpu.X87Control;
import dev.vz.emulator.hostcpu.Comparison;
import dev.vz.emulator.hostcpu.MachineCase;
import dev.vz.emulator.hostcpu.VectorInstruction;
import dev.vz.emulator.hostcpu.VectorOperands;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;

/** The table of floating-point instructions: encodings and models. */
final class FloatInstructions {

    private final List<VectorInstruction> table = new ArrayList<>();
    private final Comparison.Generator doubles;
    private final Comparison.Generator singles;
    private final Comparison.Generator integers;

    private FloatInstructions(boolean unmasked) {
        doubles = unmasked ? VectorOperands::doublesUnmasked : VectorOperands::doubles;
        singles = unmasked ? VectorOperands::singlesUnmasked : VectorOperands::singles;
        integers = unmasked ? VectorOperands::integersUnmasked : VectorOperands::integers;
    }

    interface DoubleOperation {
        long apply(FpuState s, long a, long b);
    }

    interface SingleOperation {
        int apply(FpuState s, int a, int b);
    }

    interface PackedOperation {
        void apply(FpuState s, int d, long lo, long hi);
    }

    static List<VectorInstruction> all(boolean unmasked) {
        var instructions = new FloatInstructions(unmasked);
        instructions.arithmetic();
        instructions.comparisons();
        instructions.dotProducts();
        instructions.roundings();
        instructions.conversions();
        instructions.mmxConversions();
        return instructions.table;
    }

    private void add(String name, String code, Comparison.Generator operands, Consumer<MachineCase> model) {
        table.add(VectorInstruction.of(name, code, operands, model));
    }

    private void sd(String name, String opcode, DoubleOperation operation) {
        add(name, "F2 0F " + opcode + " C1", doubles,
                c -> c.fpu.xmm[0] = operation.apply(c.fpu, c.fpu.xmm[0], c.fpu.xmm[2]));
    }

    private void ss(String name, String opcode, SingleOperation operation) {
        add(name, "F3 0F " + opcode + " C1", singles,
                c -> setSingle(c, operation.apply(c.fpu, (int) c.fpu.xmm[0], (int) c.fpu.xmm[2])));
    }

    private static void setSingle(MachineCase c, int bits) {
        c.fpu.xmm[0] = c.fpu.xmm[0] & 0xFFFF_FFFF_0000_0000L | bits & 0xFFFF_FFFFL;
    }

    private void packed(String name, String code, Comparison.Generator operands, PackedOperation operation) {
        add(name, code + " C1", operands, c -> operation.apply(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3]));
    }

    private void pd(String name, String opcode, PackedOperation operation) {
        packed(name, "66 0F " + opcode, doubles, operation);
    }

    private void ps(String name, String opcode, PackedOperation operation) {
        packed(name, "0F " + opcode, singles, operation);
    }

    private void arithmetic() {
        sd("addsd", "58", ScalarDouble::addsd);
        sd("subsd", "5C", ScalarDouble::subsd);
        sd("mulsd", "59", ScalarDouble::mulsd);
        sd("divsd", "5E", ScalarDouble::divsd);
        sd("minsd", "5D", ScalarDouble::minsd);
        sd("maxsd", "5F", ScalarDouble::maxsd);
        sd("sqrtsd", "51", (s, a, b) -> ScalarDouble.sqrtsd(s, b));
        ss("addss", "58", ScalarSingle::addss);
        ss("subss", "5C", ScalarSingle::subss);
        ss("mulss", "59", ScalarSingle::mulss);
        ss("divss", "5E", ScalarSingle::divss);
        ss("minss", "5D", ScalarSingle::minss);
        ss("maxss", "5F", ScalarSingle::maxss);
        ss("sqrtss", "51", (s, a, b) -> ScalarSingle.sqrtss(s, b));
        pd("addpd", "58", PackedDouble::addpd);
        pd("subpd", "5C", PackedDouble::subpd);
        pd("mulpd", "59", PackedDouble::mulpd);
        pd("divpd", "5E", PackedDouble::divpd);
        pd("minpd", "5D", PackedDouble::minpd);
        pd("maxpd", "5F", PackedDouble::maxpd);
        pd("sqrtpd", "51", PackedDouble::sqrtpd);
        pd("haddpd", "7C", PackedDouble::haddpd);
        pd("hsubpd", "7D", PackedDouble::hsubpd);
        pd("addsubpd", "D0", PackedDouble::addsubpd);
        ps("addps", "58", PackedSingle::addps);
        ps("subps", "5C", PackedSingle::subps);
        ps("mulps", "59", PackedSingle::mulps);
        ps("divps", "5E", PackedSingle::divps);
        ps("minps", "5D", PackedSingle::minps);
        ps("maxps", "5F", PackedSingle::maxps);
        ps("sqrtps", "51", PackedSingle::sqrtps);
        packed("haddps", "F2 0F 7C", singles, PackedSingle::haddps);
        packed("hsubps", "F2 0F 7D", singles, PackedSingle::hsubps);
        packed("addsubps", "F2 0F D0", singles, PackedSingle::addsubps);
    }

    private void comparisons() {
        for (int i = 0; i < 8; i++) {
            int predicate = i;
            String immediate = " C1 0" + i;
            add("cmpsd", "F2 0F C2" + immediate, doubles,
                    c -> c.fpu.xmm[0] = ScalarDouble.cmpsd(c.fpu, c.fpu.xmm[0], c.fpu.xmm[2], predicate));
            add("cmpss", "F3 0F C2" + immediate, singles, c -> setSingle(c,
                    ScalarSingle.cmpss(c.fpu, (int) c.fpu.xmm[0], (int) c.fpu.xmm[2], predicate)));
            add("cmppd", "66 0F C2" + immediate, doubles,
                    c -> PackedDouble.cmppd(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3], predicate));
            add("cmpps", "0F C2" + immediate, singles,
                    c -> PackedSingle.cmpps(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3], predicate));
        }
        add("comisd", "66 0F 2F C1", doubles,
                c -> c.flags = ScalarDouble.comisd(c.fpu, c.fpu.xmm[0], c.fpu.xmm[2]));
        add("ucomisd", "66 0F 2E C1", doubles,
                c -> c.flags = ScalarDouble.ucomisd(c.fpu, c.fpu.xmm[0], c.fpu.xmm[2]));
        add("comiss", "0F 2F C1", singles,
                c -> c.flags = ScalarSingle.comiss(c.fpu, (int) c.fpu.xmm[0], (int) c.fpu.xmm[2]));
        add("ucomiss", "0F 2E C1", singles,
                c -> c.flags = ScalarSingle.ucomiss(c.fpu, (int) c.fpu.xmm[0], (int) c.fpu.xmm[2]));
    }

    private void dotProducts() {
        for (int control : new int[] {0xFF, 0x31, 0x72, 0xE4, 0x1F, 0x0F, 0xA5, 0x58}) {
            String immediate = " C1 %02X".formatted(control);
            add("dppd", "66 0F 3A 41" + immediate, doubles,
                    c -> PackedDouble.dppd(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3], control));
            add("dpps", "66 0F 3A 40" + immediate, singles,
                    c -> PackedSingle.dpps(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3], control));
        }
    }

    private void roundings() {
        for (int i = 0; i < 16; i++) {
            int control = i;
            String immediate = " C1 %02X".formatted(i);
            add("roundsd", "66 0F 3A 0B" + immediate, doubles,
                    c -> c.fpu.xmm[0] = Rounding.roundsd(c.fpu, c.fpu.xmm[2], control));
            add("roundss", "66 0F 3A 0A" + immediate, singles,
                    c -> setSingle(c, Rounding.roundss(c.fpu, (int) c.fpu.xmm[2], control)));
            add("roundpd", "66 0F 3A 09" + immediate, doubles,
                    c -> Rounding.roundpd(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3], control));
            add("roundps", "66 0F 3A 08" + immediate, singles,
                    c -> Rounding.roundps(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3], control));
        }
    }

    private void conversions() {
        // Integers come from RAX: ModRM 0xC0.
        add("cvtsi2sd", "F2 0F 2A C0", integers, c -> c.fpu.xmm[0] = ScalarConversion.cvtsi2sd((int) c.rax));
        add("cvtsi2sd64", "F2 48 0F 2A C0", integers,
                c -> c.fpu.xmm[0] = ScalarConversion.cvtsi2sd64(c.fpu, c.rax));
        add("cvtsi2ss", "F3 0F 2A C0", integers, c -> setSingle(c, ScalarConversion.cvtsi2ss(c.fpu, (int) c.rax)));
        add("cvtsi2ss64", "F3 48 0F 2A C0", integers, c -> setSingle(c, ScalarConversion.cvtsi2ss64(c.fpu, c.rax)));
        add("cvtsd2ss", "F2 0F 5A C1", doubles, c -> setSingle(c, ScalarConversion.cvtsd2ss(c.fpu, c.fpu.xmm[2])));
        add("cvtss2sd", "F3 0F 5A C1", singles,
                c -> c.fpu.xmm[0] = ScalarConversion.cvtss2sd(c.fpu, (int) c.fpu.xmm[2]));
        add("cvtsd2si", "F2 0F 2D C1", doubles,
                c -> c.rax = ScalarConversion.cvtsd2si(c.fpu, c.fpu.xmm[2]) & 0xFFFF_FFFFL);
        add("cvtsd2si64", "F2 48 0F 2D C1", doubles, c -> c.rax = ScalarConversion.cvtsd2si64(c.fpu, c.fpu.xmm[2]));
        add("cvttsd2si", "F2 0F 2C C1", doubles,
                c -> c.rax = ScalarConversion.cvttsd2si(c.fpu, c.fpu.xmm[2]) & 0xFFFF_FFFFL);
        add("cvttsd2si64", "F2 48 0F 2C C1", doubles,
                c -> c.rax = ScalarConversion.cvttsd2si64(c.fpu, c.fpu.xmm[2]));
        add("cvtss2si", "F3 0F 2D C1", singles,
                c -> c.rax = ScalarConversion.cvtss2si(c.fpu, (int) c.fpu.xmm[2]) & 0xFFFF_FFFFL);
        add("cvtss2si64", "F3 48 0F 2D C1", singles,
                c -> c.rax = ScalarConversion.cvtss2si64(c.fpu, (int) c.fpu.xmm[2]));
        add("cvttss2si", "F3 0F 2C C1", singles,
                c -> c.rax = ScalarConversion.cvttss2si(c.fpu, (int) c.fpu.xmm[2]) & 0xFFFF_FFFFL);
        add("cvttss2si64", "F3 48 0F 2C C1", singles,
                c -> c.rax = ScalarConversion.cvttss2si64(c.fpu, (int) c.fpu.xmm[2]));
        packed("cvtdq2pd", "F3 0F E6", integers, (s, d, lo, hi) -> PackedConversion.cvtdq2pd(s, d, lo));
        packed("cvtdq2ps", "0F 5B", integers, PackedConversion::cvtdq2ps);
        packed("cvtps2pd", "0F 5A", singles, (s, d, lo, hi) -> PackedConversion.cvtps2pd(s, d, lo));
        packed("cvtpd2ps", "66 0F 5A", doubles, PackedConversion::cvtpd2ps);
        packed("cvtps2dq", "66 0F 5B", singles, PackedConversion::cvtps2dq);
        packed("cvttps2dq", "F3 0F 5B", singles, PackedConversion::cvttps2dq);
        packed("cvtpd2dq", "F2 0F E6", doubles, PackedConversion::cvtpd2dq);
        packed("cvttpd2dq", "66 0F E6", doubles, PackedConversion::cvttpd2dq);
    }

    private void mmxConversions() {
        toMmx("cvtps2pi", "0F 2D C1", singles, c -> PackedConversion.cvtps2pi(c.fpu, c.fpu.xmm[2]));
        toMmx("cvttps2pi", "0F 2C C1", singles, c -> PackedConversion.cvttps2pi(c.fpu, c.fpu.xmm[2]));
        toMmx("cvtpd2pi", "66 0F 2D C1", doubles,
                c -> PackedConversion.cvtpd2pi(c.fpu, c.fpu.xmm[2], c.fpu.xmm[3]));
        toMmx("cvttpd2pi", "66 0F 2C C1", doubles,
                c -> PackedConversion.cvttpd2pi(c.fpu, c.fpu.xmm[2], c.fpu.xmm[3]));
        add("cvtpi2ps", "0F 2A C1", integers, c -> {
            X87Control.enterMmx(c.fpu);
            c.fpu.xmm[0] = PackedConversion.cvtpi2ps(c.fpu, c.fpu.significand[1]);
        });
        add("cvtpi2pd", "66 0F 2A C1", integers, c -> {
            X87Control.enterMmx(c.fpu);
            PackedConversion.cvtpi2pd(c.fpu, 0, c.fpu.significand[1]);
        });
    }

    private void toMmx(String name, String code, Comparison.Generator operands,
            ToLongFunction<MachineCase> conversion) {
        add(name, code, operands, c -> {
            X87Control.enterMmx(c.fpu);
            X87Control.setMm(c.fpu, 0, conversion.applyAsLong(c));
        });
    }
}
