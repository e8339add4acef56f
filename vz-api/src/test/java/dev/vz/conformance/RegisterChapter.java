package dev.vz.conformance;

import static dev.vz.conformance.Memory.at;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.x86.DebugRegisters;
import dev.vz.cpu.x86.DescriptorTable;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.LapicState;
import dev.vz.cpu.x86.MpState;
import dev.vz.cpu.x86.Segment;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every register reads back as it was written, and is what the guest sees. */
interface RegisterChapter extends Chapter {

    @Test
    default void keepsTheGeneralRegisters() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            var set = new GeneralRegisters(0x1111_1111_1111_1111L, 2, -3, 4L << 40, 5, 6, 0x7000, 8, 9, Long.MIN_VALUE,
                    Long.MAX_VALUE, 12, 13, 14, 15, 16, GuestLayout.CODE, 0x8D7);
            guest.vcpu().setRegisters(set);
            assertThat(guest.vcpu().registers()).isEqualTo(set);
            guest.vcpu().setRegisters(GeneralRegisters.zero());
            assertThat(guest.vcpu().registers()).as("bit 1 of RFLAGS is always 1").isEqualTo(GeneralRegisters.zero());
        }
    }

    @ParameterizedTest
    @EnumSource
    default void keepsTheSpecialRegistersOfEveryMode(GuestMode mode) {
        try (Guest guest = guest(mode).build()) {
            SpecialRegisters set = mode.registers().withApicBase(guest.vcpu().specialRegisters().apicBase());
            SpecialRegisters read = guest.vcpu().specialRegisters();
            assertThat(read.cs()).isEqualTo(set.cs());
            assertThat(read.ds()).isEqualTo(set.ds());
            assertThat(read.es()).isEqualTo(set.es());
            assertThat(read.fs()).isEqualTo(set.fs());
            assertThat(read.gs()).isEqualTo(set.gs());
            assertThat(read.ss()).isEqualTo(set.ss());
            assertThat(read.tr()).isEqualTo(set.tr());
            assertThat(read.gdt()).isEqualTo(set.gdt());
            assertThat(read.idt()).isEqualTo(set.idt());
            assertThat(read.cr0()).isEqualTo(set.cr0());
            assertThat(read.cr3()).isEqualTo(set.cr3());
            assertThat(read.cr4()).isEqualTo(set.cr4());
            assertThat(read.efer()).isEqualTo(set.efer());
            assertThat(read.pendingInterrupt()).isEqualTo(-1);
        }
    }

    @Test
    default void keepsEachSpecialRegisterByItself() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            X86Vcpu vcpu = guest.vcpu();
            Segment data = Segment.data(GuestLayout.KERNEL_DATA, 0).withBase(0x1234_5678);
            vcpu.setSpecialRegisters(vcpu.specialRegisters().withFs(data).withGs(data.withBase(0x7FFF_1234_5678L))
                    .withCr2(0x7000_1234_5000L).withCr8(5).withGdt(new DescriptorTable(0x9000, 0x7F))
                    .withIdt(new DescriptorTable(0xFFFF_8000_0000_0000L, 0xFFF)));
            SpecialRegisters read = vcpu.specialRegisters();
            assertThat(read.fs()).isEqualTo(data);
            assertThat(read.gs().base()).isEqualTo(0x7FFF_1234_5678L);
            assertThat(read.cr2()).isEqualTo(0x7000_1234_5000L);
            assertThat(read.cr8()).isEqualTo(5);
            assertThat(read.gdt()).isEqualTo(new DescriptorTable(0x9000, 0x7F));
            assertThat(read.idt()).isEqualTo(new DescriptorTable(0xFFFF_8000_0000_0000L, 0xFFF));
        }
    }

    @Test
    default void showsTheGuestItsControlRegisters() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.readControl(Register.AX, 0).readControl(Register.BX, 3)
                .readControl(Register.CX, 4).readControl(Register.DX, 2).end()).build()) {
            guest.vcpu().setSpecialRegisters(guest.vcpu().specialRegisters().withCr2(0x5555_0000));
            guest.runToEnd();
            SpecialRegisters special = guest.vcpu().specialRegisters();
            GeneralRegisters general = guest.vcpu().registers();
            assertThat(general.rax()).isEqualTo(special.cr0());
            assertThat(general.rbx()).isEqualTo(GuestLayout.PAGE_TABLES);
            assertThat(general.rcx()).isEqualTo(special.cr4());
            assertThat(general.rdx()).isEqualTo(0x5555_0000);
        }
    }

    @Test
    default void readsBackWhatTheGuestLoads() {
        try (Guest guest = guest(GuestMode.LONG64)
                .code(a -> a.lgdt(at(GuestLayout.DATA)).lidt(at(GuestLayout.DATA + 16))
                        .mov(4, Register.AX, GuestLayout.USER_DATA & ~3).mov(SegmentRegister.FS, Register.AX)
                        .mov(8, Register.BX, 0x1234_0000).writeControl(2, Register.BX)
                        .end())
                .build()) {
            guest.memory().writeShort(GuestLayout.DATA, (short) (GuestLayout.GDT_SIZE - 1));
            guest.memory().writeLong(GuestLayout.DATA + 2, GuestLayout.GDT);
            guest.memory().writeShort(GuestLayout.DATA + 16, (short) 0x1FF);
            guest.memory().writeLong(GuestLayout.DATA + 18, 0x4_2000);
            guest.runToEnd();
            SpecialRegisters read = guest.vcpu().specialRegisters();
            assertThat(read.gdt()).isEqualTo(new DescriptorTable(GuestLayout.GDT, GuestLayout.GDT_SIZE - 1));
            assertThat(read.idt()).isEqualTo(new DescriptorTable(0x4_2000, 0x1FF));
            assertThat(read.fs().selector()).isEqualTo(GuestLayout.USER_DATA & ~3);
            assertThat(read.fs().dpl()).as("from the descriptor").isEqualTo(3);
            assertThat(read.cr2()).isEqualTo(0x1234_0000);
        }
    }

    @Test
    default void refusesAStateThatNoProcessorHas() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            // Paging in long mode needs PAE (Intel SDM 3A, 4.1.1).
            SpecialRegisters impossible = guest.vcpu().specialRegisters().withCr4(0);
            assertThatThrownBy(() -> guest.vcpu().setSpecialRegisters(impossible))
                    .isInstanceOfAny(ConfigurationException.class, HostException.class);
            guest.runToEnd();
        }
    }

    @Test
    default void keepsTheDebugRegisters() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.readDebug(Register.AX, 1).end()).build()) {
            assertThat(guest.vcpu().debugRegisters()).isEqualTo(DebugRegisters.reset());
            var set = new DebugRegisters(0x1000, 0x2000, 0x7000_0000_3000L, 0x4000, 0xFFFF_0FF0L, 0x400);
            guest.vcpu().setDebugRegisters(set);
            assertThat(guest.vcpu().debugRegisters()).isEqualTo(set);
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rax()).isEqualTo(0x2000);
        }
    }

    @Test
    default void keepsPendingEvents() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            assertThat(guest.vcpu().events()).isEqualTo(VcpuEvents.none());
            VcpuEvents none = VcpuEvents.none();
            var set = new VcpuEvents(none.exception(), new VcpuEvents.InterruptEvent(true, 0x41, false, 0),
                    new VcpuEvents.NmiEvent(false, 0, true), none.smi(), 0, false);
            guest.vcpu().setEvents(set);
            assertThat(guest.vcpu().events().interrupt()).isEqualTo(set.interrupt());
            assertThat(guest.vcpu().events().nmi().masked()).isTrue();
            assertThat(guest.runToFault().vector()).as("the interrupt in flight arrives").isEqualTo(0x41);
            assertThat(guest.vcpu().events().interrupt().injected()).isFalse();
        }
    }

    @Test
    default void deliversAnExceptionThatWasPutInFlight() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            VcpuEvents none = VcpuEvents.none();
            guest.vcpu().setEvents(new VcpuEvents(
                    new VcpuEvents.ExceptionEvent(true, false, GuestFault.GP, true, 0x1234, false, 0), none.interrupt(),
                    none.nmi(), none.smi(), 0, false));
            GuestFault fault = guest.runToFault();
            assertThat(fault.vector()).isEqualTo(GuestFault.GP);
            assertThat(fault.errorCode()).isEqualTo(0x1234);
            assertThat(fault.ip()).isEqualTo(GuestLayout.CODE);
        }
    }

    @Test
    default void keepsTheLocalApic() {
        requires(Capability.INTERRUPT_CONTROLLER);
        try (Guest guest = guest(GuestMode.LONG64).interrupts(Interrupts.FULL).build()) {
            LapicState before = guest.vcpu().lapic();
            assertThat(before.register(LapicState.SVR) & 0xFF).as("spurious vector after reset").isEqualTo(0xFF);
            LapicState set = before.with(LapicState.SVR, 0x1F0).with(LapicState.TPR, 0x20)
                    .with(LapicState.LVT_TIMER, 0x1_0030).with(LapicState.TIMER_DIVIDE, 0xB)
                    .with(LapicState.IRR + 0x20, 1 << 5);
            guest.vcpu().setLapic(set);
            LapicState read = guest.vcpu().lapic();
            for (int register : new int[] {LapicState.SVR, LapicState.TPR, LapicState.LVT_TIMER,
                LapicState.TIMER_DIVIDE,
                LapicState.IRR + 0x20, LapicState.ID}) {
                assertThat(read.register(register)).as("register 0x%x", register).isEqualTo(set.register(register));
            }
        }
    }

    @Test
    default void hasNoLocalApicWithoutInterruptControllers() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            assertThatThrownBy(() -> guest.vcpu().lapic()).isInstanceOf(CapabilityException.class);
            assertThatThrownBy(() -> guest.machine().line(4)).isInstanceOf(CapabilityException.class);
        }
    }

    @Test
    default void keepsWhetherAProcessorWaits() {
        requires(Capability.INTERRUPT_CONTROLLER, Capability.SMP);
        try (Guest guest = guest(GuestMode.LONG64).interrupts(Interrupts.FULL).vcpus(2).build()) {
            assertThat(guest.vcpu(0).mpState()).isEqualTo(MpState.RUNNABLE);
            assertThat(guest.vcpu(1).mpState()).as("waits for INIT").isEqualTo(MpState.UNINITIALIZED);
            for (MpState state : new MpState[] {MpState.HALTED, MpState.INIT_RECEIVED, MpState.RUNNABLE}) {
                guest.vcpu(1).setMpState(state);
                assertThat(guest.vcpu(1).mpState()).isEqualTo(state);
            }
        }
    }
}
