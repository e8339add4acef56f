package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.decode.Instruction;

/** An instruction with one operand that is a general register or memory, at a width that is not constant. */
abstract class RmOp extends MemoryOp {

    final boolean inMemory;
    final int s;
    final int register;

    RmOp(Instruction in, long ip, long nextIp, int operand) {
        this.ip = ip;
        this.nextIp = nextIp;
        inMemory = in.memory;
        s = Operands.width(in, operand);
        if (inMemory) {
            memory(in);
            register = 0;
        } else {
            register = Operands.register(in, operand);
        }
    }

    /** Takes over a memory operand alone, whose width the subclass knows. */
    RmOp(Instruction in, long ip, long nextIp) {
        this.ip = ip;
        this.nextIp = nextIp;
        inMemory = in.memory;
        s = Width.QWORD;
        register = 0;
        if (inMemory) {
            memory(in);
        }
    }

    /** The linear address of the operand in memory. */
    final long linear(Cpu c, boolean write) {
        return address(c, Width.bytes(s), write);
    }

    /** The operand; what is above its width is undefined. */
    final long load(Cpu c) {
        return inMemory ? Width.load(c, s, linear(c, false)) : Width.get(c.gpr, s, register);
    }

    /** Replaces the operand. */
    final void store(Cpu c, long value) {
        if (inMemory) {
            Width.store(c, s, linear(c, true), value);
        } else {
            Width.set(c.gpr, s, register, value);
        }
    }
}
