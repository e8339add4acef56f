package dev.vz.emulator.fpu;

/**
 * Takes in the memory operand of an x87 arithmetic or comparison instruction, for the {@code …Memory} functions to use
 * next. Loading raises nothing by itself: a denormal or signaling operand is reported by the instruction that uses it.
 */
public final class X87Operand {

    private X87Operand() {}

    /** A single-precision operand, as its 32 bits. */
    public static void m32(FpuState s, int bits) {
        s.second.setSingle(bits);
    }

    /** A double-precision operand, as its 64 bits. */
    public static void m64(FpuState s, long bits) {
        s.second.setDouble(bits);
    }

    /** A signed 16-bit integer operand. */
    public static void m16int(FpuState s, short value) {
        s.second.setInteger(value);
    }

    /** A signed 32-bit integer operand. */
    public static void m32int(FpuState s, int value) {
        s.second.setInteger(value);
    }
}
