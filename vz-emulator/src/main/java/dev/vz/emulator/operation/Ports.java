package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/** IN, OUT, INS and OUTS. */
final class Ports {

    private Ports() {}

    static void register(Operations all) {
        all.add(Mnemonic.IN, (in, ip, nextIp) -> new Single(in, ip, nextIp, 0));
        all.add(Mnemonic.OUT, (in, ip, nextIp) -> new Single(in, ip, nextIp, 1));
        all.add(Mnemonic.INS, In::new);
        all.add(Mnemonic.OUTS, Out::new);
    }

    private static void check(Cpu c, int port, int size) {
        c.tasks.checkPort(port, size);
        c.debug.port(port, size);
    }

    /** IN and OUT. */
    private static final class Single extends Op {
        private final boolean out;
        private final int size;
        private final boolean constant;
        private final int port;

        Single(Instruction in, long ip, long nextIp, int accumulator) {
            this.ip = ip;
            this.nextIp = nextIp;
            out = accumulator == 1;
            size = in.form.operands().get(accumulator).bytes(in);
            constant = in.form.operands().get(1 - accumulator) == OperandKind.Ib;
            port = (int) in.immediate & 0xFF;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            int number = constant ? port : (int) c.gpr[2] & 0xFFFF;
            check(c, number, size);
            if (out) {
                c.outside.portWrite(number, size, Width.zeroExtend(Width.of(size), c.gpr[0]));
            } else {
                Width.set(c.gpr, Width.of(size), 0, c.outside.portRead(number, size));
            }
            return next;
        }
    }

    /** INS. The place is checked before the port is read, because reading may have an effect. */
    private static final class In extends StringOp {
        In(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        long run(Cpu c, long most) {
            int number = (int) c.gpr[2] & 0xFFFF;
            check(c, number, size);
            long to = target(c, true);
            c.checkWrite(to, size);
            c.write(to, size, c.outside.portRead(number, size));
            moveTarget(c, stride(c));
            return 1;
        }
    }

    /** OUTS. */
    private static final class Out extends StringOp {
        Out(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 1);
        }

        @Override
        long run(Cpu c, long most) {
            int number = (int) c.gpr[2] & 0xFFFF;
            check(c, number, size);
            c.outside.portWrite(number, size, c.read(source(c), size));
            moveSource(c, stride(c));
            return 1;
        }
    }
}
