package dev.vz.emulator.cpu;

import dev.vz.emulator.fault.Fault;
import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.memory.HostMemory;
import dev.vz.emulator.memory.Mmu;
import dev.vz.emulator.memory.PhysicalMemory;
import dev.vz.emulator.memory.Tlb;
import org.jspecify.annotations.Nullable;

/**
 * The state of one virtual CPU, and its fast ways to memory and to the next block.
 *
 * <p>
 * The fields are public: instructions, the interpreter and translated code work on them directly. They belong to the thread
 * that runs the virtual CPU; only {@link #attention} is touched by others.
 */
public final class Cpu {

    /** {@link #gpr}: a register that always is zero, for addresses without base or index. */
    public static final int ZERO = 16;

    /** RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15, and {@link #ZERO}. */
    public final long[] gpr = new long[17];
    /** ZF is set if this is zero. */
    public long flagZero = 1;
    /** SF is the highest bit; PF is the parity of the low byte. */
    public long flagSign = 1;
    /** CF is bit 63; OF is bit 63 exclusive-or bit 62; AF is bit 3. */
    public long flagCarry;
    /** The bits of RFLAGS that arithmetic does not set. */
    public int flags;
    /** Where to go on. Up to date between blocks, not inside one. */
    public long rip;

    /** TLB entries for loads at the present privilege. */
    public long[] readTlb;
    /** TLB entries for stores at the present privilege. */
    public long[] writeTlb;
    /** What a block must have been found under to be entered without looking: {@link Mmu#codeEpoch(boolean)} and the mode. */
    public long stamp;
    /** Blocks by hashed instruction pointer. */
    public final @Nullable Block[] recent = new Block[RECENT];
    /** Reasons to leave the chain of blocks; the {@code ATTEND_} bits. */
    public volatile int attention;

    /**
     * Number of slots in {@link #recent}. What a kernel does for a request to a disk is some thousand blocks; with 16,384 slots
     * so many of them pushed each other out that looking them up took half of the time.
     */
    private static final int RECENT = 1 << 16;

    /** Current privilege level. */
    public int cpl;
    /** 16, 32 or 64. */
    public int codeSize = 16;
    /** EFER.LMA. */
    public boolean longMode;
    /** CR0.PE and not EFLAGS.VM. */
    public boolean protectedMode;
    /** Vector instructions fault before they do anything; see {@link VectorUnit}. */
    public boolean vectorsOff = true;
    /** For images of floating-point state on their way to or from memory. */
    public final byte[] image = new byte[512];
    /** The bits of RSP that the stack uses. */
    public long stackMask = 0xFFFF;

    /** Bases of ES, CS, SS, DS, FS, GS, LDTR, TR. */
    public final long[] segmentBase = new long[8];
    /** Limits, unsigned. */
    public final int[] segmentLimit = new int[8];
    /** Attributes, see {@link Segments}. */
    public final int[] segmentAttributes = new int[8];
    /** Selectors. */
    public final int[] segmentSelector = new int[8];
    /** For each segment: bit 0 if any offset can be read without a check, bit 1 if written. */
    public final int[] segmentFlat = new int[8];

    /** CR0. */
    public long cr0;
    /** CR2. */
    public long cr2;
    /** CR3. */
    public long cr3;
    /** CR4. */
    public long cr4;
    /** EFER. */
    public long efer;
    /** PKRU: the rights of protection keys in user mode's pages. */
    public int pkru;
    /** DR0 to DR3, DR6, DR7 (at their numbers). */
    public final long[] dr = new long[8];
    /** GDTR and IDTR. */
    public long gdtBase;
    /** GDTR limit. */
    public int gdtLimit = 0xFFFF;
    /** IDTR base. */
    public long idtBase;
    /** IDTR limit. */
    public int idtLimit = 0xFFFF;

    /** The floating-point and vector registers. */
    public final FpuState fpu = new FpuState();
    /** The exception that is thrown. */
    public final Fault fault = new Fault();
    /** Memory management. */
    public final Mmu mmu;
    /** What is around the processor. */
    public final Surroundings outside;
    /** Model-specific registers without a field here. */
    public final MsrFile msrs = new MsrFile(this);
    /** What CPUID says. */
    public CpuidTable cpuid = CpuidTable.standard();

    /** The decoded code. */
    public final BlockCache blocks;

    /** Who translates hot blocks; {@code null} if all code is interpreted. */
    public @Nullable Translator translator;

