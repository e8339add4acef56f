package dev.vz.emulator.cpu;

import dev.vz.emulator.fault.Vector;
import dev.vz.emulator.memory.Mmu;

/**
 * Debug registers: breakpoints on instructions, data and ports (Intel SDM volume 3B, chapter 17), and alignment checks,
 * which also have to see every data access.
 */
public final class DebugUnit implements Mmu.AccessWatch {

    private static final int EXECUTE = 0;
    private static final int WRITE = 1;
    private static final int PORT = 2;

    private final Cpu c;
    private boolean alignment;
    private boolean data;
    private boolean code;
    private boolean ports;

    DebugUnit(Cpu c) {
        this.c = c;
    }

    private boolean enabled(int i) {
        return (c.dr[7] >> 2 * i & 3) != 0;
    }

    private int kind(int i) {
        return (int) (c.dr[7] >> 16 + 4 * i) & 3;
    }

    private int length(int i) {
        int code = (int) (c.dr[7] >> 18 + 4 * i) & 3;
        return code == 2 ? 8 : code + 1;
    }

    /** To be called when DR7 or an address register has changed. */
    public void changed() {
        data = false;
        code = false;
        ports = false;
        for (int i = 0; i < 4; i++) {
            if (enabled(i)) {
                code |= kind(i) == EXECUTE;
                ports |= kind(i) == PORT;
                data |= kind(i) != EXECUTE && kind(i) != PORT;
            }
        }
        if (watches()) {
            c.attend(Cpu.ATTEND_STEP);
        }
        watch(alignment);
    }

    /** Turns alignment checks on or off. */
    void watch(boolean check) {
        alignment = check;
        boolean watching = alignment || data;
        if (watching != c.mmu.watching) {
            c.mmu.watching = watching;
            if (watching) {
                c.mmu.flushAll();
            }
        }
    }

    /** Whether breakpoints are set: then instructions are executed one at a time. */
    public boolean watches() {
        return code || data || ports;
    }

    /** Whether breakpoints on instructions are set. */
    boolean watchesCode() {
        return code;
    }

    /** The DR6 bits of the instruction breakpoints at {@code linear}. */
    long codeHits(long linear) {
        long hits = 0;
        boolean any = false;
        for (int i = 0; i < 4; i++) {
            if (kind(i) == EXECUTE && c.dr[i] == linear) {
                hits |= 1L << i;
                any |= enabled(i);
            }
        }
        return any ? hits : 0;
    }

    @Override
    public void access(long linear, int size, boolean write, boolean userMode) {
        if (alignment && userMode && (linear & size - 1) != 0) {
            throw c.raise(Vector.AC);
        }
        if (data) {
            long hits = 0;
            boolean any = false;
            for (int i = 0; i < 4; i++) {
                int kind = kind(i);
                boolean wanted = kind == 3 || kind == WRITE && write;
                long start = c.dr[i] & -length(i);
                if (wanted && linear < start + length(i) && linear + size > start) {
                    hits |= 1L << i;
                    any |= enabled(i);
                }
            }
            if (any) {
                c.pendingDebug |= hits;
                c.attend(Cpu.ATTEND_STEP);
            }
        }
    }

    /** Looks at a port access; hits are raised after the instruction. */
    public void port(int port, int size) {
        if (!ports || (c.cr4 & Modes.CR4_DE) == 0) {
            return;
        }
        for (int i = 0; i < 4; i++) {
            if (enabled(i) && kind(i) == PORT && port < c.dr[i] + length(i) && port + size > c.dr[i]) {
                c.pendingDebug |= 1L << i;
                c.attend(Cpu.ATTEND_STEP);
            }
        }
    }
}
