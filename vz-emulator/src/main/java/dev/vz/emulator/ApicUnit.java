package dev.vz.emulator;

import dev.vz.cpu.x86.Msr;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.InterruptUnit;
import dev.vz.emulator.fault.Vector;
import dev.vz.emulator.irq.LocalApic;

/** A local APIC as its processor sees it. */
final class ApicUnit implements InterruptUnit {

    private final Cpu cpu;
    private final LocalApic apic;

    ApicUnit(Cpu cpu, LocalApic apic) {
        this.cpu = cpu;
        this.apic = apic;
    }

    @Override
    public boolean isPending() {
        return apic.pending();
    }

    @Override
    public int acknowledge() {
        return apic.acknowledge();
    }

    @Override
    public long base() {
        return apic.base();
    }

    @Override
    public boolean setBase(long value) {
        return value >>> cpu.cpuid.physicalBits == 0 && apic.setBase(value);
    }

    @Override
    public long read(int offset, int size) {
        return apic.readPage(offset, size);
    }

    @Override
    public void write(int offset, int size, long value) {
        apic.writePage(offset, size, value);
    }

    @Override
    public boolean hasMsr(int index) {
        return index == Msr.TSC_DEADLINE || index >>> 8 == Msr.X2APIC_BASE >>> 8;
    }

    @Override
    public long readMsr(int index) {
        if (index == Msr.TSC_DEADLINE) {
            return apic.tscDeadline();
        }
        long value = apic.readMsr(index);
        if (value == Long.MIN_VALUE) {
            throw cpu.raise(Vector.GP);
        }
        return value;
    }

    @Override
    public boolean writeMsr(int index, long value) {
        if (index == Msr.TSC_DEADLINE) {
            apic.setTscDeadline(value);
            return true;
        }
        return apic.writeMsr(index, value);
    }

    @Override
    public int taskPriority() {
        return apic.cr8();
    }

    @Override
    public void setTaskPriority(int priority) {
        apic.setCr8(priority);
    }

    @Override
    public void reset(boolean power) {
        apic.reset();
        if (power) {
            apic.setBase(0xFEE0_0800L);
        }
    }
}
