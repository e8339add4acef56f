package dev.vz.emulator.fpu;

import java.util.Arrays;

/**
 * The registers of the x87 unit, MMX and SSE of one virtual CPU, in the form the instructions work on.
 *
 * <p>
 * Register numbers in {@link #significand} and {@link #signExponent} are <em>physical</em> (R0 to R7); ST(i) is register
 * {@code (top + i) & 7}, and MMi is the significand of Ri. The fields are public because translated code reads and writes
 * them directly. An instance belongs to the thread that runs its virtual CPU; nothing is synchronized, and nothing is
 * allocated after construction.
 *
 * <p>
 * Intel SDM volume 1, chapter 8 (x87), 9 (MMX) and 10 (SSE and MXCSR).
 */
public final class FpuState {

    /** Control word after FNINIT: all exceptions masked, 64-bit precision, round to nearest. */
    public static final int INITIAL_FCW = 0x037F;
    /** MXCSR after reset: all exceptions masked, round to nearest. */
    public static final int INITIAL_MXCSR = 0x1F80;
    /** The MXCSR bits that exist here (MXCSR_MASK in an FXSAVE image); setting another one is a fault. */
    public static final int MXCSR_MASK = 0xFFFF;

    /** Status word: invalid operation. */
    public static final int IE = 0x0001;
    /** Status word: denormal operand. */
    public static final int DE = 0x0002;
    /** Status word: division by zero. */
    public static final int ZE = 0x0004;
    /** Status word: overflow. */
    public static final int OE = 0x0008;
    /** Status word: underflow. */
    public static final int UE = 0x0010;
    /** Status word: inexact result (precision). */
    public static final int PE = 0x0020;
    /** Status word: the invalid operation was a stack overflow or underflow. */
    public static final int SF = 0x0040;
    /** Status word: an unmasked exception is pending. */
    public static final int ES = 0x0080;
    /** Status word: condition codes. */
    public static final int C0 = 0x0100;
    /** Status word: condition code 1, also the direction of rounding and of a stack fault. */
    public static final int C1 = 0x0200;
    /** Status word: condition code 2, also an incomplete reduction. */
    public static final int C2 = 0x0400;
    /** Status word: condition code 3. */
    public static final int C3 = 0x4000;
    /** Status word: busy, today a copy of {@link #ES}. */
    public static final int BUSY = 0x8000;

    /** Significands of the physical registers R0 to R7, with the explicit integer bit in bit 63; also MM0 to MM7. */
    public final long[] significand = new long[8];
    /** Sign (bit 15) and biased exponent (bits 14 to 0) of the physical registers. */
    public final int[] signExponent = new int[8];
    /** Number of the physical register that is ST(0). */
    public int top;
    /** Control word. */
    public int fcw = INITIAL_FCW;
    /** Status word, without TOP: bits 13 to 11 stay zero here. */
    public int fsw;
    /** Abridged tag word: bit i is set when physical register i is not empty. */
    public int ftw;
    /** Linear offset of the last non-control x87 instruction. */
    public long fip;
    /** Offset of the last memory operand of an x87 instruction. */
    public long fdp;
    /** Code segment selector that goes with {@link #fip}. */
    public int fcs;
    /** Data segment selector that goes with {@link #fdp}. */
    public int fds;
    /** The last x87 opcode: low three bits of the first byte, then the ModRM byte. */
    public int fop;

    /** SSE control and status register. */
    public int mxcsr = INITIAL_MXCSR;
    /** XMM0 to XMM15, each as low and high 64 bits: XMMi is {@code xmm[2 * i]} and {@code xmm[2 * i + 1]}. */
    public final long[] xmm = new long[32];

    /** Low 64 bits (or fewer) of what the last store-form x87 instruction hands to memory. */
    public long storeLow;
    /** Bits 79 to 64 of what the last 80-bit store hands to memory. */
    public int storeHigh;

    /**
     * What a function of {@code dev.vz.emulator.simd} throws for an unmasked floating-point exception, always the same
     * object: MXCSR has the flags, the destination is unchanged, and the processor is to raise #XM (or #UD while
     * CR4.OSXMMEXCPT is clear). The processor core puts its own throwable here, one without a stack trace, so that throwing
     * costs nothing but the jump.
     */
    public RuntimeException simdException = new UnmaskedSimdException();

