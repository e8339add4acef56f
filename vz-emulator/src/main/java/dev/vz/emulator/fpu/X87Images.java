package dev.vz.emulator.fpu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The memory images of x87 and SSE state: environment (FNSTENV, FLDENV), x87 state (FNSAVE, FRSTOR) and the 512-byte area
 * of FXSAVE and FXRSTOR. Images are little-endian byte arrays that the caller copies from or to guest memory; bytes past
 * the length returned are not part of the image and stay as they are.
 *
 * <p>
 * Intel SDM volume 1, 8.1.10 (figures 8-9 to 8-12), 10.5 and 13.4; volume 2 for each instruction.
 */
public final class X87Images {

    /** Length of an environment with 32-bit operand size; half of it with 16 bits. */
    public static final int ENVIRONMENT = 28;
    /** Length of eight 80-bit registers. */
    public static final int REGISTERS = 80;
    /** Bytes that FXSAVE writes in 64-bit mode. */
    public static final int FXSAVE_64BIT_MODE = 416;
    /** Bytes that FXSAVE writes outside 64-bit mode: XMM8 to XMM15 are left out. */
    public static final int FXSAVE_OTHER_MODES = 288;

    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class,
            ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int FCW_WRITABLE = 0x1F3F;
    private static final int FCW_FIXED = 0x0040;

    private X87Images() {}

    /**
     * FNSTENV: writes the environment, then masks all exceptions.
     *
     * @param operand32 operand size of 32 bits rather than 16
     * @param realFormat the format of real and virtual-8086 mode rather than of protected mode
     * @return bytes written
     */
    public static int fnstenv(FpuState s, byte[] image, boolean operand32, boolean realFormat) {
        int length = operand32 ? store32(s, image, realFormat) : store16(s, image, realFormat);
        s.fcw |= 0x3F;
        s.updateSummary();
        return length;
    }

    /** FLDENV; parameters as of {@link #fnstenv}. */
    public static void fldenv(FpuState s, byte[] image, boolean operand32, boolean realFormat) {
        int stride = operand32 ? 4 : 2;
        s.fcw = get16(image, 0) & FCW_WRITABLE | FCW_FIXED;
        s.setStatusWord(get16(image, stride));
        s.setFullTagWord(get16(image, 2 * stride));
        if (operand32) {
            loadPointers32(s, image, realFormat);
        } else {
            loadPointers16(s, image, realFormat);
        }
    }

    /** FNSAVE: writes environment and registers, then initializes the unit; returns the bytes written. */
    public static int fnsave(FpuState s, byte[] image, boolean operand32, boolean realFormat) {
        int offset = operand32 ? store32(s, image, realFormat) : store16(s, image, realFormat);
        for (int i = 0; i < 8; i++) {
            int register = s.physical(i);
            LONG.set(image, offset, s.significand[register]);
            set16(image, offset + 8, s.signExponent[register]);
            offset += 10;
        }
        X87Control.fninit(s);
        return offset;
    }

    /** FRSTOR; parameters as of {@link #fnstenv}. */
    public static void frstor(FpuState s, byte[] image, boolean operand32, boolean realFormat) {
        fldenv(s, image, operand32, realFormat);
        int offset = operand32 ? ENVIRONMENT : ENVIRONMENT / 2;
        for (int i = 0; i < 8; i++) {
            int register = s.physical(i);
            s.significand[register] = (long) LONG.get(image, offset);
            s.signExponent[register] = get16(image, offset + 8);
            offset += 10;
        }
    }

    private static int store32(FpuState s, byte[] image, boolean realFormat) {
        INT.set(image, 0, s.fcw | 0xFFFF_0000);
        INT.set(image, 4, s.statusWord() | 0xFFFF_0000);
        INT.set(image, 8, s.fullTagWord() | 0xFFFF_0000);
        if (realFormat) {
            int instruction = (int) (s.fip + ((long) s.fcs << 4));
            int operand = (int) (s.fdp + ((long) s.fds << 4));
            INT.set(image, 12, instruction & 0xFFFF | 0xFFFF_0000);
            INT.set(image, 16, (instruction >>> 16) << 12 | s.fop & 0x7FF);
            INT.set(image, 20, operand & 0xFFFF | 0xFFFF_0000);
            INT.set(image, 24, (operand >>> 16) << 12);
        } else {
            INT.set(image, 12, (int) s.fip);
            INT.set(image, 16, (s.fop & 0x7FF) << 16 | s.fcs & 0xFFFF);
            INT.set(image, 20, (int) s.fdp);
            INT.set(image, 24, s.fds & 0xFFFF | 0xFFFF_0000);
        }
        return ENVIRONMENT;
    }

    private static int store16(FpuState s, byte[] image, boolean realFormat) {
        set16(image, 0, s.fcw);
        set16(image, 2, s.statusWord());
        set16(image, 4, s.fullTagWord());
        if (realFormat) {
            int instruction = (int) (s.fip + ((long) s.fcs << 4));
            int operand = (int) (s.fdp + ((long) s.fds << 4));
            set16(image, 6, instruction);
            set16(image, 8, (instruction >>> 16 & 0xF) << 12 | s.fop & 0x7FF);
            set16(image, 10, operand);
            set16(image, 12, (operand >>> 16 & 0xF) << 12);
        } else {
            set16(image, 6, (int) s.fip);
            set16(image, 8, s.fcs);
            set16(image, 10, (int) s.fdp);
            set16(image, 12, s.fds);
        }
        return ENVIRONMENT / 2;
    }

