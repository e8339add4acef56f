package dev.vz.conformance;

import static dev.vz.conformance.Condition.NE;
import static dev.vz.conformance.GuestLayout.MAILBOX;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.conformance.ExitRecorder.Stop;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.CpuFeature;
import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.LapicState;
import dev.vz.cpu.x86.Msr;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.cpu.x86.TscControl;
import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.cpu.x86.X86State;
import dev.vz.error.CapabilityException;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.GuestClock;
import dev.vz.hypervisor.InterruptControllers;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.irq.InterruptControllerState;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.opentest4j.TestAbortedException;

/** A processor goes on elsewhere from where its state was saved, and starts anew after a reset. */
interface StateChapter extends Chapter {

    private static void copyMemory(Guest from, Guest to) {
        for (var region : from.memory().regions()) {
            to.memory().write(region.guestAddress(), region.segment());
        }
    }

    @ParameterizedTest
    @EnumSource
    default void goesOnInAnotherMachine(GuestMode mode) {
        int word = mode.wordSize();
        GuestBuilder counting = guest(mode).code(a -> a.mov(4, CX, 1000).mov(4, BX, 0).label("next")
                .alu(Alu.ADD, 4, BX, CX).alu(Alu.CMP, 4, CX, 500).jump(NE, "on").in(1, 0x10).label("on").dec(4, CX)
                .jump(NE, "next").push(BX).pop(AX).store(word, at(MAILBOX), AX).end());
        X86State state;
        try (Guest first = counting.build()) {
            assertThat(first.vcpu().run()).isEqualTo(new VcpuExit.PortRead(0x10, 1, 1));
            first.vcpu().kick();
            assertThat(first.vcpu().run()).isEqualTo(new VcpuExit.Kicked());
            state = first.vcpu().save();
            try (Guest second = counting.build()) {
                copyMemory(first, second);
                second.vcpu().restore(state);
                assertThat(second.vcpu().registers()).isEqualTo(state.registers());
                second.runToEnd();
                assertThat(second.exits()).isEmpty();
                assertThat(second.mailbox(0, 2)).isEqualTo(500_500 & 0xFFFF);
            }
            first.runToEnd();
            assertThat(first.mailbox(0, 2)).as("saving disturbs nothing").isEqualTo(500_500 & 0xFFFF);
        }
    }

    @Test
    default void savesTheSameStateThatWasRestored() {
        try (Guest first = guest(GuestMode.LONG64).code(a -> a.mov(4, AX, 1).end()).build();
                Guest second = guest(GuestMode.LONG64).build()) {
            first.runToEnd();
            first.vcpu().setMsrs(List.of(new MsrEntry(Msr.LSTAR, 0x1234), new MsrEntry(Msr.KERNEL_GS_BASE, 0x5678)));
            X86State saved = first.vcpu().save();
            second.vcpu().restore(saved);
            X86State again = second.vcpu().save();
            assertThat(again.registers()).isEqualTo(saved.registers());
            assertThat(again.special()).isEqualTo(saved.special());
            assertThat(again.debug()).isEqualTo(saved.debug());
            assertThat(again.xcr0()).isEqualTo(saved.xcr0());
            assertThat(again.mpState()).isEqualTo(saved.mpState());
            assertThat(again.events()).isEqualTo(saved.events());
            assertThat(again.cpuid()).isEqualTo(saved.cpuid());
            assertThat(Arrays.copyOf(again.xsave().toByteArray(), 416))
                    .isEqualTo(Arrays.copyOf(saved.xsave().toByteArray(), 416));
            assertThat(again.msrs()).filteredOn(StateChapter::standsStill)
                    .isEqualTo(saved.msrs().stream().filter(StateChapter::standsStill).toList());
        }
    }

    private static boolean standsStill(MsrEntry entry) {
        return entry.index() != Msr.TSC && entry.index() != Msr.TSC_DEADLINE;
    }

    @Test
    default void takesAnInterruptInFlightAlong() {
        requires(Capability.INTERRUPT_INJECTION);
        try (Guest first = guest(GuestMode.LONG64).build(); Guest second = guest(GuestMode.LONG64).build()) {
            VcpuEvents none = VcpuEvents.none();
            first.vcpu().setEvents(new VcpuEvents(none.exception(), new VcpuEvents.InterruptEvent(true, 0x77, false, 0),
                    none.nmi(), none.smi(), 0, false));
            second.vcpu().restore(first.vcpu().save());
            assertThat(second.runToFault().vector()).isEqualTo(0x77);
        }
    }

