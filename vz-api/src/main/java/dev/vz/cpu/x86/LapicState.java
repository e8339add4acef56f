package dev.vz.cpu.x86;

import dev.vz.error.ConfigurationException;
import java.util.Arrays;
import java.util.Objects;

/**
 * The register page of a local APIC: 1024 bytes, a 32-bit register every 16 bytes (Intel SDM 3A, table 11-1).
 *
 * <p>
 * In x2APIC mode the id register (0x20) holds all 32 bits of the id. Immutable.
 */
public final class LapicState {

    /** Bytes in the page that are registers. */
    public static final int SIZE = 1024;
    /** Local APIC id. */
    public static final int ID = 0x20;
    /** Task priority. */
    public static final int TPR = 0x80;
    /** Logical destination. */
    public static final int LDR = 0xD0;
    /** Destination format. */
    public static final int DFR = 0xE0;
    /** Spurious interrupt vector, and the software enable bit. */
    public static final int SVR = 0xF0;
    /** First of 8 in-service registers. */
    public static final int ISR = 0x100;
    /** First of 8 trigger mode registers. */
    public static final int TMR = 0x180;
    /** First of 8 interrupt request registers. */
    public static final int IRR = 0x200;
    /** Interrupt command, low half. */
    public static final int ICR = 0x300;
    /** Local vector table: timer. */
    public static final int LVT_TIMER = 0x320;
    /** Local vector table: LINT0. */
    public static final int LVT_LINT0 = 0x350;
    /** Local vector table: LINT1. */
    public static final int LVT_LINT1 = 0x360;
    /** Local vector table: error. */
    public static final int LVT_ERROR = 0x370;
    /** Timer initial count. */
    public static final int TIMER_INITIAL = 0x380;
    /** Timer current count. */
    public static final int TIMER_CURRENT = 0x390;
    /** Timer divide configuration. */
    public static final int TIMER_DIVIDE = 0x3E0;

    private final int[] registers;

    private LapicState(int[] registers) {
        this.registers = registers;
    }

    /** The page with these bytes: {@link #SIZE}, little-endian. */
    public static LapicState of(byte[] page) {
        if (page.length != SIZE) {
            throw new ConfigurationException("A local APIC page has " + SIZE + " bytes, got " + page.length);
        }
        var registers = new int[SIZE / 4];
        for (int i = 0; i < registers.length; i++) {
            registers[i] = page[4 * i] & 0xFF | (page[4 * i + 1] & 0xFF) << 8 | (page[4 * i + 2] & 0xFF) << 16
                    | page[4 * i + 3] << 24;
        }
        return new LapicState(registers);
    }

    /** The register at byte {@code offset}, a multiple of 4. */
    public int register(int offset) {
        return registers[index(offset)];
    }

    /** The same page with {@code value} at byte {@code offset}, a multiple of 4. */
    public LapicState with(int offset, int value) {
        int[] next = registers.clone();
        next[index(offset)] = value;
        return new LapicState(next);
    }

    private static int index(int offset) {
        if (offset % 4 != 0) {
            throw new ConfigurationException("A local APIC register is at a multiple of 4, not at " + offset);
        }
        return Objects.checkIndex(offset, SIZE) / 4;
    }

    /** The page as bytes. */
    public byte[] toByteArray() {
        var page = new byte[SIZE];
        for (int i = 0; i < registers.length; i++) {
            for (int b = 0; b < 4; b++) {
                page[4 * i + b] = (byte) (registers[i] >>> 8 * b);
            }
        }
        return page;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof LapicState state && Arrays.equals(registers, state.registers);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(registers);
    }

    @Override
    public String toString() {
        return String.format("LapicState[id=0x%x svr=0x%x tpr=0x%x]", register(ID), register(SVR), register(TPR));
    }
}
