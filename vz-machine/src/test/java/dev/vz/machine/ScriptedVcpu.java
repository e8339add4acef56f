package dev.vz.machine;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.DebugRegisters;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.LapicState;
import dev.vz.cpu.x86.MpState;
import dev.vz.cpu.x86.Msr;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.cpu.x86.XsaveArea;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;

/** A vCPU that plays a script. Registers are plain values. */
final class ScriptedVcpu implements X86Vcpu {

    private final int id;
    private final ScriptedHypervisor.Script script;
    private final Runnable onClose;
    private final Semaphore kicks = new Semaphore(0);
    private volatile VcpuExitHandler handler;
    private volatile boolean inside;
    private boolean leave;
    private volatile int next;
    private boolean closed;
    volatile int resets;
    private GeneralRegisters registers = GeneralRegisters.reset();
    private SpecialRegisters special = SpecialRegisters.realMode();
    private XsaveArea xsave = XsaveArea.initial();
    private long xcr0 = 1;
    private DebugRegisters debug = DebugRegisters.reset();
    private Cpuid cpuid = new Cpuid(List.of(Cpuid.Entry.of(1, 0, 0, 0, 1 << 12)));
    private MpState mpState = MpState.RUNNABLE;
    private VcpuEvents events = VcpuEvents.none();
    private LapicState lapic = LapicState.of(new byte[LapicState.SIZE]);
    final List<MsrEntry> written = new ArrayList<>();

    ScriptedVcpu(int id, ScriptedHypervisor.Script script, Runnable onClose) {
        this.id = id;
        this.script = script;
        this.onClose = onClose;
    }

    // What a script does.

    void out(int port, int size, long value) {
        handler.portWrite(port, size, value);
    }

    void outb(int port, int value) {
        out(port, 1, value);
    }

    long in(int port, int size) {
        return handler.portRead(port, size);
    }

    int inb(int port) {
        return (int) in(port, 1);
    }

    VcpuExitHandler handler() {
        return handler;
    }

    void exit(VcpuExit exit) {
        leave = !handler.exit(exit);
    }

    boolean isInside() {
        return inside;
    }

    // What a vCPU is.

    @Override
    public int id() {
        return id;
    }

    @Override
    public VcpuExit run() {
        throw new AssertionError("the machine runs its vCPUs with a handler");
    }

    @Override
    public Outcome run(VcpuExitHandler handler) {
        this.handler = handler;
        inside = true;
        try {
            leave = false;
            while (!leave) {
                if (kicks.tryAcquire()) {
                    kicks.drainPermits();
                    return Outcome.KICKED;
                }
                // An application processor waits for its start-up IPI, which nobody sends here.
                if (mpState == MpState.RUNNABLE && script.step(this, next)) {
                    next++;
                } else if (!leave) {
                    kicks.acquireUninterruptibly();
                    kicks.drainPermits();
                    return Outcome.KICKED;
                }
            }
            return Outcome.LEFT;
        } finally {
            inside = false;
        }
    }

    @Override
    public void answer(long value) {
        throw new AssertionError("the machine answers through its handler");
    }

    @Override
    public MemorySegment exitData() {
        throw new AssertionError("the machine answers through its handler");
    }

    @Override
    public void kick() {
        kicks.release();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            onClose.run();
        }
    }

    @Override
    public GeneralRegisters registers() {
        return registers;
    }

    @Override
    public void setRegisters(GeneralRegisters registers) {
        this.registers = registers;
    }

    @Override
    public SpecialRegisters specialRegisters() {
        return special;
    }

    @Override
    public void setSpecialRegisters(SpecialRegisters registers) {
        special = registers;
    }

    @Override
    public XsaveArea xsave() {
        return xsave;
    }

    @Override
    public void setXsave(XsaveArea area) {
        xsave = area;
    }

    @Override
    public long xcr0() {
        return xcr0;
    }

    @Override
    public void setXcr0(long value) {
        xcr0 = value;
    }

    @Override
    public DebugRegisters debugRegisters() {
        return debug;
    }

    @Override
    public void setDebugRegisters(DebugRegisters registers) {
        debug = registers;
    }

    @Override
    public List<Integer> supportedMsrs() {
        return List.of(Msr.MISC_ENABLE);
    }

    @Override
    public List<MsrEntry> msrs(List<Integer> indices) {
        return indices.stream().map(i -> new MsrEntry(i, 0)).toList();
    }

    @Override
    public void setMsrs(List<MsrEntry> entries) {
        written.addAll(entries);
    }

    @Override
    public Cpuid cpuid() {
        return cpuid;
    }

    @Override
    public void setCpuid(Cpuid cpuid) {
        this.cpuid = cpuid;
    }

    @Override
    public Cpuid supportedCpuid() {
        return cpuid;
    }

    @Override
    public MpState mpState() {
        return mpState;
    }

    @Override
    public void setMpState(MpState state) {
        mpState = state;
    }

    @Override
    public VcpuEvents events() {
        return events;
    }

    @Override
    public void setEvents(VcpuEvents events) {
        this.events = events;
    }

    @Override
    public LapicState lapic() {
        return lapic;
    }

    @Override
    public void setLapic(LapicState state) {
        lapic = state;
    }

    @Override
    public void reset() {
        resets++;
        next = 0;
        registers = GeneralRegisters.reset();
        special = SpecialRegisters.realMode();
        mpState = MpState.RUNNABLE;
    }

    @Override
    public void answerFault() {
        throw new AssertionError("no MSR access is being answered");
    }
}
