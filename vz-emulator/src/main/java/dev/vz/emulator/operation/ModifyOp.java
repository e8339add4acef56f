package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;

/** An instruction that reads a memory operand, computes and writes it back. */
abstract class ModifyOp extends TemplateOp {

    /** What becomes of {@code value}; sets the flags. */
    abstract long result(Cpu c, long value);

    /** Replaces the memory operand at {@code linear}. */
    final void modify(Cpu c, int s, long linear) {
        long host = c.writeHost(linear, Width.bytes(s));
        if (host != 0) {
            Width.storeHost(s, host, result(c, Width.loadHost(s, host)));
        } else {
            modifySlow(c, s, linear);
        }
    }

    /** The store can still be refused where it meets a device; then the flags have to be as before. */
    private void modifySlow(Cpu c, int s, long linear) {
        long value = c.readForWrite(linear, Width.bytes(s));
        long zero = c.flagZero;
        long sign = c.flagSign;
        long carry = c.flagCarry;
        try {
            Width.store(c, s, linear, result(c, value));
        } catch (RuntimeException e) {
            c.flagZero = zero;
            c.flagSign = sign;
            c.flagCarry = carry;
            throw e;
        }
    }
}