    @Test
    default void takesTheVectorRegistersAlong() {
        GuestBuilder guest = guest(GuestMode.USER64).code(a -> a.mov(8, AX, 0x1234_5678_9ABC_DEF0L)
                .raw("movq xmm9, rax", 0x66, 0x4C, 0x0F, 0x6E, 0xC8).out(1, 0x10)
                .raw("movq rbx, xmm9", 0x66, 0x4C, 0x0F, 0x7E, 0xCB).end());
        try (Guest first = guest.build(); Guest second = guest.build()) {
            assertThat(first.vcpu().run()).isInstanceOf(VcpuExit.PortWrite.class);
            first.vcpu().kick();
            first.vcpu().run();
            copyMemory(first, second);
            second.vcpu().restore(first.vcpu().save());
            second.runToEnd();
            assertThat(second.vcpu().registers().rbx()).isEqualTo(0x1234_5678_9ABC_DEF0L);
        }
    }

    @Test
    default void takesTheLocalApicAlong() {
        requires(Capability.INTERRUPT_CONTROLLER);
        GuestBuilder guest = guest(GuestMode.LONG64).interrupts(Interrupts.FULL);
        try (Guest first = guest.build(); Guest second = guest.build()) {
            first.vcpu()
                    .setLapic(first.vcpu().lapic().with(LapicState.SVR, 0x1EE).with(LapicState.LVT_TIMER, 0x1_0055));
            second.vcpu().restore(first.vcpu().save());
            assertThat(second.vcpu().lapic().register(LapicState.SVR)).isEqualTo(0x1EE);
            assertThat(second.vcpu().lapic().register(LapicState.LVT_TIMER)).isEqualTo(0x1_0055);
        }
    }

    @Test
    default void keepsTheMachinesInterruptControllers() {
        requires(Capability.INTERRUPT_CONTROLLER);
        GuestBuilder guest = guest(GuestMode.LONG64).interrupts(Interrupts.FULL);
        try (Guest first = guest.code(a -> a.mov(1, AX, 0x11).out(1, 0x20).mov(1, AX, 0x30).out(1, 0x21).mov(1, AX, 4)
                .out(1, 0x21).mov(1, AX, 1).out(1, 0x21).mov(1, AX, 0xEF).out(1, 0x21) // ICW1 to ICW4, mask
                .mov(1, AX, 0x34).out(1, 0x43).mov(1, AX, 0x9C).out(1, 0x40).mov(1, AX, 0x2E).out(1, 0x40).end())
                .build();
                Guest second = guest.build()) {
            first.runToEnd();
            InterruptControllerState state = ((InterruptControllers) first.machine()).interruptControllers();
            assertThat(state.master().irqBase()).isEqualTo(0x30);
            assertThat(state.master().imr()).isEqualTo(0xEF);
            assertThat(state.pit().channels().get(0).count()).isEqualTo(0x2E9C);
            assertThat(state.pit().channels().get(0).mode()).isEqualTo(2);
            assertThat(state.ioapic().redirection()).hasSize(24).allSatisfy(
                    entry -> assertThat(entry & 0x1_0000).as("masked after reset").isNotZero());
            ((InterruptControllers) second.machine()).setInterruptControllers(state);
            InterruptControllerState again = ((InterruptControllers) second.machine()).interruptControllers();
            assertThat(again.master()).isEqualTo(state.master());
            assertThat(again.slave()).isEqualTo(state.slave());
            assertThat(again.ioapic()).isEqualTo(state.ioapic());
            assertThat(again.pit().channels().get(0).count()).isEqualTo(0x2E9C);
        }
    }

