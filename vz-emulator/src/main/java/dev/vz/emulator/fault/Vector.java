package dev.vz.emulator.fault;

/** Exception vectors (Intel SDM volume 3A, table 6-1). */
public final class Vector {

    /** Divide error. */
    public static final int DE = 0;
    /** Debug. */
    public static final int DB = 1;
    /** Non-maskable interrupt. */
    public static final int NMI = 2;
    /** Breakpoint. */
    public static final int BP = 3;
    /** Overflow. */
    public static final int OF = 4;
    /** Bound range exceeded. */
    public static final int BR = 5;
    /** Invalid opcode. */
    public static final int UD = 6;
    /** Device (x87, SSE) not available. */
    public static final int NM = 7;
    /** Double fault. */
    public static final int DF = 8;
    /** Invalid task state segment. */
    public static final int TS = 10;
    /** Segment not present. */
    public static final int NP = 11;
    /** Stack segment fault. */
    public static final int SS = 12;
    /** General protection. */
    public static final int GP = 13;
    /** Page fault. */
    public static final int PF = 14;
    /** x87 floating-point error. */
    public static final int MF = 16;
    /** Alignment check. */
    public static final int AC = 17;
    /** Machine check. */
    public static final int MC = 18;
    /** SIMD floating-point exception. */
    public static final int XM = 19;

    private Vector() {}

    /** Whether the exception pushes an error code. */
    public static boolean hasErrorCode(int vector) {
        return vector == DF || vector >= TS && vector <= PF || vector == AC;
    }

    /** Whether two of these in a row make a double fault (SDM volume 3A, table 6-5). */
    public static boolean isContributory(int vector) {
        return vector == DE || vector >= TS && vector <= GP;
    }
}