    /** SSE exceptions gathered while the elements of one instruction are computed; scratch space. */
    public int exceptions;
    /** First operand of the instruction at work; scratch space. */
    public final Unpacked first = new Unpacked();
    /** Second operand of the instruction at work; scratch space. */
    public final Unpacked second = new Unpacked();
    /** Result of the instruction at work; scratch space. */
    public final SoftFloat result = new SoftFloat();
    final WideFloat wide = new WideFloat();
    final WideFloat wideSecond = new WideFloat();
    final WideFloat wideThird = new WideFloat();

    /** Makes a unit in its state after reset: as after FNINIT, with all registers zero. */
    public FpuState() {}

    /** Puts everything, registers included, back to the state after construction. */
    public void reset() {
        Arrays.fill(significand, 0);
        Arrays.fill(signExponent, 0);
        Arrays.fill(xmm, 0);
        X87Control.fninit(this);
        mxcsr = INITIAL_MXCSR;
    }

    /** Physical number of ST(i). */
    public int physical(int i) {
        return top + i & 7;
    }

    /** Whether ST(i) is empty. */
    public boolean isEmpty(int i) {
        return (ftw >>> (top + i & 7) & 1) == 0;
    }

    /** The status word as a program sees it, TOP included. */
    public int statusWord() {
        return fsw | top << 11;
    }

    /** Sets status word and TOP from a memory image; {@link #ES} follows from flags and masks. */
    public void setStatusWord(int value) {
        top = value >>> 11 & 7;
        fsw = value & 0x477F;
        updateSummary();
    }

    /** Whether the next waiting instruction must raise #MF (or FERR#) instead of executing. */
    public boolean hasPendingException() {
        return (fsw & ES) != 0;
    }

    /** Derives {@link #ES} and {@link #BUSY} from the exception flags and the masks in the control word. */
    void updateSummary() {
        if ((fsw & ~fcw & 0x3F) != 0) {
            fsw |= ES | BUSY;
        } else {
            fsw &= ~(ES | BUSY);
        }
    }

    /**
     * Remembers where the last non-control instruction was, for FNSTENV, FNSAVE and FXSAVE.
     *
     * @param opcode first opcode byte, 0xD8 to 0xDF
     * @param modrm ModRM byte
     * @param codeSelector CS
     * @param instruction offset of the instruction, prefixes included
     */
    public void recordInstruction(int opcode, int modrm, int codeSelector, long instruction) {
        fop = (opcode & 7) << 8 | modrm;
        fcs = codeSelector;
        fip = instruction;
    }

    /** Remembers where the last memory operand was. */
    public void recordOperand(int dataSelector, long offset) {
        fds = dataSelector;
        fdp = offset;
    }

    /**
     * The two-bit tags of all physical registers, R0 in the lowest bits: 0 valid, 1 zero, 2 special, 3 empty. Only
     * "empty" is state; the rest is read off the registers' contents (SDM volume 1, 8.1.7).
     */
    public int fullTagWord() {
        int word = 0;
        for (int i = 7; i >= 0; i--) {
            word = word << 2 | tag(i);
        }
        return word;
    }

    private int tag(int register) {
        if ((ftw >>> register & 1) == 0) {
            return 3;
        }
        int exponent = signExponent[register] & 0x7FFF;
        if (exponent == 0 && significand[register] == 0) {
            return 1;
        }
        return exponent == 0 || exponent == 0x7FFF || significand[register] >= 0 ? 2 : 0;
    }

    /** Sets the abridged tags from the two-bit form: all that is not 3 is not empty. */
    public void setFullTagWord(int word) {
        int abridged = 0;
        for (int i = 0; i < 8; i++) {
            if ((word >>> 2 * i & 3) != 3) {
                abridged |= 1 << i;
            }
        }
        ftw = abridged;
    }

    /** Copies all architectural state of another unit into this one. */
    public void copyFrom(FpuState other) {
        System.arraycopy(other.significand, 0, significand, 0, 8);
        System.arraycopy(other.signExponent, 0, signExponent, 0, 8);
        System.arraycopy(other.xmm, 0, xmm, 0, 32);
        top = other.top;
        fcw = other.fcw;
        fsw = other.fsw;
        ftw = other.ftw;
        fip = other.fip;
        fdp = other.fdp;
        fcs = other.fcs;
        fds = other.fds;
        fop = other.fop;
        mxcsr = other.mxcsr;
    }
}