    @Test
    default void namesTheFeatureThatAnotherProcessorHasAndThisHasNot() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            X86State saved = guest.vcpu().save();
            CpuFeature foreign = Arrays.stream(CpuFeature.values())
                    .filter(f -> f == CpuFeature.VMX || f == CpuFeature.SSE4A || f == CpuFeature.SPEC_CTRL
                            || f == CpuFeature.LA57)
                    .filter(f -> !guest.vcpu().supportedCpuid().has(f)).findFirst().orElseThrow();
            Cpuid richer = saved.cpuid().with(foreign, true);
            var wanted = new X86State(richer, saved.registers().withRax(99), saved.special(), saved.xcr0(),
                    saved.xsave(),
                    saved.debug(), saved.msrs(), saved.lapic(), saved.mpState(), saved.events());
            assertThatThrownBy(() -> guest.vcpu().restore(wanted)).isInstanceOf(CapabilityException.class)
                    .hasMessageContaining(foreign.name());
            assertThat(guest.vcpu().registers()).as("nothing was touched").isEqualTo(saved.registers());
        }
    }

    // -------------------------------------------------------------------------------------------------- clocks

    @Test
    default void takesTheGuestsClockAlong() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            if (!(guest.machine() instanceof GuestClock clock)) {
                throw new TestAbortedException(hypervisor().name() + " has no clock for guests");
            }
            long hour = 3_600_000_000_000L;
            clock.setClockNanos(hour);
            long then = clock.clockNanos();
            assertThat(then).isBetween(hour, hour + 60_000_000_000L);
            assertThat(clock.clockNanos()).isGreaterThanOrEqualTo(then);
        }
    }

    @Test
    default void setsTheFrequencyOfTheTsc() {
        requires(Capability.TSC_CONTROL);
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            var control = (TscControl) guest.vcpu();
            long host = control.tscKilohertz();
            assertThat(host).isPositive();
            control.setTscKilohertz(host);
            assertThat(control.tscKilohertz()).isEqualTo(host);
        }
    }

    // -------------------------------------------------------------------------------------------------- reset

    @Test
    default void startsAnewAfterAReset() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(8, AX, -1).mov(4, CX, Msr.LSTAR & 0xFFFF_FFFFL)
                .wrmsr().end()).build()) {
            guest.vcpu().setMsrs(List.of(new MsrEntry(Msr.SYSENTER_CS, 8)));
            Cpuid before = guest.vcpu().cpuid();
            assertThat(guest.run()).isIn(Stop.END, Stop.FAULT);
            guest.vcpu().reset();
            assertThat(guest.vcpu().registers().rip()).isEqualTo(0xFFF0);
            assertThat(guest.vcpu().registers().rax()).isZero();
            assertThat(guest.vcpu().registers().rflags()).isEqualTo(2);
            assertThat(guest.vcpu().specialRegisters().cs().base()).isEqualTo(0xFFFF_0000L);
            assertThat(guest.vcpu().specialRegisters().cs().selector()).isEqualTo(0xF000);
            assertThat(guest.vcpu().specialRegisters().efer()).isZero();
            assertThat(guest.vcpu().specialRegisters().cr0() & 1).isZero();
            assertThat(guest.vcpu().specialRegisters().cr4()).isZero();
            assertThat(guest.vcpu().msr(Msr.SYSENTER_CS)).isZero();
            assertThat(guest.vcpu().events()).isEqualTo(VcpuEvents.none());
            assertThat(guest.vcpu().cpuid().find(1, 0)).as("CPUID stays").isEqualTo(before.find(1, 0));
        }
    }

    @Test
    default void runsAgainAfterAResetFromShutdown() {
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, CX, 0).div(4, CX).label("again").end()).build()) {
            guest.vcpu().setSpecialRegisters(
                    guest.vcpu().specialRegisters().withIdt(new dev.vz.cpu.x86.DescriptorTable(0, 0)));
            for (int i = 0; i < 3; i++) {
                assertThat(guest.run()).isEqualTo(Stop.EXIT);
                assertThat(guest.exits()).last().isEqualTo(new VcpuExit.Shutdown());
                guest.vcpu().reset();
                guest.start(0, guest.address("again"));
                guest.runToEnd();
                guest.start(0, GuestLayout.CODE);
                guest.vcpu().setSpecialRegisters(
                        guest.vcpu().specialRegisters().withIdt(new dev.vz.cpu.x86.DescriptorTable(0, 0)));
            }
        }
    }

    @Test
    default void isTheSameAfterAResetAsWhenItWasNew() {
        try (Guest guest = guest(GuestMode.LONG64).build(); Guest other = guest(GuestMode.REAL).build()) {
            guest.runToEnd();
            guest.vcpu().reset();
            other.vcpu().reset();
            assertThat(guest.vcpu().specialRegisters()).isEqualTo(other.vcpu().specialRegisters());
            assertThat(guest.vcpu().registers()).isEqualTo(other.vcpu().registers());
            assertThat(guest.vcpu().debugRegisters()).isEqualTo(other.vcpu().debugRegisters());
            assertThat(guest.vcpu().mpState()).isEqualTo(other.vcpu().mpState());
        }
    }
}
