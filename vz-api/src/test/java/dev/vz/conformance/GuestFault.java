package dev.vz.conformance;

/**
 * What an exception left on the guest's stack.
 *
 * @param vector    0 to 255
 * @param errorCode 0 for vectors without one
 * @param ip        offset of the instruction that was interrupted
 * @param cs        its code segment
 * @param flags     the flags then
 * @param cr2       CR2 at the end of the run
 */
public record GuestFault(int vector, long errorCode, long ip, int cs, long flags, long cr2) {

    /** Divide error. */
    public static final int DE = 0;
    /** Debug. */
    public static final int DB = 1;
    /** Non-maskable interrupt. */
    public static final int NMI = 2;
    /** Breakpoint. */
    public static final int BP = 3;
    /** Invalid opcode. */
    public static final int UD = 6;
    /** Double fault. */
    public static final int DF = 8;
    /** Segment not present. */
    public static final int NP = 11;
    /** Stack segment fault. */
    public static final int SS = 12;
    /** General protection. */
    public static final int GP = 13;
    /** Page fault. */
    public static final int PF = 14;

    /** Whether the processor pushes an error code for {@code vector} (Intel SDM 3A, table 6-1). */
    static boolean hasErrorCode(int vector) {
        return vector == DF || vector >= 10 && vector <= PF || vector == 17 || vector == 21;
    }
}
