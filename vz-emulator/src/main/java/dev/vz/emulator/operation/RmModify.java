package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.memory.HostMemory;
import org.jspecify.annotations.Nullable;

/**
 * An instruction that reads an operand, computes and writes it back, as one step for other processors if it is locked.
 */
abstract class RmModify extends RmOp {

    private final boolean locked;

    RmModify(Instruction in, long ip, long nextIp, boolean locked) {
        super(in, ip, nextIp, 0);
        this.locked = locked;
    }

    /** What becomes of {@code value}. Sets the flags; may be called again with another value and the flags as before. */
    abstract long result(Cpu c, long value);

    /** Called once after the operand was replaced. {@code old} is what it was. */
    void finish(Cpu c, long old) {}

    @Override
    public @Nullable Op execute(Cpu c) {
        if (!inMemory) {
            long old = Width.get(c.gpr, s, register);
            Width.set(c.gpr, s, register, result(c, old));
            finish(c, old);
            return next;
        }
        modify(c, linear(c, true));
        return next;
    }

    final void modify(Cpu c, long linear) {
        int size = Width.bytes(s);
        long zero = c.flagZero;
        long sign = c.flagSign;
        long carry = c.flagCarry;
        if (locked && !c.alone) {
            long host = c.writeHost(linear, size);
            boolean slow = host == 0;
            if (slow) {
                host = c.mmu.lockedHost(linear, size, c.cpl == 3);
            }
            if (host != 0 && (host & 7) + size <= 8) {
                while (true) {
                    long old = Width.loadHost(s, host);
                    if (replace(host, size, old, result(c, old))) {
                        if (slow) {
                            c.mmu.wrote(size);
                        }
                        finish(c, old);
                        return;
                    }
                    restore(c, zero, sign, carry);
                }
            }
            c.outside.lockBus();
            try {
                plain(c, linear, size, zero, sign, carry);
            } finally {
                c.outside.unlockBus();
            }
        } else {
            plain(c, linear, size, zero, sign, carry);
        }
    }

    private void plain(Cpu c, long linear, int size, long zero, long sign, long carry) {
        long old = c.readForWrite(linear, size);
        try {
            Width.store(c, s, linear, result(c, old));
        } catch (RuntimeException e) {
            restore(c, zero, sign, carry);
            throw e;
        }
        finish(c, old);
    }

    private static void restore(Cpu c, long zero, long sign, long carry) {
        c.flagZero = zero;
        c.flagSign = sign;
        c.flagCarry = carry;
    }

    /** Replaces {@code size} bytes that lie within eight aligned ones, if they are {@code expected}. */
    static boolean replace(long host, int size, long expected, long value) {
        int shift = (int) (host & 7) * 8;
        long aligned = host & ~7L;
        long mask = size == 8 ? -1L : (1L << 8 * size) - 1;
        long word = HostMemory.readLong(aligned);
        if ((word >>> shift & mask) != (expected & mask)) {
            return false;
        }
        return HostMemory.compareAndSetLong(aligned, word, word & ~(mask << shift) | (value & mask) << shift);
    }
}
