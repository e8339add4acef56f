package dev.vz.emulator.cpu;

import static dev.vz.emulator.cpu.Segments.*;

import java.util.Arrays;

/** The state after power-on and after INIT (Intel SDM volume 3A, table 9-1). */
public final class Reset {

    private Reset() {}

    /** Power-on. */
    public static void powerOn(Cpu c) {
        init(c);
        c.cr0 = Modes.CR0_ET | Modes.CR0_NW | Modes.CR0_CD;
        c.fpu.reset();
        c.msrs.reset();
        Modes.control(c);
    }

    /** INIT: like power-on, but floating-point registers and most MSRs stay. */
    public static void init(Cpu c) {
        Arrays.fill(c.gpr, 0);
        c.gpr[2] = c.cpuid.signature;
        Flags.setArithmetic(c, 0);
        c.flags = 0;
        c.rip = 0xFFF0;
        c.cpl = 0;
        c.cr0 = Modes.CR0_ET | c.cr0 & (Modes.CR0_NW | Modes.CR0_CD);
        c.cr2 = 0;
        c.cr3 = 0;
        c.cr4 = 0;
        c.efer = 0;
        for (int i = ES; i <= GS; i++) {
            segment(c, i, 0, 0, i == CS ? 0x9B : 0x93);
        }
        segment(c, CS, 0xF000, 0xFFFF_0000L, 0x9B);
        segment(c, LDTR, 0, 0, 0x82);
        segment(c, TR, 0, 0, 0x8B);
        c.gdtBase = 0;
        c.gdtLimit = 0xFFFF;
        c.idtBase = 0;
        c.idtLimit = 0xFFFF;
        Arrays.fill(c.dr, 0);
        c.dr[6] = 0xFFFF_0FF0L;
        c.dr[7] = 0x400;
        c.shadow = 0;
        c.nmiBlocked = false;
        c.pkru = 0;
        c.halted = false;
        c.pendingDebug = 0;
        c.debug.changed();
        c.mmu.flushAll();
        Modes.control(c);
    }

    private static void segment(Cpu c, int segment, int selector, long base, int attributes) {
        c.segmentSelector[segment] = selector;
        c.segmentBase[segment] = base;
        c.segmentLimit[segment] = 0xFFFF;
        c.segmentAttributes[segment] = attributes;
    }
}
