package dev.vz.kvm;

import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.DebugRegisters;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.GuestDebug;
import dev.vz.cpu.x86.LapicState;
import dev.vz.cpu.x86.MpState;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.cpu.x86.XsaveArea;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_debugregs;
import dev.vz.kvm.generated.kvm_guest_debug;
import dev.vz.kvm.generated.kvm_guest_debug_arch;
import dev.vz.kvm.generated.kvm_mp_state;
import dev.vz.kvm.generated.kvm_regs;
import dev.vz.kvm.generated.kvm_sregs;
import dev.vz.kvm.generated.kvm_vcpu_events;
import dev.vz.kvm.generated.kvm_xcr;
import dev.vz.kvm.generated.kvm_xcrs;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/** The vCPU ioctls that read and write a processor's state, each a pair. The caller has made sure of its turn. */
final class VcpuState {

    private final FileDescriptor vcpu;
    private final MachineFeatures features;

    VcpuState(FileDescriptor vcpu, MachineFeatures features) {
        this.vcpu = vcpu;
        this.features = features;
    }

    <T> T get(String name, long request, long size, Function<MemorySegment, T> reader) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment structure = arena.allocate(size, 8);
            Ioctl.checked("ioctl " + name, vcpu, request, structure);
            return reader.apply(structure);
        }
    }

    void set(String name, long request, long size, Consumer<MemorySegment> writer) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment structure = arena.allocate(size, 8);
            writer.accept(structure);
            Ioctl.checked("ioctl " + name, vcpu, request, structure);
        }
    }

    GeneralRegisters registers() {
        return get("KVM_GET_REGS", KvmHeaders.KVM_GET_REGS(), kvm_regs.sizeof(), RegisterCodec::readGeneral);
    }

    void setRegisters(GeneralRegisters registers) {
        set("KVM_SET_REGS", KvmHeaders.KVM_SET_REGS(), kvm_regs.sizeof(),
                s -> RegisterCodec.writeGeneral(s, registers));
    }

    SpecialRegisters special() {
        return get("KVM_GET_SREGS", KvmHeaders.KVM_GET_SREGS(), kvm_sregs.sizeof(),
                s -> RegisterCodec.readSpecial(s, true));
    }

    void setSpecial(SpecialRegisters registers) {
        if (registers.pendingInterrupt() > 255) {
            throw new ConfigurationException("The pending interrupt of " + vcpu + " cannot be vector "
                    + registers.pendingInterrupt());
        }
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = arena.allocate(kvm_sregs.sizeof(), 8);
            RegisterCodec.writeSpecial(s, registers);
            int result = Ioctl.call(vcpu, KvmHeaders.KVM_SET_SREGS(), s);
            if (result == -Errno.EINVAL) {
                throw new ConfigurationException("KVM refuses the special registers of " + vcpu + " (EINVAL): "
                        + "cr0=0x" + Long.toHexString(registers.cr0()) + " cr4=0x" + Long.toHexString(registers.cr4())
                        + " efer=0x" + Long.toHexString(registers.efer()) + " apicBase=0x"
                        + Long.toHexString(registers.apicBase())
                        + " is no state that a processor with this CPUID can be in");
            }
            Errno.check("ioctl KVM_SET_SREGS", vcpu, result);
        }
    }

    XsaveArea xsave() {
        boolean large = features.xsaveSize() > MachineFeatures.SMALL_XSAVE;
        return get(large ? "KVM_GET_XSAVE2" : "KVM_GET_XSAVE",
                large ? KvmHeaders.KVM_GET_XSAVE2() : KvmHeaders.KVM_GET_XSAVE(), features.xsaveSize(),
                s -> XsaveArea.of(s.toArray(ValueLayout.JAVA_BYTE)));
    }

    void setXsave(XsaveArea area) {
        byte[] image = area.toByteArray();
        int size = features.xsaveSize();
        for (int i = size; i < image.length; i++) {
            if (image[i] != 0) {
                throw new CapabilityException("The XSAVE image of " + image.length + " bytes for " + vcpu
                        + " has state at byte " + i + "; this host has " + size + " bytes only");
            }
        }
        set("KVM_SET_XSAVE", KvmHeaders.KVM_SET_XSAVE(), size,
                s -> MemorySegment.copy(image, 0, s, ValueLayout.JAVA_BYTE, 0, Math.min(size, image.length)));
    }

    /** XCR0, the only extended control register there is. */
    long xcr0() {
        return get("KVM_GET_XCRS", KvmHeaders.KVM_GET_XCRS(), kvm_xcrs.sizeof(), s -> {
            for (int i = 0; i < kvm_xcrs.nr_xcrs(s); i++) {
                MemorySegment xcr = kvm_xcrs.xcrs(s, i);
                if (kvm_xcr.xcr(xcr) == 0) {
                    return kvm_xcr.value(xcr);
                }
            }
            return 1L; // x87, which cannot be switched off: a processor without XSAVE
        });
    }

    void setXcr0(long value) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = arena.allocate(kvm_xcrs.sizeof(), 8);
            kvm_xcrs.nr_xcrs(s, 1);
            kvm_xcr.value(kvm_xcrs.xcrs(s, 0), value);
            int result = Ioctl.call(vcpu, KvmHeaders.KVM_SET_XCRS(), s);
            if (result == -Errno.EINVAL) {
                throw new ConfigurationException("KVM refuses XCR0=0x" + Long.toHexString(value) + " for " + vcpu
                        + " (EINVAL): a component that CPUID leaf 0xD does not announce, or one without those it needs");
            }
            Errno.check("ioctl KVM_SET_XCRS", vcpu, result);
        }
    }

    DebugRegisters debugRegisters() {
        return get("KVM_GET_DEBUGREGS", KvmHeaders.KVM_GET_DEBUGREGS(), kvm_debugregs.sizeof(),
                RegisterCodec::readDebug);
    }

    void setDebugRegisters(DebugRegisters registers) {
        set("KVM_SET_DEBUGREGS", KvmHeaders.KVM_SET_DEBUGREGS(), kvm_debugregs.sizeof(),
                s -> RegisterCodec.writeDebug(s, registers));
    }

    /**
     * What of the kernel's list can be read from this vCPU and written back: the list is the system's, and some registers
     * need a local APIC or a CPUID bit. For a vCPU that is new, whose state the writing does not change.
     */
    List<Integer> restorableMsrs(List<Integer> listed) {
        var entries = new ArrayList<MsrEntry>();
        for (int at = 0; at < listed.size();) {
            List<Integer> part = listed.subList(at, Math.min(at + MsrCodec.CHUNK, listed.size()));
            int read = MsrCodec.get(vcpu, part, entries);
            at += read == part.size() ? read : read + 1;
        }
        var restorable = new ArrayList<Integer>(entries.size());
        for (int at = 0; at < entries.size();) {
            List<MsrEntry> part = entries.subList(at, Math.min(at + MsrCodec.CHUNK, entries.size()));
            int written = MsrCodec.setPart(vcpu, part);
            part.subList(0, written).forEach(entry -> restorable.add(entry.index()));
            at += written == part.size() ? written : written + 1;
        }
        return List.copyOf(restorable);
    }

    List<MsrEntry> msrs(List<Integer> indices) {
        return MsrCodec.get(vcpu, indices);
    }

    void setMsrs(List<MsrEntry> entries) {
        MsrCodec.set(vcpu, entries);
    }

    Cpuid cpuid() {
        return CpuidCodec.get("KVM_GET_CPUID2", vcpu, KvmHeaders.KVM_GET_CPUID2());
    }

    void setCpuid(Cpuid cpuid) {
        CpuidCodec.set(vcpu, cpuid);
    }

    MpState mpState() {
        int state = get("KVM_GET_MP_STATE", KvmHeaders.KVM_GET_MP_STATE(), kvm_mp_state.sizeof(),
                kvm_mp_state::mp_state);
        for (MpState known : MpState.values()) {
            if (number(known) == state) {
                return known;
            }
        }
        throw new CapabilityException(vcpu + " is in start-up state " + state + " of KVM, for which there is no word");
    }

    void setMpState(MpState state) {
        set("KVM_SET_MP_STATE to " + state, KvmHeaders.KVM_SET_MP_STATE(), kvm_mp_state.sizeof(),
                s -> kvm_mp_state.mp_state(s, number(state)));
    }

    private static int number(MpState state) {
        return switch (state) {
            case RUNNABLE -> KvmHeaders.KVM_MP_STATE_RUNNABLE();
            case UNINITIALIZED -> KvmHeaders.KVM_MP_STATE_UNINITIALIZED();
            case INIT_RECEIVED -> KvmHeaders.KVM_MP_STATE_INIT_RECEIVED();
            case HALTED -> KvmHeaders.KVM_MP_STATE_HALTED();
            case SIPI_RECEIVED -> KvmHeaders.KVM_MP_STATE_SIPI_RECEIVED();
        };
    }

    VcpuEvents events() {
        return get("KVM_GET_VCPU_EVENTS", KvmHeaders.KVM_GET_VCPU_EVENTS(), kvm_vcpu_events.sizeof(),
                EventCodec::read);
    }

    void setEvents(VcpuEvents events) {
        set("KVM_SET_VCPU_EVENTS", KvmHeaders.KVM_SET_VCPU_EVENTS(), kvm_vcpu_events.sizeof(),
                s -> EventCodec.write(s, events, features));
    }

    LapicState lapic() {
        return get("KVM_GET_LAPIC", KvmHeaders.KVM_GET_LAPIC(), LapicState.SIZE,
                s -> LapicState.of(s.toArray(ValueLayout.JAVA_BYTE)));
    }

    void setLapic(LapicState state) {
        byte[] page = state.toByteArray();
        set("KVM_SET_LAPIC", KvmHeaders.KVM_SET_LAPIC(), LapicState.SIZE,
                s -> MemorySegment.copy(page, 0, s, ValueLayout.JAVA_BYTE, 0, page.length));
    }

    void setDebug(GuestDebug.Settings settings) {
        int control = 0;
        if (settings.singleStep()) {
            control |= KvmHeaders.KVM_GUESTDBG_SINGLESTEP();
        }
        if (settings.softwareBreakpoints()) {
            control |= KvmHeaders.KVM_GUESTDBG_USE_SW_BP();
        }
        if (!settings.hardware().isEmpty()) {
            control |= KvmHeaders.KVM_GUESTDBG_USE_HW_BP();
        }
        int enabled = control == 0 ? 0 : control | KvmHeaders.KVM_GUESTDBG_ENABLE();
        set("KVM_SET_GUEST_DEBUG", KvmHeaders.KVM_SET_GUEST_DEBUG(), kvm_guest_debug.sizeof(), s -> {
            kvm_guest_debug.control(s, enabled);
            MemorySegment arch = kvm_guest_debug.arch(s);
            long dr7 = 0x400; // bit 10 always reads as one
            for (int i = 0; i < settings.hardware().size(); i++) {
                GuestDebug.Breakpoint breakpoint = settings.hardware().get(i);
                kvm_guest_debug_arch.debugreg(arch, i, breakpoint.address());
                // Intel SDM 3B, 18.2.4: global enable, and four bits of condition and length.
                dr7 |= 2L << 2 * i | (long) condition(breakpoint) << 16 + 4 * i;
            }
            kvm_guest_debug_arch.debugreg(arch, 7, dr7);
        });
    }

    private int condition(GuestDebug.Breakpoint breakpoint) {
        int length = switch (breakpoint.length()) {
            case 1 -> 0;
            case 2 -> 1;
            case 4 -> 3;
            case 8 -> 2;
            default -> throw new ConfigurationException("A watchpoint of " + vcpu + " covers 1, 2, 4 or 8 bytes, got "
                    + breakpoint.length());
        };
        return switch (breakpoint.condition()) {
            case EXECUTE -> 0;
            case WRITE -> 1 | length << 2;
            case ACCESS -> 3 | length << 2;
        };
    }
}
