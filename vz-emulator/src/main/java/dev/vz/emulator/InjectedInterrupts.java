package dev.vz.emulator;

import dev.vz.emulator.cpu.InterruptUnit;

/** What a processor without a local APIC has: one interrupt at a time, which the caller of {@code run} injects. */
final class InjectedInterrupts implements InterruptUnit {

    private static final long RESET_BASE = 0xFEE0_0900L;

    private volatile int vector = -1;
    private long base = RESET_BASE;
    private int priority;

    /** The vector that waits, or -1. */
    int waiting() {
        return vector;
    }

    void inject(int value) {
        vector = value;
    }

    @Override
    public boolean isPending() {
        return vector >= 0;
    }

    @Override
    public int acknowledge() {
        int taken = vector;
        vector = -1;
        return taken;
    }

    @Override
    public long base() {
        return base;
    }

    @Override
    public boolean setBase(long value) {
        base = value;
        return true;
    }

    @Override
    public long read(int offset, int size) {
        return 0;
    }

    @Override
    public void write(int offset, int size, long value) {
        // The register page is not there: Cpu.apicMoved never maps it.
    }

    @Override
    public boolean hasMsr(int index) {
        return false;
    }

    @Override
    public long readMsr(int index) {
        throw new IllegalStateException("There is no MSR 0x" + Integer.toHexString(index) + " here");
    }

    @Override
    public boolean writeMsr(int index, long value) {
        return false;
    }

    @Override
    public int taskPriority() {
        return priority;
    }

    @Override
    public void setTaskPriority(int value) {
        priority = value;
    }

    @Override
    public void reset(boolean power) {
        vector = -1;
        base = RESET_BASE;
        priority = 0;
    }
}
