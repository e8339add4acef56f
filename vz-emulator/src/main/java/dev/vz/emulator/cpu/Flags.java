package dev.vz.emulator.cpu;

/** The bits of RFLAGS, and the way between them and the forms in which {@link Cpu} keeps them. */
public final class Flags {

    /** Carry. */
    public static final int CF = 1;
    /** Parity of the low byte. */
    public static final int PF = 4;
    /** Carry out of bit 3. */
    public static final int AF = 0x10;
    /** Zero. */
    public static final int ZF = 0x40;
    /** Sign. */
    public static final int SF = 0x80;
    /** Single step. */
    public static final int TF = 0x100;
    /** Interrupts enabled. */
    public static final int IF = 0x200;
    /** Direction of string instructions: downwards. */
    public static final int DF = 0x400;
    /** Overflow. */
    public static final int OF = 0x800;
    /** I/O privilege level, two bits. */
    public static final int IOPL = 0x3000;
    /** Nested task. */
    public static final int NT = 0x4000;
    /** Resume: instruction breakpoints are off for one instruction. */
    public static final int RF = 0x1_0000;
    /** Virtual-8086 mode. */
    public static final int VM = 0x2_0000;
    /** Alignment check, or access control with SMAP. */
    public static final int AC = 0x4_0000;
    /** Virtual interrupt flag. */
    public static final int VIF = 0x8_0000;
    /** Virtual interrupt pending. */
    public static final int VIP = 0x10_0000;
    /** CPUID can be used. */
    public static final int ID = 0x20_0000;
    /** The six that arithmetic sets. */
    public static final int ARITHMETIC = CF | PF | AF | ZF | SF | OF;

    private Flags() {}

    /** Whether the low byte has an even number of ones. */
    static boolean parity(long value) {
        return (Integer.bitCount((int) value & 0xFF) & 1) == 0;
    }

    /** The six arithmetic flags. */
    public static int arithmetic(Cpu c) {
        long v = c.flagCarry;
        long sign = c.flagSign;
        return (int) (v >>> 63) | (parity(sign) ? PF : 0) | (int) (v & 8) << 1 | (c.flagZero == 0 ? ZF : 0)
                | (int) (sign >>> 63) << 7 | (int) ((v ^ v << 1) >>> 63) << 11;
    }

    /** Sets the six arithmetic flags. */
    public static void setArithmetic(Cpu c, int flags) {
        c.flagZero = (flags & ZF) != 0 ? 0 : 1;
        c.flagSign = ((flags & SF) != 0 ? Long.MIN_VALUE : 0) | ((flags & PF) != 0 ? 0 : 1);
        long carry = (long) flags & CF;
        long overflow = (long) flags >>> 11 & 1;
        c.flagCarry = carry << 63 | (carry ^ overflow) << 62 | ((long) flags & AF) >>> 1;
    }

    /** All of RFLAGS. */
    public static int get(Cpu c) {
        return arithmetic(c) | c.flags | 2;
    }
}
