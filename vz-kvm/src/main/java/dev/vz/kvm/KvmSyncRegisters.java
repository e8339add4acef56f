package dev.vz.kvm;

import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.error.CapabilityException;
import dev.vz.error.LifecycleException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_regs;
import dev.vz.kvm.generated.kvm_sregs;
import dev.vz.kvm.generated.kvm_vcpu_events;
import java.util.EnumSet;
import java.util.Set;

/**
 * Registers that come with every exit, and go with every entry, in the run page: no system call of their own
 * (KVM_CAP_SYNC_REGS).
 *
 * <p>
 * What was asked for is there after the next exit, as of that exit. What is set here is loaded by the next run.
 * {@link #get} and {@link #set} allocate nothing. The same thread rules as for the vCPU's state.
 */
public final class KvmSyncRegisters {

    /** What can come and go. */
    public enum Part {
        /** The general registers, the instruction pointer and the flags. */
        GENERAL((int) KvmHeaders.KVM_SYNC_X86_REGS()),
        /** The special registers. */
        SPECIAL((int) KvmHeaders.KVM_SYNC_X86_SREGS()),
        /** Events accepted but not finished. */
        EVENTS((int) KvmHeaders.KVM_SYNC_X86_EVENTS());

        private final int bit;

        Part(int bit) {
            this.bit = bit;
        }
    }

    /** A general register. */
    public enum Register {
        /** Accumulator. */
        RAX(kvm_regs.rax$offset()),
        /** Base. */
        RBX(kvm_regs.rbx$offset()),
        /** Counter. */
        RCX(kvm_regs.rcx$offset()),
        /** Data. */
        RDX(kvm_regs.rdx$offset()),
        /** Source index. */
        RSI(kvm_regs.rsi$offset()),
        /** Destination index. */
        RDI(kvm_regs.rdi$offset()),
        /** Stack pointer. */
        RSP(kvm_regs.rsp$offset()),
        /** Frame pointer. */
        RBP(kvm_regs.rbp$offset()),
        /** General register 8. */
        R8(kvm_regs.r8$offset()),
        /** General register 9. */
        R9(kvm_regs.r9$offset()),
        /** General register 10. */
        R10(kvm_regs.r10$offset()),
        /** General register 11. */
        R11(kvm_regs.r11$offset()),
        /** General register 12. */
        R12(kvm_regs.r12$offset()),
        /** General register 13. */
        R13(kvm_regs.r13$offset()),
        /** General register 14. */
        R14(kvm_regs.r14$offset()),
        /** General register 15. */
        R15(kvm_regs.r15$offset()),
        /** Instruction pointer. */
        RIP(kvm_regs.rip$offset()),
        /** Flags. */
        RFLAGS(kvm_regs.rflags$offset());

        private final long offset;

        Register(long offset) {
            this.offset = offset;
        }
    }

    private final String name;
    private final RunPage page;
    private final RunGate gate;
    private final MachineFeatures features;
    private final int supported;

    KvmSyncRegisters(String name, RunPage page, RunGate gate, MachineFeatures features, int supported) {
        this.name = name;
        this.page = page;
        this.gate = gate;
        this.features = features;
        this.supported = supported;
    }

    /** What this kernel can synchronize. */
    public Set<Part> supported() {
        var parts = EnumSet.noneOf(Part.class);
        for (Part part : Part.values()) {
            if ((supported & part.bit) != 0) {
                parts.add(part);
            }
        }
        return parts;
    }

    /** From the next exit on, {@code parts} come with every exit, and nothing else. */
    public void request(Set<Part> parts) {
        gate.requireAccess();
        int mask = 0;
        for (Part part : parts) {
            mask |= part.bit;
        }
        if ((mask & ~supported) != 0) {
            throw new CapabilityException("This kernel synchronizes " + supported() + " with the run page of " + name
                    + ", asked for " + parts);
        }
        page.putLong(RunPage.VALID_REGS, mask);
    }

    /** {@code register} as of the last exit. */
    public long get(Register register) {
        requireRequested(Part.GENERAL);
        return page.longAt(RunPage.SYNC_REGS + register.offset);
    }

    /** Sets {@code register}; the others stay as of the last exit. */
    public void set(Register register, long value) {
        requireRequested(Part.GENERAL);
        page.putLong(RunPage.SYNC_REGS + register.offset, value);
        markDirty(Part.GENERAL);
    }

    /** The general registers as of the last exit. */
    public GeneralRegisters general() {
        requireRequested(Part.GENERAL);
        return RegisterCodec.readGeneral(page.slice(RunPage.SYNC_REGS, kvm_regs.sizeof()));
    }

    /** Sets the general registers. */
    public void setGeneral(GeneralRegisters registers) {
        requireRequested(Part.GENERAL);
        RegisterCodec.writeGeneral(page.slice(RunPage.SYNC_REGS, kvm_regs.sizeof()), registers);
        markDirty(Part.GENERAL);
    }

    /** The special registers as of the last exit. */
    public SpecialRegisters special() {
        requireRequested(Part.SPECIAL);
        return RegisterCodec.readSpecial(page.slice(RunPage.SYNC_SREGS, kvm_sregs.sizeof()), true);
    }

    /** Sets the special registers; a combination that no processor can be in fails the next run ({@code EINVAL}). */
    public void setSpecial(SpecialRegisters registers) {
        requireRequested(Part.SPECIAL);
        RegisterCodec.writeSpecial(page.slice(RunPage.SYNC_SREGS, kvm_sregs.sizeof()), registers);
        markDirty(Part.SPECIAL);
    }

    /** The events as of the last exit. */
    public VcpuEvents events() {
        requireRequested(Part.EVENTS);
        return EventCodec.read(page.slice(RunPage.SYNC_EVENTS, kvm_vcpu_events.sizeof()));
    }

    /** Sets the events. */
    public void setEvents(VcpuEvents events) {
        requireRequested(Part.EVENTS);
        EventCodec.write(page.slice(RunPage.SYNC_EVENTS, kvm_vcpu_events.sizeof()), events, features);
        markDirty(Part.EVENTS);
    }

    private void markDirty(Part part) {
        page.putLong(RunPage.DIRTY_REGS, page.longAt(RunPage.DIRTY_REGS) | part.bit);
    }

    private void requireRequested(Part part) {
        gate.requireAccess();
        if ((page.longAt(RunPage.VALID_REGS) & part.bit) == 0) {
            throw new LifecycleException(
                    "The " + part + " registers of " + name + " do not come with its exits; request"
                            + " them first");
        }
    }
}
