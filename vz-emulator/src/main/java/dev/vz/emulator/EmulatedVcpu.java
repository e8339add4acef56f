package dev.vz.emulator;

import dev.vz.cpu.HaltNotice;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.DebugRegisters;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.GuestDebug;
import dev.vz.cpu.x86.InterruptInjection;
import dev.vz.cpu.x86.LapicState;
import dev.vz.cpu.x86.MpState;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.TscControl;
import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.cpu.x86.XsaveArea;
import dev.vz.emulator.clock.Tsc;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.CpuidTable;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.InterruptUnit;
import dev.vz.emulator.cpu.Interpreter;
import dev.vz.emulator.irq.LocalApic;
import dev.vz.emulator.operation.Operations;
import dev.vz.emulator.translator.RegionCache;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A virtual CPU in software. */
abstract class EmulatedVcpu implements X86Vcpu, TscControl, GuestDebug, HaltNotice {

    private final EmulatedMachine machine;
    private final int id;
    private final String name;
    private final Tsc tsc;
    private final VcpuExits exits;
    private final Cpu cpu;
    private final Requests requests;
    private final Interpreter interpreter;
    private final VcpuLoop loop;
    private final VcpuState state;

    EmulatedVcpu(EmulatedMachine machine, int id) {
        this.machine = machine;
        this.id = id;
        name = "vCPU " + id + " of machine \"" + machine.config().name() + "\"";
        tsc = new Tsc(machine.clock());
        exits = new VcpuExits(machine, this, tsc);
        cpu = new Cpu(machine.physical(), exits, Operations.instance());
        cpu.setCpuid(CpuidTable.of(supportedCpuid().forProcessor(id, machine.config().maxVcpus())));
        if (machine.isTranslating()) {
            RegionCache.attach(cpu);
        }
        requests = new Requests(cpu);
        interpreter = new Interpreter(cpu);
        loop = new VcpuLoop(this, name, cpu, interpreter, exits, requests);
        state = new VcpuState(cpu, name);
    }

    final Cpu cpu() {
        return cpu;
    }

    final Requests requests() {
        return requests;
    }

    final Interpreter interpreter() {
        return interpreter;
    }

    final VcpuLoop loop() {
        return loop;
    }

    /** Interrupts as the processor sees them. Asked for while the processor is being made, too. */
    abstract InterruptUnit interrupts();

    /** Whether HLT waits here rather than in the caller. */
    abstract boolean waitsInHalt();

    /** The guest has set its time stamp counter. */
    abstract void timeStampMoved();

    final void updateParavirtualClock() {
        exits.clock().update();
    }

    @Override
    public final int id() {
        return id;
    }

    // ---- running

    @Override
    public final VcpuExit run() {
        return loop.run();
    }

    @Override
    public final Outcome run(VcpuExitHandler handler) {
        return loop.run(handler);
    }

    @Override
    public final void answer(long value) {
        exits.log().answer(value);
    }

    @Override
    public final void answerFault() {
        throw new dev.vz.error.LifecycleException(name + " has no MSR access to answer: the software CPU answers all "
                + "of them itself");
    }

    @Override
    public final MemorySegment exitData() {
        return exits.log().data();
    }

    @Override
    public final void kick() {
        loop.attend(Cpu.ATTEND_KICK);
    }

    /** Raises a non-maskable interrupt. Any thread. */
    public final void nmi() {
        cpu.nmi();
        loop.attend(Cpu.ATTEND_INTERRUPT);
    }

    // ---- state

    private VcpuState turn() {
        loop.requireAccess();
        return state;
    }

    @Override
    public final GeneralRegisters registers() {
        return turn().registers();
    }

    @Override
    public final void setRegisters(GeneralRegisters registers) {
        turn().setRegisters(registers);
        exits.log().clear();
    }

    @Override
    public final SpecialRegisters specialRegisters() {
        return turn().special();
    }

    @Override
    public final void setSpecialRegisters(SpecialRegisters registers) {
        turn().setSpecial(registers);
    }

    @Override
    public final XsaveArea xsave() {
        return turn().xsave();
    }

    @Override
    public final void setXsave(XsaveArea area) {
        turn().setXsave(area);
    }

    @Override
    public final long xcr0() {
        loop.requireAccess();
        return 1;
    }

    @Override
    public final void setXcr0(long value) {
        loop.requireAccess();
        if (value != 1) {
            throw new ConfigurationException("XCR0 of " + name + " cannot be 0x" + Long.toHexString(value)
                    + ": without XSAVE the only state component is x87, value 1");
        }
    }

    @Override
    public final DebugRegisters debugRegisters() {
        return turn().debug();
    }

    @Override
    public final void setDebugRegisters(DebugRegisters registers) {
        turn().setDebug(registers);
    }

    @Override
    public final List<Integer> supportedMsrs() {
        return state.supportedMsrs();
    }

    @Override
    public final List<MsrEntry> msrs(List<Integer> indices) {
        return turn().msrs(indices);
    }

    @Override
    public final void setMsrs(List<MsrEntry> entries) {
        turn().setMsrs(entries);
    }