    /** Breakpoints. */
    public final DebugUnit debug;
    /** Task state segments. */
    public final Tasks tasks = new Tasks(this);
    /** Far jumps, calls and returns. */
    public final FarTransfer far = new FarTransfer(this);
    /** IRET. */
    public final InterruptReturn interruptReturn = new InterruptReturn(this);
    /** Exceptions and interrupts. */
    public final Delivery delivery = new Delivery(this);

    /** Whether no other processor can see this machine's memory: locked operations need no lock. */
    public boolean alone = true;
    /** One instruction at a time is executed, from blocks of their own. */
    public boolean stepping;
    /** The step just made ended in an exception. */
    boolean faulted;
    /** The step just made was an instruction after which TF raises nothing: it has changed the flow by itself. */
    public boolean untraced;
    /** Non-maskable interrupts that have arrived and were not looked at. Any thread adds to it, with {@link #nmi}. */
    private volatile int nmiArrived;
    /** Non-maskable interrupts that wait: two at the most, and one while another one is being handled. */
    public int nmiPending;
    /** Whoever runs the processor wants to know when an external interrupt could be delivered. */
    public boolean windowWanted;
    /** What comes before the next instruction. */
    public final InFlight inFlight = new InFlight();
    /** The vector (1 or 3) and DR6 bits of a stop that the host has asked for. */
    public int hostStop;
    /** The DR6 bits of that stop. */
    public long hostHits;
    /** What {@link Surroundings#readUnknownMsr} answered. */
    public long outsideValue;
    /** Interrupts are held off for the next instruction: 1 after MOV SS, 2 after STI. */
    public int shadow;
    /** NMI is blocked until IRET. */
    public boolean nmiBlocked;
    /** Waiting for an interrupt. */
    public boolean halted;
    /** Debug exceptions (DR6 bits) to be raised after this instruction. */
    public long pendingDebug;

    /** Attention: {@code kick} was called. */
    public static final int ATTEND_KICK = 1;
    /** Attention: an interrupt may have become deliverable. */
    public static final int ATTEND_INTERRUPT = 2;
    /** Attention: code has to be executed one instruction at a time. */
    public static final int ATTEND_STEP = 4;
    /** Attention: another thread has left requests. */
    public static final int ATTEND_REQUEST = 8;
    /** Attention: a breakpoint of the host was met. */
    public static final int ATTEND_BREAKPOINT = 32;
    /** Attention: INIT or start-up arrived. */
    public static final int ATTEND_EVENT = 16;
    /** Attention: a translation is ready. */
    public static final int ATTEND_TRANSLATION = 64;

    /** Makes a processor in its state after reset. */
    public Cpu(PhysicalMemory memory, Surroundings outside, OpSource source) {
        this.outside = outside;
        fpu.simdException = new UnmaskedSimd();
        debug = new DebugUnit(this);
        mmu = new Mmu(memory, fault, new MemoryEvents(this), debug);
        readTlb = mmu.supervisorRead.entries;
        writeTlb = mmu.supervisorWrite.entries;
        blocks = new BlockCache(this, source);
        mmu.walker.gigabytePages = cpuid.gigabytePages;
        mmu.walker.setPhysicalBits(cpuid.physicalBits);
        Reset.powerOn(this);
    }

    /** Becomes an exception without error code, or with 0. */
    public Fault raise(int vector) {
        return fault.raise(vector, 0);
    }

    /** Becomes an exception with an error code. */
    public Fault raise(int vector, int errorCode) {
        return fault.raise(vector, errorCode);
    }

    /** Sets what CPUID says. */
    public void setCpuid(CpuidTable table) {
        cpuid = table;
        mmu.walker.gigabytePages = table.gigabytePages;
        mmu.walker.setPhysicalBits(table.physicalBits);
        mmu.flushAll();
        Modes.stamp(this);
    }

    /** Regions of memory came or went: nothing that is remembered of them is true any more. */
    public void memoryChanged() {
        blocks.clear();
        mmu.flushAll();
        Modes.stamp(this);
    }

    // ---- memory at linear addresses, at the present privilege

    /** One byte, zero-extended. */
    public int readByte(long linear) {
        long[] tlb = readTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        return tlb[i] == (linear & PhysicalMemory.PAGE_MASK) ? HostMemory.readByte(linear + tlb[i + 1])
                : (int) mmu.read(linear, 1, cpl == 3);
    }

