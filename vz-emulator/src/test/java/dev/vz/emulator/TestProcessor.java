package dev.vz.emulator;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Interpreter;
import dev.vz.emulator.cpu.InterruptUnit;
import dev.vz.emulator.cpu.Modes;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.cpu.Surroundings;
import dev.vz.emulator.memory.PhysicalMemory;
import dev.vz.emulator.operation.Operations;
import dev.vz.memory.GuestMemory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One processor with memory and nothing else, for tests: port writes are recorded, port reads are scripted. */
public final class TestProcessor implements Surroundings, InterruptUnit, AutoCloseable {

    /** Where {@link #longMode} puts its page tables. */
    public static final long TABLES = 0x10_0000;

    /** One access from inside. */
    public record Access(long address, int size, long value) {}

    public final GuestMemory memory;
    public final Cpu cpu;
    public final Interpreter interpreter;
    public final List<Access> portWrites = new ArrayList<>();
    public final List<Access> mmioWrites = new ArrayList<>();
    public final Deque<Long> portReads = new ArrayDeque<>();
    public final Deque<Integer> interrupts = new ArrayDeque<>();
    public long ticks;
    /** Sees the port writes in the place of {@link #portWrites}. */
    public @Nullable Consumer<Access> portListener;
    /** Happens right after the processor has looked for interrupts and found none. */
    public Runnable behindLook = () -> {};
    private int priority;

    /** A processor after power-on with {@code bytes} of memory at address 0. */
    public TestProcessor(long bytes) {
        memory = GuestMemory.ofSize(bytes);
        cpu = new Cpu(new PhysicalMemory(memory), this, Operations.instance());
        interpreter = new Interpreter(cpu);
    }

    /** Puts the processor into 64-bit mode at {@code rip}, with the first 4 GiB mapped one to one for everybody. */
    public TestProcessor longMode(long rip, int cpl) {
        long top = TABLES;
        memory.writeLong(top, top + 0x1000 | 7);
        for (int i = 0; i < 4; i++) {
            memory.writeLong(top + 0x1000 + 8 * i, top + 0x2000 + 0x1000L * i | 7);
            for (int j = 0; j < 512; j++) {
                memory.writeLong(top + 0x2000 + 0x1000L * i + 8 * j, ((long) i << 30 | (long) j << 21) | 0x87);
            }
        }
        Cpu c = cpu;
        c.cr3 = top;
        c.cr4 = Modes.CR4_PAE | Modes.CR4_PGE | Modes.CR4_OSFXSR | Modes.CR4_OSXMMEXCPT;
        c.efer = Modes.EFER_SCE | Modes.EFER_LME | Modes.EFER_LMA | Modes.EFER_NXE;
        c.cr0 = Modes.CR0_PE | Modes.CR0_MP | Modes.CR0_ET | Modes.CR0_NE | Modes.CR0_WP | Modes.CR0_AM | Modes.CR0_PG;
        c.cpl = cpl;
        for (int i = Segments.ES; i <= Segments.GS; i++) {
            c.segmentSelector[i] = i == Segments.CS ? 8 | cpl : 0x10 | cpl;
            c.segmentBase[i] = 0;
            c.segmentLimit[i] = -1;
            c.segmentAttributes[i] = Segments.G | Segments.P | Segments.S | cpl << 5
                    | (i == Segments.CS ? Segments.L | 0xB : Segments.D | 3);
        }
        c.rip = rip;
        c.mmu.flushAll();
        Modes.control(c);
        return this;
    }

    /** Runs until HLT; fails on anything else. */
    public void runToHalt() {
        Interpreter.Reason reason = interpreter.run();
        if (reason != Interpreter.Reason.HALTED) {
            throw new AssertionError("The processor stopped with " + reason + " at rip 0x" + Long.toHexString(cpu.rip));
        }
        cpu.halted = false;
    }

    @Override
    public long portRead(int port, int size) {
        Long value = portReads.poll();
        return value == null ? 0 : value;
    }

    @Override
    public void portWrite(int port, int size, long value) {
        var access = new Access(port, size, value);
        Consumer<Access> listener = portListener;
        if (listener != null) {
            listener.accept(access);
        } else {
            portWrites.add(access);
        }
    }

    @Override
    public long mmioRead(long gpa, int size) {
        return 0;
    }

    @Override
    public void mmioWrite(long gpa, int size, long value) {
        mmioWrites.add(new Access(gpa, size, value));
    }

    @Override
    public long timeStamp() {
        return ticks;
    }

    @Override
    public void setTimeStamp(long value) {
        ticks = value;
    }

    @Override
    public void serveRequests() {}

    @Override
    public InterruptUnit interrupts() {
        return this;
    }

    @Override
    public long random() {
        return 0x0123_4567_89AB_CDEFL;
    }

    @Override
    public void lockBus() {}

    @Override
    public void unlockBus() {}

    @Override
    public void codeWrite(long gpa, int size) {}

    @Override
    public void codePage(long gpa, long host) {}

    @Override
    public long hypercall(Cpu c) {
        return -1000;
    }

    @Override
    public boolean readUnknownMsr(Cpu c, int index) {
        return false;
    }

    @Override
    public boolean writeUnknownMsr(Cpu c, int index, long value) {
        return false;
    }

    @Override
    public boolean isPending() {
        boolean pending = !interrupts.isEmpty();
        if (!pending) {
            behindLook.run();
        }
        return pending;
    }

    @Override
    public int acknowledge() {
        Integer vector = interrupts.poll();
        return vector == null ? -1 : vector;
    }

    @Override
    public long base() {
        return 0;
    }

    @Override
    public boolean setBase(long value) {
        return false;
    }

    @Override
    public long read(int offset, int size) {
        return 0;
    }

    @Override
    public void write(int offset, int size, long value) {}

    @Override
    public boolean hasMsr(int index) {
        return false;
    }

    @Override
    public long readMsr(int index) {
        return 0;
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
    public void reset(boolean power) {}

    @Override
    public void close() {
        memory.close();
    }
}