    @Override
    public final Cpuid cpuid() {
        loop.requireAccess();
        return cpu.cpuid.source();
    }

    @Override
    public final void setCpuid(Cpuid cpuid) {
        loop.requireAccess();
        var missing = CpuidTable.possible().missingFrom(cpuid);
        if (!missing.isEmpty()) {
            throw new ConfigurationException(name + " cannot announce " + missing
                    + ": the software CPU does not have them; supportedCpuid() says what it has");
        }
        cpu.setCpuid(CpuidTable.of(cpuid));
    }

    @Override
    public final Cpuid supportedCpuid() {
        return CpuidTable.standard().source();
    }

    @Override
    public final MpState mpState() {
        loop.requireAccess();
        return loop.mpState();
    }

    @Override
    public final void setMpState(MpState next) {
        loop.requireAccess();
        loop.setMpState(next);
    }

    @Override
    public final VcpuEvents events() {
        return turn().events();
    }

    @Override
    public final void setEvents(VcpuEvents events) {
        turn().setEvents(events);
    }

    @Override
    public LapicState lapic() {
        throw withoutLapic();
    }

    @Override
    public void setLapic(LapicState value) {
        throw withoutLapic();
    }

    private CapabilityException withoutLapic() {
        return new CapabilityException(name + " has no local APIC: its machine was made without interrupt controllers");
    }

    @Override
    public final void reset() {
        loop.requireAccess();
        interrupts().reset(true);
        exits.log().clear();
        exits.clock().reset();
        dev.vz.emulator.cpu.Reset.powerOn(cpu);
        loop.setMpState(id == 0 ? MpState.RUNNABLE : MpState.UNINITIALIZED);
    }

    @Override
    public final void onHalt(HaltNotice.@Nullable Listener listener) {
        loop.requireAccess();
        loop.onHalt(listener);
    }

    // ---- debugging, clock

    @Override
    public final void setDebug(Settings settings) {
        loop.requireAccess();
        loop.setDebug(settings);
    }

    @Override
    public final long tscKilohertz() {
        return tsc.kilohertz();
    }

    @Override
    public final void setTscKilohertz(long kilohertz) {
        loop.requireAccess();
        tsc.setKilohertz(kilohertz);
    }

    // ---- end

    @Override
    public final void close() {
        loop.close();
    }

    /** First half of the machine's close: nobody enters any more. */
    final void shut() {
        loop.shut();
    }

    /** Second half of the machine's close: waits until whoever is inside has left. */
    final void expel() {
        loop.expel();
    }

    @Override
    public final String toString() {
        return name;
    }

    final EmulatedMachine machine() {
        return machine;
    }

    /** A processor whose caller injects interrupts. */
    static final class Bare extends EmulatedVcpu implements InterruptInjection {

        private final InjectedInterrupts interrupts = new InjectedInterrupts();

        Bare(EmulatedMachine machine, int id) {
            super(machine, id);
        }

        @Override
        InterruptUnit interrupts() {
            return interrupts;
        }

        @Override
        boolean waitsInHalt() {
            return false;
        }

        @Override
        void timeStampMoved() {
            // There is no timer that follows it.
        }

        @Override
        public boolean inject(int vector) {
            if (vector < 0 || vector > 255) {
                throw new ConfigurationException("An interrupt has a vector from 0 to 255, got " + vector + " for "
                        + this);
            }
            loop().requireAccess();
            boolean ready = (cpu().flags & Flags.IF) != 0 && cpu().shadow == 0 && interrupts.waiting() < 0;
            if (ready) {
                interrupts.inject(vector);
                loop().attend(Cpu.ATTEND_INTERRUPT);
            }
            return ready;
        }

        @Override
        public void requestInterruptWindow(boolean wanted) {
            loop().requireAccess();
            cpu().windowWanted = wanted;
            if (wanted) {
                loop().attend(Cpu.ATTEND_INTERRUPT);
            }
        }
    }

    /** A processor with a local APIC. */
    static final class Wired extends EmulatedVcpu {

        private static final InterruptUnit NOT_YET = new InjectedInterrupts();

        private final LocalApic apic;
        private final ApicUnit unit;

        Wired(WiredMachine machine, int id) {
            super(machine, id);
            apic = machine.connect(id, loop(), tsc());
            unit = new ApicUnit(cpu(), apic);
            cpu().apicMoved();
            loop().setMpState(id == 0 ? MpState.RUNNABLE : MpState.UNINITIALIZED);
        }

        @Override
        @SuppressWarnings("ConstantValue")
        InterruptUnit interrupts() {
            return unit == null ? NOT_YET : unit; // the processor resets itself while it is being made
        }

        @Override
        boolean waitsInHalt() {
            return true;
        }

        @Override
        void timeStampMoved() {
            if (apic != null) {
                apic.tscMoved();
            }
        }

        @Override
        public LapicState lapic() {
            loop().requireAccess();
            return apic.save();
        }

        @Override
        public void setLapic(LapicState value) {
            loop().requireAccess();
            apic.restore(value);
        }
    }

    final Tsc tsc() {
        return tsc;
    }
}