    /** Two bytes, zero-extended. */
    public int readShort(long linear) {
        long[] tlb = readTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        return tlb[i] == (linear + 1 & PhysicalMemory.PAGE_MASK) ? HostMemory.readShort(linear + tlb[i + 1])
                : (int) mmu.read(linear, 2, cpl == 3);
    }

    /** Four bytes. */
    public int readInt(long linear) {
        long[] tlb = readTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        return tlb[i] == (linear + 3 & PhysicalMemory.PAGE_MASK) ? HostMemory.readInt(linear + tlb[i + 1])
                : (int) mmu.read(linear, 4, cpl == 3);
    }

    /** Eight bytes. */
    public long readLong(long linear) {
        long[] tlb = readTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        return tlb[i] == (linear + 7 & PhysicalMemory.PAGE_MASK) ? HostMemory.readLong(linear + tlb[i + 1])
                : mmu.read(linear, 8, cpl == 3);
    }

    /** Stores one byte. */
    public void writeByte(long linear, int value) {
        long[] tlb = writeTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        if (tlb[i] == (linear & PhysicalMemory.PAGE_MASK)) {
            HostMemory.writeByte(linear + tlb[i + 1], value);
        } else {
            mmu.write(linear, 1, value & 0xFF, cpl == 3);
        }
    }

    /** Stores two bytes. */
    public void writeShort(long linear, int value) {
        long[] tlb = writeTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        if (tlb[i] == (linear + 1 & PhysicalMemory.PAGE_MASK)) {
            HostMemory.writeShort(linear + tlb[i + 1], value);
        } else {
            mmu.write(linear, 2, value & 0xFFFF, cpl == 3);
        }
    }

    /** Stores four bytes. */
    public void writeInt(long linear, int value) {
        long[] tlb = writeTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        if (tlb[i] == (linear + 3 & PhysicalMemory.PAGE_MASK)) {
            HostMemory.writeInt(linear + tlb[i + 1], value);
        } else {
            mmu.write(linear, 4, value & 0xFFFF_FFFFL, cpl == 3);
        }
    }

    /** Stores eight bytes. */
    public void writeLong(long linear, long value) {
        long[] tlb = writeTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        if (tlb[i] == (linear + 7 & PhysicalMemory.PAGE_MASK)) {
            HostMemory.writeLong(linear + tlb[i + 1], value);
        } else {
            mmu.write(linear, 8, value, cpl == 3);
        }
    }

    /** The host address of {@code size} bytes that can be written without further ado; 0 if {@link #write} has to be asked. */
    public long writeHost(long linear, int size) {
        long[] tlb = writeTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        return tlb[i] == (linear + size - 1 & PhysicalMemory.PAGE_MASK) ? linear + tlb[i + 1] : 0;
    }

    /** The host address of {@code size} bytes that can be read without further ado; 0 if {@link #read} has to be asked. */
    public long readHost(long linear, int size) {
        long[] tlb = readTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        return tlb[i] == (linear + size - 1 & PhysicalMemory.PAGE_MASK) ? linear + tlb[i + 1] : 0;
    }

    /** What is at {@code linear} and will be written there: 1, 2, 4 or 8 bytes, zero-extended. Faults as the write would. */
    public long readForWrite(long linear, int size) {
        long[] tlb = writeTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        if (tlb[i] != (linear + size - 1 & PhysicalMemory.PAGE_MASK)) {
            return mmu.readForWrite(linear, size, cpl == 3);
        }
        long host = linear + tlb[i + 1];
        return switch (size) {
            case 1 -> HostMemory.readByte(host);
            case 2 -> HostMemory.readShort(host);
            case 4 -> HostMemory.readInt(host) & 0xFFFF_FFFFL;
            default -> HostMemory.readLong(host);
        };
    }

    /** 1, 2, 4 or 8 bytes, zero-extended. */
    public long read(long linear, int size) {
        return switch (size) {
            case 1 -> readByte(linear);
            case 2 -> readShort(linear);
            case 4 -> readInt(linear) & 0xFFFF_FFFFL;
            default -> readLong(linear);
        };
    }

    /** Stores 1, 2, 4 or 8 bytes. */
    public void write(long linear, int size, long value) {
        switch (size) {
            case 1 -> writeByte(linear, (int) value);
            case 2 -> writeShort(linear, (int) value);
            case 4 -> writeInt(linear, (int) value);
            default -> writeLong(linear, value);
        }
    }

