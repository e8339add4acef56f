package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.CpuFeature;
import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.DebugRegisters;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.LapicState;
import dev.vz.cpu.x86.MpState;
import dev.vz.cpu.x86.Msr;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.cpu.x86.X86State;
import dev.vz.cpu.x86.XsaveArea;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.testing.Peers;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every part of a vCPU's state goes in and comes out. */
class VcpuStateTest {

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }

    @Test
    void generalRegisters() {
        try (var guest = Guest.realMode("f4")) {
            var registers = new GeneralRegisters(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x1000, 0x202);
            guest.vcpu.setRegisters(registers);
            assertThat(guest.vcpu.registers()).isEqualTo(registers);
        }
    }

    @Test
    void specialRegisters() {
        try (var guest = Guest.realMode("f4")) {
            SpecialRegisters special = SpecialRegisters.longMode(0x3000, 0).withCr2(0x1234).withCr8(3);
            guest.vcpu.setSpecialRegisters(special);
            SpecialRegisters found = guest.vcpu.specialRegisters();
            assertThat(found.withApicBase(0)).isEqualTo(special.withApicBase(0));
        }
    }

    @Test
    void aPendingInterruptIsPartOfTheSpecialRegisters() {
        try (var guest = Guest.realMode("f4")) {
            guest.vcpu.setSpecialRegisters(SpecialRegisters.realMode().withPendingInterrupt(0xA5));
            assertThat(guest.vcpu.specialRegisters().pendingInterrupt()).isEqualTo(0xA5);
        }
    }

    @Test
    void specialRegistersThatNoProcessorCanHaveAreRefused() {
        try (var guest = Guest.realMode("f4")) {
            SpecialRegisters impossible = SpecialRegisters.realMode().withCr0(SpecialRegisters.CR0_PG);
            assertThatThrownBy(() -> guest.vcpu.setSpecialRegisters(impossible))
                    .isInstanceOf(ConfigurationException.class).hasMessageContaining("cr0=0x80000000")
                    .hasMessageContaining("no state that a processor");
        }
    }

    @Test
    void specialRegistersWithPageDirectoryPointers() {
        try (var guest = Guest.realMode("f4")) {
            KvmProcessor processor = guest.vcpu.processor();
            KvmProcessor.SpecialRegisters2 found = processor.specialRegisters2().orElseThrow();
            assertThat(found.registers().withPendingInterrupt(-1))
                    .isEqualTo(guest.vcpu.specialRegisters().withPendingInterrupt(-1));
            assertThat(found.directoryPointers()).as("outside PAE paging").isEmpty();
            assertThat(processor.setSpecialRegisters2(new KvmProcessor.SpecialRegisters2(
                    found.registers().withCr2(0x77), List.of()))).isTrue();
            assertThat(guest.vcpu.specialRegisters().cr2()).isEqualTo(0x77);
        }
    }

    @Test
    void vectorState() {
        try (var guest = Guest.realMode("f4")) {
            byte[] image = guest.vcpu.xsave().toByteArray();
            image[160] = 0x55; // XMM0
            image[XsaveArea.XSTATE_BV] |= 3;
            guest.vcpu.setXsave(XsaveArea.of(image));
            assertThat(guest.vcpu.xsave().xmmLow(0) & 0xFF).isEqualTo(0x55);
            KvmFpu fpu = guest.vcpu.processor().fpu();
            assertThat(fpu.xmm()[0]).isEqualTo((byte) 0x55);
            byte[] xmm = fpu.xmm();
            xmm[16] = 0x66;
            guest.vcpu.processor().setFpu(new KvmFpu(fpu.fpr(), 0x27F, fpu.fsw(), fpu.ftwx(), fpu.lastOpcode(),
                    fpu.lastIp(), fpu.lastDp(), xmm, fpu.mxcsr()));
            assertThat(guest.vcpu.xsave().xmmLow(1) & 0xFF).isEqualTo(0x66);
            assertThat(guest.vcpu.xsave().fcw()).isEqualTo(0x27F);
            guest.vcpu.setXsave(XsaveArea.initial());
            assertThat(guest.vcpu.xsave().xmmLow(1)).isZero();
        }
    }

    @Test
    void vectorStateThatDoesNotFitIsRefused() {
        try (var guest = Guest.realMode("f4")) {
            var image = new byte[20_000];
            guest.vcpu.setXsave(XsaveArea.of(image));
            image[19_999] = 1;
            assertThatThrownBy(() -> guest.vcpu.setXsave(XsaveArea.of(image))).isInstanceOf(CapabilityException.class)
                    .hasMessageContaining("byte 19999");
        }
    }

    @Test
    void extendedControlRegister() {
        try (var guest = Guest.realMode("f4")) {
            assertThat(guest.vcpu.xcr0()).isEqualTo(1);
            if (guest.vcpu.supportedCpuid().has(CpuFeature.XSAVE)) {
                guest.vcpu.setXcr0(3);
                assertThat(guest.vcpu.xcr0()).isEqualTo(3);
            }
            assertThatThrownBy(() -> guest.vcpu.setXcr0(2)).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("XCR0=0x2");
        }
    }

    @Test
    void debugRegisters() {
        try (var guest = Guest.realMode("f4")) {
            var registers = new DebugRegisters(0x1000, 0x2000, 0x3000, 0x4000, 0xFFFF_0FF1L, 0x401);
            guest.vcpu.setDebugRegisters(registers);
            assertThat(guest.vcpu.debugRegisters()).isEqualTo(registers);
        }
    }

    @Test
    void msrs() {
        try (var guest = Guest.realMode("f4")) {
            assertThat(guest.vcpu.supportedMsrs()).contains(Msr.TSC, Msr.STAR, Msr.LSTAR, Msr.SYSENTER_CS)
                    .doesNotHaveDuplicates();
            assertThat(guest.vcpu.msrs(guest.vcpu.supportedMsrs())).hasSameSizeAs(guest.vcpu.supportedMsrs());
            guest.vcpu.setMsrs(List.of(new MsrEntry(Msr.LSTAR, 0x1234_5678), new MsrEntry(Msr.SYSENTER_EIP, 7)));
            assertThat(guest.vcpu.msr(Msr.LSTAR)).isEqualTo(0x1234_5678);
            assertThat(guest.vcpu.msr(Msr.SYSENTER_EIP)).isEqualTo(7);
        }
    }

    @Test
    void theFirstMsrThatIsRefusedIsNamedAndThoseBeforeItAreWritten() {
        try (var guest = Guest.realMode("f4")) {
            var entries = List.of(new MsrEntry(Msr.LSTAR, 0x77), new MsrEntry(0x1357_9BDF, 1),
                    new MsrEntry(Msr.CSTAR, 0x88));
            assertThatThrownBy(() -> guest.vcpu.setMsrs(entries)).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("MSR 0x13579bdf");
            assertThat(guest.vcpu.msr(Msr.LSTAR)).isEqualTo(0x77);
            assertThat(guest.vcpu.msr(Msr.CSTAR)).isZero();
            assertThatThrownBy(() -> guest.vcpu.msrs(List.of(Msr.LSTAR, 0x1357_9BDF)))
                    .isInstanceOf(ConfigurationException.class).hasMessageContaining("MSR 0x13579bdf");
        }
    }

    @Test
    void cpuid() {
        try (var guest = Guest.empty(Interrupts.FULL, 3)) {
            KvmVcpu second = guest.machine.createVcpu(2);
            Cpuid supported = second.supportedCpuid();
            assertThat(supported.has(CpuFeature.HYPERVISOR)).isTrue();
            assertThat(supported.find(1, 0).orElseThrow().ebx() >>> 24).as("APIC id").isEqualTo(2);
            assertThat(second.cpuid().find(1, 0).orElseThrow().ebx() >>> 24).isEqualTo(2);
            assertThat(supported.missingFrom(second.cpuid())).isEmpty();
            second.setCpuid(supported.with(CpuFeature.KVM_CLOCKSOURCE_STABLE, false));
            assertThat(supported.has(CpuFeature.KVM_CLOCKSOURCE_STABLE)).isTrue();
            assertThat(second.cpuid().has(CpuFeature.KVM_CLOCKSOURCE_STABLE)).isFalse();
        }
        try (var guest = Guest.realMode("f4")) {
            assertThat(guest.vcpu.supportedCpuid().has(CpuFeature.X2APIC)).as("without a local APIC").isFalse();
            assertThat(guest.vcpu.supportedCpuid().has(CpuFeature.TSC_DEADLINE)).isFalse();
        }
    }

    @Test
    void aCpuidTableThatIsTooLongIsRefused() {
        try (var guest = Guest.realMode("f4")) {
            var cpuid = new Cpuid(java.util.stream.IntStream.range(0, 300)
                    .mapToObj(i -> Cpuid.Entry.of(0x4000_0100 + i, 0, 0, 0, 0)).toList());
            assertThatThrownBy(() -> guest.vcpu.setCpuid(cpuid)).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("300 leaves");
        }
    }

    @Test
    void startUpState() {
        try (var guest = Guest.empty(Interrupts.FULL, 2)) {
            KvmVcpu second = guest.machine.createVcpu(1);
            assertThat(guest.vcpu.mpState()).isEqualTo(MpState.RUNNABLE);
            assertThat(second.mpState()).isEqualTo(MpState.UNINITIALIZED);
            second.setMpState(MpState.RUNNABLE);
            assertThat(second.mpState()).isEqualTo(MpState.RUNNABLE);
            second.setMpState(MpState.HALTED);
            assertThat(second.mpState()).isEqualTo(MpState.HALTED);
        }
    }

    @Test
    void events() {
        try (var guest = Guest.realMode("f4")) {
            assertThat(guest.vcpu.events()).isEqualTo(VcpuEvents.none());
            var events = new VcpuEvents(new VcpuEvents.ExceptionEvent(true, false, 13, true, 0x18, false, 0),
                    VcpuEvents.none().interrupt(), new VcpuEvents.NmiEvent(false, 0, true),
                    VcpuEvents.none().smi(), 0, false);
            guest.vcpu.setEvents(events);
            assertThat(guest.vcpu.events()).isEqualTo(events);
        }
    }

    @Test
    void localApic() {
        try (var guest = Guest.empty(Interrupts.FULL, 2)) {
            KvmVcpu second = guest.machine.createVcpu(1);
            LapicState lapic = second.lapic();
            assertThat(lapic.register(LapicState.ID) >>> 24).isEqualTo(1);
            second.setLapic(lapic.with(LapicState.SVR, 0x1FF).with(LapicState.TPR, 0x20));
            assertThat(second.lapic().register(LapicState.SVR)).isEqualTo(0x1FF);
            assertThat(second.lapic().register(LapicState.TPR)).isEqualTo(0x20);
        }
    }

    @Test
    void clockOfTheProcessor() {
        try (var guest = Guest.realMode("f4")) {
            KvmProcessor processor = guest.vcpu.processor();
            assertThat(processor.tscKilohertz()).isGreaterThan(100_000);
            OptionalLong before = processor.tscOffset();
            if (before.isPresent()) {
                assertThat(processor.setTscOffset(before.getAsLong() + 12_345)).isTrue();
                // A KVM without virtualization hardware takes the offset and cannot apply it.
                long expected = before.getAsLong() + (fullSystem() ? 12_345 : 0);
                assertThat(processor.tscOffset()).hasValue(expected);
            }
            assertThat(processor.clockWasStopped()).as("the guest has no kvmclock").isFalse();
        }
    }

    @Test
    void linearAddressesAreTranslated() {
        try (var guest = Guest.realMode("f4")) {
            assertThat(guest.vcpu.processor().translate(0x1234).physical()).hasValue(0x1234);
            guest.memory.writeLong(0x3000, 0x4000 | 3);
            guest.memory.writeLong(0x4000, 0x5000 | 3);
            guest.memory.writeLong(0x5000 + 8, 0x83); // 2 MiB at linear 2 MiB leads to 0
            guest.vcpu.setSpecialRegisters(SpecialRegisters.longMode(0x3000, 0));
            assertThat(guest.vcpu.processor().translate(0x20_1234).physical()).hasValue(0x1234);
            assertThat(guest.vcpu.processor().translate(0x40_0000).physical()).isEmpty();
        }
    }

    @Test
    void machineChecks() {
        try (var guest = Guest.realMode("f4"); var system = KvmSystem.open()) {
            long most = system.machineCheckCapabilities();
            int banks = Math.min(system.check(KvmCapability.MCE), 4);
            guest.vcpu.processor().setUpMachineChecks(most & ~0xFFL | banks);
            assertThat(guest.vcpu.msr(Msr.MCG_CAP) & 0xFF).isEqualTo(banks);
            // Corrected: a valid bank (63) with an address (58), which raises nothing.
            long status = 1L << 63 | 1L << 58;
            guest.vcpu.processor().raiseMachineCheck(1, status, 0x1234, 0, 0);
            assertThat(guest.vcpu.msr(0x405)).as("MC1_STATUS").isEqualTo(status);
            assertThat(guest.vcpu.msr(0x406)).as("MC1_ADDR").isEqualTo(0x1234);
        }
    }

    @Test
    void resetMakesItAsItWas() {
        for (Interrupts interrupts : Interrupts.values()) {
            try (var guest = Guest.empty(interrupts, 1)) {
                KvmVcpu vcpu = guest.vcpu;
                X86State before = vcpu.save();
                guest.load(Guest.CODE, "0f20c0 ba1000 ee f4");
                guest.start(vcpu, Guest.CODE);
                vcpu.setMsrs(List.of(new MsrEntry(Msr.LSTAR, 99)));
                vcpu.setDebugRegisters(new DebugRegisters(1, 2, 3, 4, 0xFFFF_0FF0L, 0x400));
                assertThat(vcpu.run()).isInstanceOf(VcpuExit.PortWrite.class);
                vcpu.reset();
                X86State after = vcpu.save();
                assertThat(after.registers()).isEqualTo(before.registers());
                assertThat(after.special()).isEqualTo(before.special());
                assertThat(after.debug()).isEqualTo(before.debug());
                assertThat(after.events()).isEqualTo(before.events());
                assertThat(after.mpState()).isEqualTo(before.mpState());
                assertThat(withoutTime(after.msrs())).isEqualTo(withoutTime(before.msrs()));
                assertThat(after.lapic().map(l -> l.register(LapicState.SVR)))
                        .isEqualTo(before.lapic().map(l -> l.register(LapicState.SVR)));
            }
        }
    }

    @Test
    void aWholeStateCanBeRestoredInAnotherMachine() {
        for (Interrupts interrupts : Interrupts.values()) {
            X86State saved;
            try (var guest = Guest.empty(interrupts, 1)) {
                guest.load(Guest.CODE, "b81234 ba1000 ef 40 ef f4");
                guest.start(guest.vcpu, Guest.CODE);
                assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortWrite(0x10, 2, 1, 0x3412));
                saved = guest.vcpu.save();
                assertThat(saved.registers().rip()).as("behind the instruction that left").isEqualTo(Guest.CODE + 7);
            }
            try (var guest = Guest.empty(interrupts, 1)) {
                guest.load(Guest.CODE, "b81234 ba1000 ef 40 ef f4");
                guest.vcpu.restore(saved);
                assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortWrite(0x10, 2, 1, 0x3413));
                assertThat(withoutTime(guest.vcpu.msrs(guest.vcpu.supportedMsrs())))
                        .isEqualTo(withoutTime(saved.msrs()));
            }
        }
    }

    private static boolean fullSystem() {
        return new KvmHypervisor().capabilities().contains(Capability.FULL_SYSTEM);
    }

    private static Set<MsrEntry> withoutTime(List<MsrEntry> msrs) {
        var result = new HashSet<>(msrs);
        result.removeIf(m -> m.index() == Msr.TSC || m.index() == Msr.TSC_ADJUST);
        return result;
    }
}
