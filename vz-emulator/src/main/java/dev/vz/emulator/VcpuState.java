package dev.vz.emulator;

import dev.vz.cpu.x86.DebugRegisters;
import dev.vz.cpu.x86.DescriptorTable;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.Msr;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.cpu.x86.Segment;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.cpu.x86.XsaveArea;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.InFlight;
import dev.vz.emulator.cpu.InterruptUnit;
import dev.vz.emulator.cpu.Modes;
import dev.vz.emulator.cpu.MsrFile;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.fault.Fault;
import dev.vz.emulator.fault.Vector;
import dev.vz.emulator.fpu.X87Images;
import dev.vz.error.ConfigurationException;
import java.util.ArrayList;
import java.util.List;

/** The state of a processor in the words of the interface, both ways. */
final class VcpuState {

    private final Cpu c;
    private final String name;

    VcpuState(Cpu c, String name) {
        this.c = c;
        this.name = name;
    }

    GeneralRegisters registers() {
        long[] r = c.gpr;
        return new GeneralRegisters(r[0], r[3], r[1], r[2], r[6], r[7], r[4], r[5], r[8], r[9], r[10], r[11], r[12],
                r[13], r[14], r[15], c.rip, Flags.get(c));
    }

    void setRegisters(GeneralRegisters g) {
        long[] values = {g.rax(), g.rcx(), g.rdx(), g.rbx(), g.rsp(), g.rbp(), g.rsi(), g.rdi(), g.r8(), g.r9(),
            g.r10(),
            g.r11(), g.r12(), g.r13(), g.r14(), g.r15()};
        System.arraycopy(values, 0, c.gpr, 0, 16);
        c.rip = g.rip();
        int flags = (int) g.rflags() & 0x3F_7FD5;
        Flags.setArithmetic(c, flags);
        c.flags = flags & ~Flags.ARITHMETIC;
        Modes.segments(c);
        c.flagsLoaded();
    }

    private Segment segment(int i) {
        int a = c.segmentAttributes[i];
        return new Segment(c.segmentBase[i], c.segmentLimit[i], c.segmentSelector[i], a & Segments.TYPE,
                (a & Segments.P) != 0, Segments.dpl(a), (a & Segments.D) != 0, (a & Segments.S) == 0,
                (a & Segments.L) != 0, (a & Segments.G) != 0, (a & Segments.AVL) != 0, (a & Segments.UNUSABLE) != 0);
    }

    private void set(int i, Segment s) {
        c.segmentBase[i] = s.base();
        c.segmentLimit[i] = s.limit();
        c.segmentSelector[i] = s.selector();
        c.segmentAttributes[i] = s.type() & Segments.TYPE | (s.system() ? 0 : Segments.S) | (s.dpl() & 3) << 5
                | (s.present() ? Segments.P : 0) | (s.available() ? Segments.AVL : 0) | (s.longMode() ? Segments.L : 0)
                | (s.defaultBig() ? Segments.D : 0) | (s.granularity() ? Segments.G : 0)
                | (s.unusable() ? Segments.UNUSABLE : 0);
    }

    SpecialRegisters special() {
        InterruptUnit unit = c.outside.interrupts();
        return new SpecialRegisters(segment(Segments.CS), segment(Segments.DS), segment(Segments.ES),
                segment(Segments.FS), segment(Segments.GS), segment(Segments.SS), segment(Segments.TR),
                segment(Segments.LDTR), new DescriptorTable(c.gdtBase, c.gdtLimit),
                new DescriptorTable(c.idtBase, c.idtLimit), c.cr0, c.cr2, c.cr3, c.cr4, unit.taskPriority(), c.efer,
                unit.base(), -1);
    }

    void setSpecial(SpecialRegisters s) {
        boolean paging = (s.cr0() & Modes.CR0_PG) != 0;
        boolean active = (s.efer() & Modes.EFER_LMA) != 0;
        if (paging && (s.cr0() & Modes.CR0_PE) == 0) {
            throw refused("CR0 0x" + Long.toHexString(s.cr0()) + " has paging without protection");
        }
        if (active != (paging && (s.efer() & Modes.EFER_LME) != 0)) {
            throw refused("EFER 0x" + Long.toHexString(s.efer()) + " does not go with CR0 0x"
                    + Long.toHexString(s.cr0()) + ": LMA is set exactly when LME and PG are");
        }
        if (active && (s.cr4() & Modes.CR4_PAE) == 0) {
            throw refused("CR4 0x" + Long.toHexString(s.cr4()) + " lacks PAE, which long mode needs");
        }
        if (s.pendingInterrupt() > 255) {
            throw refused("there is no interrupt vector " + s.pendingInterrupt());
        }
        set(Segments.CS, s.cs());
        set(Segments.DS, s.ds());
        set(Segments.ES, s.es());
        set(Segments.FS, s.fs());
        set(Segments.GS, s.gs());
        set(Segments.SS, s.ss());
        set(Segments.TR, s.tr());
        set(Segments.LDTR, s.ldt());
        c.gdtBase = s.gdt().base();
        c.gdtLimit = s.gdt().limit();
        c.idtBase = s.idt().base();
        c.idtLimit = s.idt().limit();
        c.cr0 = s.cr0() | Modes.CR0_ET;
        c.cr2 = s.cr2();
        c.cr3 = s.cr3();
        c.cr4 = s.cr4();
        c.efer = s.efer();
        boolean protectedMode = (s.cr0() & Modes.CR0_PE) != 0;
        c.cpl = !protectedMode ? 0 : (c.flags & Flags.VM) != 0 ? 3 : s.ss().dpl();
        InterruptUnit unit = c.outside.interrupts();
        unit.setBase(s.apicBase());
        unit.setTaskPriority((int) s.cr8() & 0xF);
        Modes.control(c);
        if (paging && !active && (c.cr4 & Modes.CR4_PAE) != 0) {
            c.mmu.walker.loadPdptes(c.cr3);
        }
        c.apicMoved();
    }