    /** Faults if {@code size} bytes at {@code linear} could not be written. */
    public void checkWrite(long linear, int size) {
        long[] tlb = writeTlb;
        int i = (int) (linear >>> 11) & Tlb.INDEX_MASK;
        if (tlb[i] != (linear + size - 1 & PhysicalMemory.PAGE_MASK)) {
            mmu.checkWrite(linear, size, cpl == 3);
        }
    }

    /** Whether something is to happen as soon as external interrupts can be taken. */
    public boolean interruptWaits() {
        return windowWanted || outside.interrupts().isPending();
    }

    /** To be called when IF, TF, RF or AC may have been set. */
    public void flagsLoaded() {
        if ((flags & (Flags.TF | Flags.RF)) != 0) {
            attend(ATTEND_STEP);
        }
        if ((flags & Flags.IF) != 0 && interruptWaits()) {
            attend(ATTEND_INTERRUPT);
        }
        if (((flags & Flags.AC) != 0) != mmu.walker.alignmentFlag) {
            Modes.alignment(this);
        }
    }

    /** To be called when IA32_APIC_BASE has changed. */
    public void apicMoved() {
        long base = outside.interrupts().base();
        boolean mapped = (base & 0xC00) == 0x800;
        mmu.apicPage = mapped ? base & PhysicalMemory.PAGE_MASK & (1L << cpuid.physicalBits) - 1 : -1;
        mmu.flushAll();
        Modes.stamp(this);
    }

    // ---- the next block

    /** Where in {@link #recent} the block at {@code ip} is. */
    static int slot(long ip) {
        return (int) (ip ^ ip >>> 16) & RECENT - 1;
    }

    /** A block has been entered many times more. */
    void hot(Block block) {
        Translator to = translator;
        if (to != null) {
            to.hot(block);
        }
    }

    /** Goes on at {@code target} in the same code segment: the first instruction there if its block is at hand. */
    public @Nullable Op enter(long target) {
        Block block = recent[slot(target)];
        if (block != null && block.ip == target && block.stamp == stamp && attention == 0) {
            return block.enter(this);
        }
        rip = target;
        return null;
    }

    /** Goes on in {@code block}, which {@link #at} has just found. */
    public @Nullable Op enter(Block block) {
        if (attention == 0) {
            return block.enter(this);
        }
        rip = block.ip;
        return null;
    }

    /** Goes on in {@code block}, which was there last time, if it still is what lies at {@code target}. */
    public @Nullable Op follow(@Nullable Block block, long target) {
        if (block != null && block.stamp == stamp && attention == 0) {
            return block.enter(this);
        }
        return enter(target);
    }

    /** The block at {@code target} if it is at hand. */
    public @Nullable Block at(long target) {
        Block block = recent[slot(target)];
        return block != null && block.ip == target && block.stamp == stamp ? block : null;
    }

    /** A non-maskable interrupt arrives. Any thread; {@link #ATTEND_INTERRUPT} has to follow. */
    public void nmi() {
        NMI_ARRIVED.getAndAdd(this, 1);
    }

    /** Counts the non-maskable interrupts that have arrived. Returns whether one can be delivered. */
    public boolean takeNmi() {
        if (nmiArrived != 0) {
            int arrived = Math.min((int) NMI_ARRIVED.getAndSet(this, 0), 2);
            nmiPending = Math.min(nmiPending + arrived, nmiBlocked ? 1 : 2);
        }
        return nmiPending > 0 && !nmiBlocked;
    }

    /** IRET: non-maskable interrupts are taken again. */
    public void unblockNmi() {
        if (nmiBlocked) {
            nmiBlocked = false;
            attend(ATTEND_INTERRUPT);
        }
    }

    /** Adds reasons to leave the chain of blocks. Any thread. */
    public void attend(int bits) {
        ATTENTION.getAndBitwiseOr(this, bits);
    }

    /** Takes reasons away. */
    public void attended(int bits) {
        ATTENTION.getAndBitwiseAnd(this, ~bits);
    }

    private static final java.lang.invoke.VarHandle ATTENTION;
    private static final java.lang.invoke.VarHandle NMI_ARRIVED;

    static {
        try {
            ATTENTION = java.lang.invoke.MethodHandles.lookup().findVarHandle(Cpu.class, "attention", int.class);
            NMI_ARRIVED = java.lang.invoke.MethodHandles.lookup().findVarHandle(Cpu.class, "nmiArrived", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
