package dev.vz.emulator.cpu;

import dev.vz.emulator.memory.DeviceAccess;
import dev.vz.emulator.memory.PhysicalMemory;

/** Sends accesses that meet no memory to the local APIC or to the world outside, and writes over code to the block cache. */
final class MemoryEvents implements DeviceAccess {

    private final Cpu c;

    MemoryEvents(Cpu c) {
        this.c = c;
    }

    @Override
    public long deviceRead(long gpa, int size) {
        if ((gpa & PhysicalMemory.PAGE_MASK) == c.mmu.apicPage) {
            return c.outside.interrupts().read((int) gpa & 0xFFF, size);
        }
        return c.outside.mmioRead(gpa, size);
    }

    @Override
    public void deviceWrite(long gpa, int size, long value) {
        if ((gpa & PhysicalMemory.PAGE_MASK) == c.mmu.apicPage) {
            c.outside.interrupts().write((int) gpa & 0xFFF, size, value);
        } else {
            c.outside.mmioWrite(gpa, size, value);
        }
    }

    @Override
    public void codeWrite(long gpa, int size) {
        c.blocks.codeWrite(gpa, size);
    }

    @Override
    public void writeBesideCode(long gpa, int size) {
        c.blocks.writeBesideCode(gpa, size);
    }
}