    private static void loadPointers32(FpuState s, byte[] image, boolean realFormat) {
        int selector = (int) INT.get(image, 16);
        if (realFormat) {
            s.fip = get16(image, 12) | (long) (selector >>> 12 & 0xFFFF) << 16;
            s.fdp = get16(image, 20) | (long) ((int) INT.get(image, 24) >>> 12 & 0xFFFF) << 16;
            s.fcs = 0;
            s.fds = 0;
            s.fop = selector & 0x7FF;
        } else {
            s.fip = (int) INT.get(image, 12) & 0xFFFF_FFFFL;
            s.fcs = selector & 0xFFFF;
            s.fop = selector >>> 16 & 0x7FF;
            s.fdp = (int) INT.get(image, 20) & 0xFFFF_FFFFL;
            s.fds = get16(image, 24);
        }
    }

    private static void loadPointers16(FpuState s, byte[] image, boolean realFormat) {
        s.fip = get16(image, 6);
        s.fdp = get16(image, 10);
        if (realFormat) {
            int selector = get16(image, 8);
            s.fip |= (long) (selector >>> 12) << 16;
            s.fdp |= (long) (get16(image, 12) >>> 12) << 16;
            s.fcs = 0;
            s.fds = 0;
            s.fop = selector & 0x7FF;
        } else {
            s.fcs = get16(image, 8);
            s.fds = get16(image, 12);
        }
    }

    /**
     * FXSAVE.
     *
     * @param wide the format with 64-bit pointers, that REX.W selects
     * @param mode64 64-bit mode: XMM8 to XMM15 are saved too
     * @return bytes written
     */
    public static int fxsave(FpuState s, byte[] image, boolean wide, boolean mode64) {
        set16(image, 0, s.fcw);
        set16(image, 2, s.statusWord());
        set16(image, 4, s.ftw);
        set16(image, 6, s.fop & 0x7FF);
        if (wide) {
            LONG.set(image, 8, s.fip);
            LONG.set(image, 16, s.fdp);
        } else {
            LONG.set(image, 8, s.fip & 0xFFFF_FFFFL | (s.fcs & 0xFFFFL) << 32);
            LONG.set(image, 16, s.fdp & 0xFFFF_FFFFL | (s.fds & 0xFFFFL) << 32);
        }
        INT.set(image, 24, s.mxcsr);
        INT.set(image, 28, FpuState.MXCSR_MASK);
        for (int i = 0; i < 8; i++) {
            int register = s.physical(i);
            LONG.set(image, 32 + 16 * i, s.significand[register]);
            LONG.set(image, 40 + 16 * i, (long) s.signExponent[register] & 0xFFFF);
        }
        int length = mode64 ? FXSAVE_64BIT_MODE : FXSAVE_OTHER_MODES;
        for (int offset = 160, i = 0; offset < length; offset += 8, i++) {
            LONG.set(image, offset, s.xmm[i]);
        }
        return length;
    }

    /**
     * FXRSTOR; parameters as of {@link #fxsave}.
     *
     * @return false when MXCSR in the image has a bit that does not exist: nothing is loaded, and the instruction is to
     *         raise #GP(0)
     */
    public static boolean fxrstor(FpuState s, byte[] image, boolean wide, boolean mode64) {
        int control = (int) INT.get(image, 24);
        if ((control & ~FpuState.MXCSR_MASK) != 0) {
            return false;
        }
        s.mxcsr = control;
        s.fcw = get16(image, 0) & FCW_WRITABLE | FCW_FIXED;
        s.setStatusWord(get16(image, 2));
        s.ftw = image[4] & 0xFF;
        s.fop = get16(image, 6) & 0x7FF;
        if (wide) {
            s.fip = (long) LONG.get(image, 8);
            s.fdp = (long) LONG.get(image, 16);
        } else {
            s.fip = (int) INT.get(image, 8) & 0xFFFF_FFFFL;
            s.fcs = get16(image, 12);
            s.fdp = (int) INT.get(image, 16) & 0xFFFF_FFFFL;
            s.fds = get16(image, 20);
        }
        for (int i = 0; i < 8; i++) {
            int register = s.physical(i);
            s.significand[register] = (long) LONG.get(image, 32 + 16 * i);
            s.signExponent[register] = get16(image, 40 + 16 * i);
        }
        int length = mode64 ? FXSAVE_64BIT_MODE : FXSAVE_OTHER_MODES;
        for (int offset = 160, i = 0; offset < length; offset += 8, i++) {
            s.xmm[i] = (long) LONG.get(image, offset);
        }
        return true;
    }

    /** LDMXCSR; false when the value has a bit that does not exist, and #GP(0) is to be raised. */
    public static boolean ldmxcsr(FpuState s, int value) {
        if ((value & ~FpuState.MXCSR_MASK) != 0) {
            return false;
        }
        s.mxcsr = value;
        return true;
    }

    private static int get16(byte[] image, int offset) {
        return (short) SHORT.get(image, offset) & 0xFFFF;
    }

    private static void set16(byte[] image, int offset, int value) {
        SHORT.set(image, offset, (short) value);
    }
}
