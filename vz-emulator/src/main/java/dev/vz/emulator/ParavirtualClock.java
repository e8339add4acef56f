package dev.vz.emulator;

import dev.vz.cpu.x86.Msr;
import dev.vz.emulator.clock.Tsc;
import dev.vz.memory.GuestMemory;

/**
 * kvmclock: a structure in guest memory from which the guest computes the time out of its time stamp counter (Linux,
 * Documentation/virt/kvm/x86/msr.rst). Belongs to one processor.
 */
final class ParavirtualClock {

    private static final int ENABLED = 1;
    private static final int STABLE = 1;
    private static final int SYSTEM_SIZE = 32;
    private static final int WALL_SIZE = 12;

    private final EmulatedMachine machine;
    private final Tsc tsc;
    private long systemTime;
    private long wallClock;
    private int version;

    ParavirtualClock(EmulatedMachine machine, Tsc tsc) {
        this.machine = machine;
        this.tsc = tsc;
    }

    boolean hasMsr(int index) {
        return index == Msr.KVM_SYSTEM_TIME || index == Msr.KVM_WALL_CLOCK;
    }

    long read(int index) {
        return index == Msr.KVM_SYSTEM_TIME ? systemTime : wallClock;
    }

    void write(int index, long value) {
        if (index == Msr.KVM_SYSTEM_TIME) {
            systemTime = value;
            update();
        } else {
            wallClock = value;
            writeWallClock();
        }
    }

    void reset() {
        systemTime = 0;
        wallClock = 0;
    }

    /** Writes the structure anew: after it was enabled, and when the clock has jumped. */
    void update() {
        long address = systemTime & -4L;
        GuestMemory memory = machine.memory();
        if ((systemTime & ENABLED) == 0 || !memory.contains(address, SYSTEM_SIZE)) {
            return;
        }
        // nanoseconds = (ticks << shift) * multiplier >> 32; the multiplier is kept in the upper half of its range.
        long khz = tsc.kilohertz();
        int shift = 0;
        double nanosPerTick = 1_000_000.0 / khz;
        while (nanosPerTick >= 1) {
            nanosPerTick /= 2;
            shift++;
        }
        while (nanosPerTick < 0.5) {
            nanosPerTick *= 2;
            shift--;
        }
        version += 2;
        // Both from one reading: the clocks of all processors must agree to the nanosecond.
        long now = machine.clock().nanos();
        memory.writeInt(address, version - 1);
        memory.writeLong(address + 8, tsc.readAt(now));
        memory.writeLong(address + 16, machine.clockNanosAt(now));
        memory.writeInt(address + 24, (int) (long) (nanosPerTick * 0x1_0000_0000L));
        memory.writeByte(address + 28, (byte) shift);
        memory.writeByte(address + 29, (byte) STABLE);
        memory.writeInt(address, version);
    }

    private void writeWallClock() {
        long address = wallClock;
        GuestMemory memory = machine.memory();
        if (!memory.contains(address, WALL_SIZE)) {
            return;
        }
        // The time of day when the guest's clock read zero.
        long millis = System.currentTimeMillis() - machine.clockNanos() / 1_000_000;
        memory.writeInt(address, 1);
        memory.writeInt(address + 4, (int) Math.floorDiv(millis, 1000L));
        memory.writeInt(address + 8, (int) Math.floorMod(millis, 1000L) * 1_000_000);
        memory.writeInt(address, 2);
    }
}