    private ConfigurationException refused(String why) {
        return new ConfigurationException("Cannot set the special registers of " + name + ": " + why);
    }

    XsaveArea xsave() {
        var image = new byte[XsaveArea.LEGACY_SIZE];
        X87Images.fxsave(c.fpu, c.image, true, true);
        System.arraycopy(c.image, 0, image, 0, X87Images.FXSAVE_64BIT_MODE);
        image[XsaveArea.XSTATE_BV] = 3; // x87 and SSE
        return XsaveArea.of(image);
    }

    void setXsave(XsaveArea area) {
        byte[] image = area.toByteArray();
        if (!X87Images.fxrstor(c.fpu, image, true, true)) {
            throw new ConfigurationException("MXCSR 0x" + Integer.toHexString(area.mxcsr()) + " for " + name
                    + " has bits that do not exist");
        }
    }

    DebugRegisters debug() {
        return new DebugRegisters(c.dr[0], c.dr[1], c.dr[2], c.dr[3], c.dr[6], c.dr[7]);
    }

    void setDebug(DebugRegisters d) {
        c.dr[0] = d.dr0();
        c.dr[1] = d.dr1();
        c.dr[2] = d.dr2();
        c.dr[3] = d.dr3();
        c.dr[6] = d.dr6();
        c.dr[7] = d.dr7() | 0x400;
        c.debug.changed();
    }

    List<Integer> supportedMsrs() {
        var list = new ArrayList<>(MsrFile.saved());
        list.add(Msr.KVM_SYSTEM_TIME);
        list.add(Msr.KVM_WALL_CLOCK);
        if (c.outside.interrupts().hasMsr(Msr.TSC_DEADLINE)) {
            list.add(Msr.TSC_DEADLINE);
        }
        return List.copyOf(list);
    }

    List<MsrEntry> msrs(List<Integer> indices) {
        var entries = new ArrayList<MsrEntry>(indices.size());
        for (int index : indices) {
            try {
                entries.add(new MsrEntry(index, c.msrs.read(index)));
            } catch (Fault fault) {
                throw new ConfigurationException(name + " has no " + Msr.name(index) + " to read", fault);
            }
        }
        return List.copyOf(entries);
    }

    void setMsrs(List<MsrEntry> entries) {
        for (MsrEntry entry : entries) {
            try {
                c.msrs.write(entry.index(), entry.value());
            } catch (Fault fault) {
                throw new ConfigurationException(name + " refuses " + entry + ": a guest that wrote it would get #GP",
                        fault);
            }
        }
    }

    private int pendingNmis() {
        c.takeNmi();
        return c.nmiPending;
    }

    VcpuEvents events() {
        VcpuEvents none = VcpuEvents.none();
        InFlight flying = c.inFlight;
        VcpuEvents.ExceptionEvent exception = flying.kind != InFlight.EXCEPTION ? none.exception()
                : new VcpuEvents.ExceptionEvent(true, false, flying.vector, Vector.hasErrorCode(flying.vector),
                        flying.errorCode, false, 0);
        boolean interrupt = flying.kind == InFlight.INTERRUPT || flying.kind == InFlight.SOFTWARE;
        return new VcpuEvents(exception,
                new VcpuEvents.InterruptEvent(interrupt, interrupt ? flying.vector : 0,
                        flying.kind == InFlight.SOFTWARE, c.shadow),
                new VcpuEvents.NmiEvent(false, pendingNmis(), c.nmiBlocked), none.smi(), 0, false);
    }

    void setEvents(VcpuEvents events) {
        c.shadow = events.interrupt().shadow();
        c.nmiPending = Math.clamp(events.nmi().pending() + (events.nmi().injected() ? 1 : 0), 0, 2);
        c.nmiBlocked = events.nmi().masked();
        VcpuEvents.ExceptionEvent exception = events.exception();
        if (exception.pending() || exception.injected()) {
            c.inFlight.set(InFlight.EXCEPTION, exception.vector(),
                    exception.hasErrorCode() ? exception.errorCode() : 0,
                    exception.hasPayload() ? exception.payload() : c.cr2);
        } else if (events.interrupt().injected()) {
            c.inFlight.set(events.interrupt().soft() ? InFlight.SOFTWARE : InFlight.INTERRUPT,
                    events.interrupt().vector(), 0, 0);
        } else {
            c.inFlight.set(InFlight.NONE, 0, 0, 0);
        }
        c.attend(Cpu.ATTEND_STEP | Cpu.ATTEND_INTERRUPT);
    }
}
