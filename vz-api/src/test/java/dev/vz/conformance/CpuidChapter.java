package dev.vz.conformance;

import static dev.vz.conformance.GuestLayout.MAILBOX;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static dev.vz.conformance.Register.DX;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.CpuFeature;
import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.Msr;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.Capability;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** CPUID answers what was set, and model-specific registers hold what was written. */
interface CpuidChapter extends Chapter {

    /** Runs CPUID in the guest. */
    private static int[] ask(Guest guest, int function, int index) {
        X86Vcpu vcpu = guest.vcpu();
        guest.start(0, GuestLayout.CODE);
        vcpu.setRegisters(vcpu.registers().withRax(function & 0xFFFF_FFFFL).withRcx(index & 0xFFFF_FFFFL));
        guest.runToEnd();
        return new int[] {(int) guest.mailbox(0, 4), (int) guest.mailbox(4, 4), (int) guest.mailbox(8, 4),
            (int) guest.mailbox(12, 4)};
    }

    private GuestBuilder asking() {
        return guest(GuestMode.LONG64).code(a -> a.cpuid().store(4, at(MAILBOX), AX).store(4, at(MAILBOX + 4), BX)
                .store(4, at(MAILBOX + 8), CX).store(4, at(MAILBOX + 12), DX).end());
    }

    @Test
    default void answersTheLeavesThatWereSet() {
        try (Guest guest = asking().build()) {
            Cpuid set = guest.vcpu().supportedCpuid()
                    .with(Cpuid.Entry.of(0x4000_0000, 0x4000_0000, 0x6974_7061, 0x6E6F_6974, 0x2121_2121));
            guest.vcpu().setCpuid(set);
            assertThat(ask(guest, 0x4000_0000, 0)).containsExactly(0x4000_0000, 0x6974_7061, 0x6E6F_6974, 0x2121_2121);
            Cpuid.Entry vendor = set.find(0, 0).orElseThrow();
            assertThat(ask(guest, 0, 7)).containsExactly(vendor.eax(), vendor.ebx(), vendor.ecx(), vendor.edx());
            Cpuid.Entry signature = set.find(1, 0).orElseThrow();
            assertThat(ask(guest, 1, 0)[0]).isEqualTo(signature.eax());
        }
    }

    @Test
    default void hidesAFeature() {
        requires(Capability.FULL_SYSTEM); // without hardware to intercept CPUID, unprivileged code sees the host's
        try (Guest guest = asking().build()) {
            Cpuid supported = guest.vcpu().supportedCpuid();
            assertThat(supported.has(CpuFeature.SSE2)).isTrue();
            guest.vcpu().setCpuid(supported.with(CpuFeature.SSE2, false));
            assertThat(guest.vcpu().cpuid().has(CpuFeature.SSE2)).isFalse();
            assertThat(ask(guest, 1, 0)[3] & 1 << CpuFeature.SSE2.bit()).isZero();
        }
    }

    @Test
    default void supportsWhatALongModeSystemNeeds() {
        try (Guest guest = asking().build()) {
            Cpuid supported = guest.vcpu().supportedCpuid();
            for (CpuFeature feature : List.of(CpuFeature.FPU, CpuFeature.TSC, CpuFeature.MSR, CpuFeature.PAE,
                    CpuFeature.CX8, CpuFeature.CMOV, CpuFeature.FXSR, CpuFeature.SSE, CpuFeature.SSE2,
                    CpuFeature.LONG_MODE, CpuFeature.NX, CpuFeature.SYSCALL)) {
                assertThat(supported.has(feature)).as("%s", feature).isTrue();
            }
            if (announces(Capability.FULL_SYSTEM)) {
                assertThat(supported.missingFrom(guest.vcpu().cpuid())).as("a new vCPU announces no more than it may")
                        .isEmpty();
            }
        }
    }

    @Test
    default void tellsEachProcessorItsOwnNumber() {
        requires(Capability.SMP);
        try (Guest guest = asking().vcpus(2).build()) {
            for (int id = 0; id < 2; id++) {
                X86Vcpu vcpu = guest.vcpu(id);
                vcpu.setCpuid(vcpu.supportedCpuid().forProcessor(id, 2));
                assertThat(vcpu.cpuid().find(1, 0).orElseThrow().ebx() >>> 24).isEqualTo(id);
                assertThat(vcpu.cpuid().find(1, 0).orElseThrow().ebx() >>> 16 & 0xFF).isEqualTo(2);
            }
        }
    }

    // -------------------------------------------------------------------------------------------------- MSRs

    /** WRMSR, then RDMSR into the mailbox. */
    private GuestBuilder writing(int index, long value) {
        return guest(GuestMode.LONG64).code(a -> a.mov(4, CX, index & 0xFFFF_FFFFL).mov(4, AX, value & 0xFFFF_FFFFL)
                .mov(4, DX, value >>> 32).wrmsr().mov(4, AX, 0).mov(4, DX, 0).rdmsr().store(4, at(MAILBOX), AX)
                .store(4, at(MAILBOX + 4), DX).end());
    }

