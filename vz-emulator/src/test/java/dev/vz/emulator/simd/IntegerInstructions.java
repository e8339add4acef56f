package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.fpu.X87Control;
import dev.vz.emulator.hostcpu.MachineCase;
import dev.vz.emulator.hostcpu.VectorInstruction;
import dev.vz.emulator.hostcpu.VectorOperands;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongBinaryOperator;

/** The table of integer instructions: encodings and models. */
final class IntegerInstructions {

    private final List<VectorInstruction> table = new ArrayList<>();

    private IntegerInstructions() {}

    interface WholeOperation {
        void apply(FpuState s, int d, long lo, long hi);
    }

    interface ControlledOperation {
        void apply(FpuState s, int d, long lo, long hi, int control);
    }

    static List<VectorInstruction> all() {
        var instructions = new IntegerInstructions();
        instructions.additions();
        instructions.multiplications();
        instructions.comparisons();
        instructions.logic();
        instructions.shifts();
        instructions.shuffles();
        instructions.horizontals();
        instructions.widths();
        instructions.blends();
        instructions.others();
        ElementInstructions.addTo(instructions.table);
        StringInstructions.addTo(instructions.table);
        return instructions.table;
    }

    private void add(String name, String code, Consumer<MachineCase> model) {
        table.add(VectorInstruction.of(name, code, VectorOperands::integers, model));
    }

    /** The MMX form of a function on 64 bits. */
    private void mmx(String name, String opcode, LongBinaryOperator operation) {
        add(name, "0F " + opcode + " C1", c -> {
            X87Control.enterMmx(c.fpu);
            long result = operation.applyAsLong(c.fpu.significand[0], c.fpu.significand[1]);
            X87Control.setMm(c.fpu, 0, result);
        });
    }

    /** The XMM form of a function on halves. */
    private void halves(String name, String opcode, LongBinaryOperator operation) {
        add(name, "66 0F " + opcode + " C1", c -> {
            c.fpu.xmm[0] = operation.applyAsLong(c.fpu.xmm[0], c.fpu.xmm[2]);
            c.fpu.xmm[1] = operation.applyAsLong(c.fpu.xmm[1], c.fpu.xmm[3]);
        });
    }

    private void both(String name, String opcode, LongBinaryOperator operation) {
        mmx(name, opcode, operation);
        halves(name, opcode, operation);
    }

