package dev.vz.emulator.cpu;

import dev.vz.emulator.fault.Vector;
import dev.vz.emulator.fpu.X87Control;

/** Whether x87, MMX and SSE instructions may run (Intel SDM volume 3A, section 2.5, and tables 2-2 and 13-1). */
public final class VectorUnit {

    private VectorUnit() {}

    /** To be called when CR0 or CR4 has changed. */
    public static void update(Cpu c) {
        c.vectorsOff = (c.cr0 & (Modes.CR0_EM | Modes.CR0_TS)) != 0 || (c.cr4 & Modes.CR4_OSFXSR) == 0;
    }

    /** Before an SSE instruction. */
    public static void sse(Cpu c) {
        if (c.vectorsOff) {
            throw c.raise((c.cr0 & Modes.CR0_EM) != 0 || (c.cr4 & Modes.CR4_OSFXSR) == 0 ? Vector.UD : Vector.NM);
        }
    }

    /** Before an MMX instruction. */
    public static void mmx(Cpu c) {
        if ((c.cr0 & (Modes.CR0_EM | Modes.CR0_TS)) != 0) {
            throw c.raise((c.cr0 & Modes.CR0_EM) != 0 ? Vector.UD : Vector.NM);
        }
        pending(c);
    }

    /** Before an x87 instruction. */
    public static void x87(Cpu c) {
        if ((c.cr0 & (Modes.CR0_EM | Modes.CR0_TS)) != 0) {
            throw c.raise(Vector.NM);
        }
    }

    /** Before a waiting x87 instruction, and FWAIT: reports an exception that is pending. */
    public static void pending(Cpu c) {
        if (c.fpu.hasPendingException() && (c.cr0 & Modes.CR0_NE) != 0) {
            throw c.raise(Vector.MF);
        }
    }

    /** MMi. */
    public static long mm(Cpu c, int i) {
        return c.fpu.significand[i];
    }

    /** Writes MMi, as every MMX instruction that has a result does. */
    public static void setMm(Cpu c, int i, long value) {
        X87Control.enterMmx(c.fpu);
        X87Control.setMm(c.fpu, i, value);
    }
}
