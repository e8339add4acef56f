package dev.vz.emulator.cpu;

/** The sixteen conditions of Jcc, SETcc and CMOVcc. */
public final class Condition {

    private Condition() {}

    /** Whether condition {@code code} (the low four opcode bits) holds. */
    public static boolean holds(Cpu c, int code) {
        return switch (code) {
            case 0 -> overflow(c);
            case 1 -> !overflow(c);
            case 2 -> c.flagCarry < 0;
            case 3 -> c.flagCarry >= 0;
            case 4 -> c.flagZero == 0;
            case 5 -> c.flagZero != 0;
            case 6 -> c.flagCarry < 0 || c.flagZero == 0;
            case 7 -> c.flagCarry >= 0 && c.flagZero != 0;
            case 8 -> c.flagSign < 0;
            case 9 -> c.flagSign >= 0;
            case 10 -> Flags.parity(c.flagSign);
            case 11 -> !Flags.parity(c.flagSign);
            case 12 -> less(c);
            case 13 -> !less(c);
            case 14 -> c.flagZero == 0 || less(c);
            default -> c.flagZero != 0 && !less(c);
        };
    }

    private static boolean overflow(Cpu c) {
        long v = c.flagCarry;
        return (v ^ v << 1) < 0;
    }

    private static boolean less(Cpu c) {
        long v = c.flagCarry;
        return (c.flagSign ^ v ^ v << 1) < 0;
    }
}