    private void whole(String name, String code, WholeOperation operation) {
        add(name, code + " C1", c -> operation.apply(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3]));
    }

    private void controlled(String name, String code, ControlledOperation operation, int... controls) {
        for (int control : controls) {
            add(name, code + " C1 %02X".formatted(control),
                    c -> operation.apply(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3], control));
        }
    }

    private void additions() {
        both("paddb", "FC", PackedAddition::paddb);
        both("paddw", "FD", PackedAddition::paddw);
        both("paddd", "FE", PackedAddition::paddd);
        both("paddq", "D4", PackedAddition::paddq);
        both("psubb", "F8", PackedAddition::psubb);
        both("psubw", "F9", PackedAddition::psubw);
        both("psubd", "FA", PackedAddition::psubd);
        both("psubq", "FB", PackedAddition::psubq);
        both("paddsb", "EC", PackedAddition::paddsb);
        both("paddsw", "ED", PackedAddition::paddsw);
        both("paddusb", "DC", PackedAddition::paddusb);
        both("paddusw", "DD", PackedAddition::paddusw);
        both("psubsb", "E8", PackedAddition::psubsb);
        both("psubsw", "E9", PackedAddition::psubsw);
        both("psubusb", "D8", PackedAddition::psubusb);
        both("psubusw", "D9", PackedAddition::psubusw);
        both("pavgb", "E0", PackedAddition::pavgb);
        both("pavgw", "E3", PackedAddition::pavgw);
        both("pabsb", "38 1C", PackedAddition::pabsb);
        both("pabsw", "38 1D", PackedAddition::pabsw);
        both("pabsd", "38 1E", PackedAddition::pabsd);
        both("psignb", "38 08", PackedAddition::psignb);
        both("psignw", "38 09", PackedAddition::psignw);
        both("psignd", "38 0A", PackedAddition::psignd);
    }

    private void multiplications() {
        both("pmullw", "D5", PackedMultiplication::pmullw);
        both("pmulhw", "E5", PackedMultiplication::pmulhw);
        both("pmulhuw", "E4", PackedMultiplication::pmulhuw);
        both("pmulhrsw", "38 0B", PackedMultiplication::pmulhrsw);
        both("pmuludq", "F4", PackedMultiplication::pmuludq);
        both("pmaddwd", "F5", PackedMultiplication::pmaddwd);
        both("pmaddubsw", "38 04", PackedMultiplication::pmaddubsw);
        both("psadbw", "F6", PackedMultiplication::psadbw);
        halves("pmuldq", "38 28", PackedMultiplication::pmuldq);
        halves("pmulld", "38 40", PackedMultiplication::pmulld);
        controlled("mpsadbw", "66 0F 3A 42", PackedMultiplication::mpsadbw, 0, 1, 2, 3, 4, 5, 6, 7, 0xF8);
    }

    private void comparisons() {
        both("pcmpeqb", "74", PackedComparison::pcmpeqb);
        both("pcmpeqw", "75", PackedComparison::pcmpeqw);
        both("pcmpeqd", "76", PackedComparison::pcmpeqd);
        both("pcmpgtb", "64", PackedComparison::pcmpgtb);
        both("pcmpgtw", "65", PackedComparison::pcmpgtw);
        both("pcmpgtd", "66", PackedComparison::pcmpgtd);
        halves("pcmpeqq", "38 29", PackedComparison::pcmpeqq);
        halves("pcmpgtq", "38 37", PackedComparison::pcmpgtq);
        both("pminub", "DA", PackedComparison::pminub);
        both("pmaxub", "DE", PackedComparison::pmaxub);
        both("pminsw", "EA", PackedComparison::pminsw);
        both("pmaxsw", "EE", PackedComparison::pmaxsw);
        halves("pminsb", "38 38", PackedComparison::pminsb);
        halves("pminsd", "38 39", PackedComparison::pminsd);
        halves("pminuw", "38 3A", PackedComparison::pminuw);
        halves("pminud", "38 3B", PackedComparison::pminud);
        halves("pmaxsb", "38 3C", PackedComparison::pmaxsb);
        halves("pmaxsd", "38 3D", PackedComparison::pmaxsd);
        halves("pmaxuw", "38 3E", PackedComparison::pmaxuw);
        halves("pmaxud", "38 3F", PackedComparison::pmaxud);
        whole("phminposuw", "66 0F 38 41", PackedComparison::phminposuw);
    }

    private void logic() {
        both("pand", "DB", PackedLogic::pand);
        both("pandn", "DF", PackedLogic::pandn);
        both("por", "EB", PackedLogic::por);
        both("pxor", "EF", PackedLogic::pxor);
        halves("pand", "54", PackedLogic::pand);
        halves("pandn", "55", PackedLogic::pandn);
        halves("por", "56", PackedLogic::por);
        halves("pxor", "57", PackedLogic::pxor);
        add("ptest", "66 0F 38 17 C1", c -> c.flags = PackedLogic.ptest(c.fpu, 0, c.fpu.xmm[2], c.fpu.xmm[3]));
    }

    /** Shifts by a register and, with the group's opcode and ModRM, by an immediate. */
    private void shift(String name, String opcode, String group, int extension, LongBinaryOperator operation) {
        mmx(name, opcode, operation);
        add(name, "66 0F " + opcode + " C1", c -> {
            c.fpu.xmm[0] = operation.applyAsLong(c.fpu.xmm[0], c.fpu.xmm[2]);
            c.fpu.xmm[1] = operation.applyAsLong(c.fpu.xmm[1], c.fpu.xmm[2]);
        });
        for (int count : new int[] {0, 1, 7, 15, 16, 31, 32, 63, 64, 255}) {
            String rest = "0F %s %02X %02X".formatted(group, 0xC0 | extension << 3, count);
            add(name, rest, c -> {
                X87Control.enterMmx(c.fpu);
                X87Control.setMm(c.fpu, 0, operation.applyAsLong(c.fpu.significand[0], count));
            });
            add(name, "66 " + rest, c -> {
                c.fpu.xmm[0] = operation.applyAsLong(c.fpu.xmm[0], count);
                c.fpu.xmm[1] = operation.applyAsLong(c.fpu.xmm[1], count);
            });
        }
    }

    private void shifts() {
        shift("psllw", "F1", "71", 6, PackedShift::psllw);
        shift("pslld", "F2", "72", 6, PackedShift::pslld);
        shift("psllq", "F3", "73", 6, PackedShift::psllq);
        shift("psrlw", "D1", "71", 2, PackedShift::psrlw);
        shift("psrld", "D2", "72", 2, PackedShift::psrld);
        shift("psrlq", "D3", "73", 2, PackedShift::psrlq);
        shift("psraw", "E1", "71", 4, PackedShift::psraw);
        shift("psrad", "E2", "72", 4, PackedShift::psrad);
        for (int i = 0; i < 19; i++) {
            int bytes = i == 18 ? 255 : i;
            add("pslldq", "66 0F 73 F8 %02X".formatted(bytes), c -> PackedShuffle.pslldq(c.fpu, 0, bytes));
            add("psrldq", "66 0F 73 D8 %02X".formatted(bytes), c -> PackedShuffle.psrldq(c.fpu, 0, bytes));
        }
    }

    private void shuffles() {
        mmx("pshufb", "38 00", PackedShuffle::pshufb);
        whole("pshufb", "66 0F 38 00", PackedShuffle::pshufb);
        int[] controls = {0x00, 0x1B, 0xE4, 0x93, 0x4E, 0xFF, 0x72};
        for (int control : controls) {
            mmxControlled("pshufw", "70", control, (a, b) -> PackedShuffle.pshufw(b, control));
        }
        controlled("pshufd", "66 0F 70", PackedShuffle::pshufd, controls);
        controlled("pshufhw", "F3 0F 70", PackedShuffle::pshufhw, controls);
        controlled("pshuflw", "F2 0F 70", PackedShuffle::pshuflw, controls);
        controlled("shufps", "0F C6", PackedShuffle::shufps, controls);
        controlled("shufpd", "66 0F C6", PackedShuffle::shufpd, 0, 1, 2, 3, 0xFC);
        mmx("punpcklbw", "60", PackedShuffle::punpcklbw);
        mmx("punpcklwd", "61", PackedShuffle::punpcklwd);
        mmx("punpckldq", "62", PackedShuffle::punpckldq);
        mmx("punpckhbw", "68", PackedShuffle::punpckhbw);
        mmx("punpckhwd", "69", PackedShuffle::punpckhwd);
        mmx("punpckhdq", "6A", PackedShuffle::punpckhdq);
        whole("punpcklbw", "66 0F 60", (s, d, lo, hi) -> PackedShuffle.punpcklbw(s, d, lo));
        whole("punpcklwd", "66 0F 61", (s, d, lo, hi) -> PackedShuffle.punpcklwd(s, d, lo));
        whole("punpckldq", "66 0F 62", (s, d, lo, hi) -> PackedShuffle.punpckldq(s, d, lo));
        whole("punpcklqdq", "66 0F 6C", (s, d, lo, hi) -> PackedShuffle.punpcklqdq(s, d, lo));
        whole("punpckhbw", "66 0F 68", (s, d, lo, hi) -> PackedShuffle.punpckhbw(s, d, hi));
        whole("punpckhwd", "66 0F 69", (s, d, lo, hi) -> PackedShuffle.punpckhwd(s, d, hi));
        whole("punpckhdq", "66 0F 6A", (s, d, lo, hi) -> PackedShuffle.punpckhdq(s, d, hi));
        whole("punpckhqdq", "66 0F 6D", (s, d, lo, hi) -> PackedShuffle.punpckhqdq(s, d, hi));
        whole("punpckldq", "0F 14", (s, d, lo, hi) -> PackedShuffle.punpckldq(s, d, lo));
        whole("punpckhdq", "0F 15", (s, d, lo, hi) -> PackedShuffle.punpckhdq(s, d, hi));
        whole("movsldup", "F3 0F 12", PackedShuffle::movsldup);
        whole("movshdup", "F3 0F 16", PackedShuffle::movshdup);
        for (int i = 0; i < 35; i++) {
            int bytes = i == 34 ? 255 : i;
            mmxControlled("palignr", "3A 0F", bytes, (a, b) -> PackedShuffle.palignr(a, b, bytes));
            controlled("palignr", "66 0F 3A 0F", PackedShuffle::palignr, bytes);
        }
    }

    private void mmxControlled(String name, String opcode, int control, LongBinaryOperator operation) {
        add(name, "0F %s C1 %02X".formatted(opcode, control), c -> {
            X87Control.enterMmx(c.fpu);
            long result = operation.applyAsLong(c.fpu.significand[0], c.fpu.significand[1]);
            X87Control.setMm(c.fpu, 0, result);
        });
    }

    private void horizontals() {
        mmx("phaddw", "38 01", PackedHorizontal::phaddw);
        mmx("phaddd", "38 02", PackedHorizontal::phaddd);
        mmx("phaddsw", "38 03", PackedHorizontal::phaddsw);
        mmx("phsubw", "38 05", PackedHorizontal::phsubw);
        mmx("phsubd", "38 06", PackedHorizontal::phsubd);
        mmx("phsubsw", "38 07", PackedHorizontal::phsubsw);
        whole("phaddw", "66 0F 38 01", PackedHorizontal::phaddw);
        whole("phaddd", "66 0F 38 02", PackedHorizontal::phaddd);
        whole("phaddsw", "66 0F 38 03", PackedHorizontal::phaddsw);
        whole("phsubw", "66 0F 38 05", PackedHorizontal::phsubw);
        whole("phsubd", "66 0F 38 06", PackedHorizontal::phsubd);
        whole("phsubsw", "66 0F 38 07", PackedHorizontal::phsubsw);
    }

    private void widths() {
        mmx("packsswb", "63", PackedWidth::packsswb);
        mmx("packssdw", "6B", PackedWidth::packssdw);
        mmx("packuswb", "67", PackedWidth::packuswb);
        whole("packsswb", "66 0F 63", PackedWidth::packsswb);
        whole("packssdw", "66 0F 6B", PackedWidth::packssdw);
        whole("packuswb", "66 0F 67", PackedWidth::packuswb);
        whole("packusdw", "66 0F 38 2B", PackedWidth::packusdw);
        whole("pmovsxbw", "66 0F 38 20", (s, d, lo, hi) -> PackedWidth.pmovsxbw(s, d, lo));
        whole("pmovsxbd", "66 0F 38 21", (s, d, lo, hi) -> PackedWidth.pmovsxbd(s, d, lo));
        whole("pmovsxbq", "66 0F 38 22", (s, d, lo, hi) -> PackedWidth.pmovsxbq(s, d, lo));
        whole("pmovsxwd", "66 0F 38 23", (s, d, lo, hi) -> PackedWidth.pmovsxwd(s, d, lo));
        whole("pmovsxwq", "66 0F 38 24", (s, d, lo, hi) -> PackedWidth.pmovsxwq(s, d, lo));
        whole("pmovsxdq", "66 0F 38 25", (s, d, lo, hi) -> PackedWidth.pmovsxdq(s, d, lo));
        whole("pmovzxbw", "66 0F 38 30", (s, d, lo, hi) -> PackedWidth.pmovzxbw(s, d, lo));
        whole("pmovzxbd", "66 0F 38 31", (s, d, lo, hi) -> PackedWidth.pmovzxbd(s, d, lo));
        whole("pmovzxbq", "66 0F 38 32", (s, d, lo, hi) -> PackedWidth.pmovzxbq(s, d, lo));
        whole("pmovzxwd", "66 0F 38 33", (s, d, lo, hi) -> PackedWidth.pmovzxwd(s, d, lo));
        whole("pmovzxwq", "66 0F 38 34", (s, d, lo, hi) -> PackedWidth.pmovzxwq(s, d, lo));
        whole("pmovzxdq", "66 0F 38 35", (s, d, lo, hi) -> PackedWidth.pmovzxdq(s, d, lo));
    }

    /** Blends by XMM0 have XMM2 as destination: ModRM 0xD1. */
    private void blendByRegister(String name, String opcode, WholeOperation operation) {
        add(name, "66 0F 38 " + opcode + " D1", c -> operation.apply(c.fpu, 2, c.fpu.xmm[2], c.fpu.xmm[3]));
    }

    private void blends() {
        int[] controls = {0x00, 0x01, 0x5A, 0xA5, 0x0F, 0xF0, 0xFF, 0x36};
        controlled("pblendw", "66 0F 3A 0E", PackedLogic::pblendw, controls);
        controlled("blendps", "66 0F 3A 0C", PackedLogic::blendps, controls);
        controlled("blendpd", "66 0F 3A 0D", PackedLogic::blendpd, controls);
        blendByRegister("pblendvb", "10", PackedLogic::pblendvb);
        blendByRegister("blendvps", "14", PackedLogic::blendvps);
        blendByRegister("blendvpd", "15", PackedLogic::blendvpd);
    }

    private void others() {
        whole("aesenc", "66 0F 38 DC", Aes::aesenc);
        whole("aesenclast", "66 0F 38 DD", Aes::aesenclast);
        whole("aesdec", "66 0F 38 DE", Aes::aesdec);
        whole("aesdeclast", "66 0F 38 DF", Aes::aesdeclast);
        whole("aesimc", "66 0F 38 DB", Aes::aesimc);
        controlled("aeskeygenassist", "66 0F 3A DF", Aes::aeskeygenassist, 0, 1, 0x1B, 0xFF);
        controlled("pclmulqdq", "66 0F 3A 44", Polynomial::pclmulqdq, 0x00, 0x01, 0x10, 0x11, 0xEE);
        add("emms", "0F 77", c -> X87Control.emms(c.fpu));
    }
}
