package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Alu;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/** ROL, ROR, RCL, RCR, SHL, SHR, SAR, SHLD and SHRD. */
final class Shifts {

    private static final int ROL = 0;
    private static final int ROR = 1;
    private static final int RCL = 2;
    private static final int RCR = 3;
    private static final int SHL = 4;
    private static final int SHR = 5;

    private static final Template BY_CONSTANT = new Template(MethodHandles.lookup(), RegisterByConstant.class);
    private static final Template BY_CL = new Template(MethodHandles.lookup(), RegisterByCl.class);

    private Shifts() {}

    static void register(Operations all) {
        Mnemonic[] order = {Mnemonic.ROL, Mnemonic.ROR, Mnemonic.RCL, Mnemonic.RCR, Mnemonic.SHL, Mnemonic.SHR,
            Mnemonic.SAR};
        for (int i = 0; i < order.length; i++) {
            int operation = i;
            all.add(order[i], (in, ip, nextIp) -> build(operation, in, ip, nextIp));
        }
        all.add(Mnemonic.SHLD, (in, ip, nextIp) -> new DoubleShift(in, ip, nextIp, true));
        all.add(Mnemonic.SHRD, (in, ip, nextIp) -> new DoubleShift(in, ip, nextIp, false));
    }

    private static Op build(int operation, Instruction in, long ip, long nextIp) {
        int s = Operands.width(in, 0);
        if (in.memory) {
            return new OfMemory(in, ip, nextIp, operation);
        }
        if (in.form.operands().get(1) == OperandKind.CL) {
            return BY_CL.make(in, ip, nextIp, operation, s, 0);
        }
        return count(in, s) == 0 ? new Nothing(in, ip, nextIp) : BY_CONSTANT.make(in, ip, nextIp, operation, s, 0);
    }

    /** The constant count, masked. */
    static int count(Instruction in, int s) {
        int n = in.form.operands().get(1) == OperandKind.ONE ? 1 : (int) in.immediate;
        return n & (s == 0 ? 63 : 31);
    }

    /** {@code operation} is constant where it matters; {@code n} is masked and not 0. */
    static long apply(Cpu c, int operation, int s, long a, int n) {
        return switch (operation) {
            case ROL -> Alu.rol(c, s, a, n);
            case ROR -> Alu.ror(c, s, a, n);
            case RCL -> Alu.rcl(c, s, a, n);
            case RCR -> Alu.rcr(c, s, a, n);
            case SHL -> Alu.shl(c, s, a, n);
            case SHR -> Alu.shr(c, s, a, n);
            default -> Alu.sar(c, s, a, n);
        };
    }

    /** Of a register by a constant. */
    static final class RegisterByConstant extends TemplateOp {
        private static final int OPERATION = constant(MethodHandles.lookup(), 0);
        private static final int S = constant(MethodHandles.lookup(), 1);

        private int target;
        private int count;

        @Override
        TemplateOp fresh() {
            return new RegisterByConstant();
        }

        @Override
        void operands(Instruction in) {
            target = Operands.register(in, 0);
            count = count(in, S);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            Width.set(r, S, target, apply(c, OPERATION, S, Width.get(r, S, target), count));
            return next;
        }
    }

    /** Of a register by CL. */
    static final class RegisterByCl extends TemplateOp {
        private static final int OPERATION = constant(MethodHandles.lookup(), 0);
        private static final int S = constant(MethodHandles.lookup(), 1);

        private int target;

        @Override
        TemplateOp fresh() {
            return new RegisterByCl();
        }

        @Override
        void operands(Instruction in) {
            target = Operands.register(in, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            int n = (int) r[1] & (S == 0 ? 63 : 31);
            long value = Width.get(r, S, target);
            Width.set(r, S, target, n == 0 ? value : apply(c, OPERATION, S, value, n));
            return next;
        }
    }

    /** A count of zero: a 32-bit register is still extended. */
    private static final class Nothing extends RmOp {
        Nothing(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            store(c, load(c));
            return next;
        }
    }

    /** Of memory. */
    private static final class OfMemory extends RmModify {
        private final int operation;
        private final boolean byCl;
        private final int count;

        OfMemory(Instruction in, long ip, long nextIp, int operation) {
            super(in, ip, nextIp, false);
            this.operation = operation;
            byCl = in.form.operands().get(1) == OperandKind.CL;
            count = count(in, s);
        }

        @Override
        long result(Cpu c, long value) {
            int n = byCl ? (int) c.gpr[1] & (s == 0 ? 63 : 31) : count;
            return n == 0 ? value : apply(c, operation, s, value, n);
        }
    }

    /** SHLD and SHRD. */
    private static final class DoubleShift extends RmModify {
        private final boolean left;
        private final boolean byCl;
        private final int source;
        private final int count;

        DoubleShift(Instruction in, long ip, long nextIp, boolean left) {
            super(in, ip, nextIp, false);
            this.left = left;
            byCl = in.form.operands().get(2) == OperandKind.CL;
            source = in.reg;
            count = (int) in.immediate & (s == 0 ? 63 : 31);
        }

        @Override
        long result(Cpu c, long value) {
            int n = byCl ? (int) c.gpr[1] & (s == 0 ? 63 : 31) : count;
            if (n == 0) {
                return value;
            }
            long fill = c.gpr[source];
            return left ? Alu.shld(c, s, value, fill, n) : Alu.shrd(c, s, value, fill, n);
        }
    }
}