    @ParameterizedTest
    @ValueSource(ints = {Msr.LSTAR, Msr.STAR, Msr.SYSENTER_EIP, Msr.KERNEL_GS_BASE, Msr.FS_BASE, Msr.GS_BASE})
    default void keepsWhatTheGuestWritesToAnMsr(int index) {
        long value = 0x0000_7123_4567_89A0L;
        try (Guest guest = writing(index, value).build()) {
            guest.runToEnd();
            assertThat(guest.mailbox(0, 8)).isEqualTo(value);
            assertThat(guest.vcpu().msr(index)).isEqualTo(value);
            if (index == Msr.GS_BASE) {
                assertThat(guest.vcpu().specialRegisters().gs().base()).as("the base of GS").isEqualTo(value);
            }
        }
    }

    @Test
    default void showsTheGuestWhatWasWrittenToAnMsr() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, CX, Msr.LSTAR & 0xFFFF_FFFFL).rdmsr()
                .store(4, at(MAILBOX), AX).store(4, at(MAILBOX + 4), DX).end()).build()) {
            guest.vcpu().setMsrs(List.of(new MsrEntry(Msr.LSTAR, 0xFFFF_8000_1234_5678L),
                    new MsrEntry(Msr.SYSENTER_CS, 0x10)));
            guest.runToEnd();
            assertThat(guest.mailbox(0, 8)).isEqualTo(0xFFFF_8000_1234_5678L);
            assertThat(guest.vcpu().msrs(List.of(Msr.SYSENTER_CS, Msr.LSTAR))).containsExactly(
                    new MsrEntry(Msr.SYSENTER_CS, 0x10), new MsrEntry(Msr.LSTAR, 0xFFFF_8000_1234_5678L));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    default void faultsAtAnMsrThatDoesNotExist(boolean write) {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> {
            a.mov(4, CX, 0x0BAD_0BAD).mov(4, AX, 0).mov(4, DX, 0);
            (write ? a.wrmsr() : a.rdmsr()).end();
        }).build()) {
            GuestFault fault = guest.runToFault();
            assertThat(fault.vector()).isEqualTo(GuestFault.GP);
            assertThat(fault.errorCode()).isZero();
            assertThat(fault.ip()).isEqualTo(GuestLayout.CODE + 15);
        }
    }

    @Test
    default void faultsAtAValueThatAnMsrCannotHold() {
        try (Guest guest = writing(Msr.LSTAR, 0x8000_0000_0000_0000L).build()) {
            assertThat(guest.runToFault().vector()).as("not canonical").isEqualTo(GuestFault.GP);
        }
    }

    @Test
    default void namesTheMsrThatTheCallerCannotRead() {
        try (Guest guest = asking().build()) {
            assertThatThrownBy(() -> guest.vcpu().msrs(List.of(Msr.LSTAR, 0x0BAD_0BAD)))
                    .isInstanceOf(ConfigurationException.class).hasMessageContaining("0xbad0bad");
            assertThatThrownBy(() -> guest.vcpu().setMsrs(List.of(new MsrEntry(Msr.LSTAR, 0x1000),
                    new MsrEntry(0x0BAD_0BAD, 1)))).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("0xbad0bad");
            assertThat(guest.vcpu().msr(Msr.LSTAR)).as("those before it are written").isEqualTo(0x1000);
        }
    }

    @Test
    default void readsEveryMsrThatItSaysIsState() {
        try (Guest guest = asking().build()) {
            List<Integer> indices = guest.vcpu().supportedMsrs();
            assertThat(indices).contains(Msr.STAR, Msr.LSTAR, Msr.SYSENTER_CS, Msr.TSC, Msr.PAT)
                    .doesNotHaveDuplicates();
            assertThat(guest.vcpu().msrs(indices)).extracting(MsrEntry::index).containsExactlyElementsOf(indices);
        }
    }

    @Test
    default void countsTimeInTheTsc() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.raw("rdtsc", 0x0F, 0x31).store(4, at(MAILBOX), AX)
                .store(4, at(MAILBOX + 4), DX).raw("rdtsc", 0x0F, 0x31).store(4, at(MAILBOX + 8), AX)
                .store(4, at(MAILBOX + 12), DX).end()).build()) {
            guest.runToEnd();
            assertThat(guest.mailbox(8, 8)).isGreaterThan(guest.mailbox(0, 8));
            assertThat(guest.vcpu().msr(Msr.TSC)).isGreaterThan(guest.mailbox(8, 8));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FLAT32", "LONG64"})
    default void runsCpuidInEveryCodeSize(GuestMode mode) {
        try (Guest guest = guest(mode).code(a -> a.mov(4, AX, 0x8000_0000L).cpuid().store(4, at(MAILBOX), AX).end())
                .build()) {
            guest.runToEnd();
            assertThat(Integer.compareUnsigned((int) guest.mailbox(0, 4), 0x8000_0001)).isNotNegative();
            assertThat(guest.exits()).as("CPUID is no exit").doesNotHaveAnyElementsOfTypes(VcpuExit.Unknown.class)
                    .isEmpty();
        }
    }
}
