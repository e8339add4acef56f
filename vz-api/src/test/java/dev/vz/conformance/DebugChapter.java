package dev.vz.conformance;

import static dev.vz.conformance.Condition.NE;
import static dev.vz.conformance.GuestLayout.DATA;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExit.Debug;
import dev.vz.cpu.x86.GuestDebug;
import dev.vz.cpu.x86.GuestDebug.Breakpoint;
import dev.vz.cpu.x86.GuestDebug.Condition;
import dev.vz.cpu.x86.GuestDebug.Settings;
import dev.vz.hypervisor.Capability;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Guests can be stepped and stopped; whether one that looks finds the step's trap flag in RFLAGS is left open. */
interface DebugChapter extends Chapter {

    private GuestBuilder debugged(GuestMode mode) {
        requires(Capability.GUEST_DEBUG);
        if (mode == GuestMode.USER64) {
            requires(Capability.FULL_SYSTEM);
        }
        return guest(mode);
    }

    private static void debug(Guest guest, Settings settings) {
        ((GuestDebug) guest.vcpu()).setDebug(settings);
    }

    private static Debug debugExit(Guest guest) {
        VcpuExit exit = guest.vcpu().run();
        assertThat(exit).isInstanceOf(Debug.class);
        return (Debug) exit;
    }

    @ParameterizedTest
    @EnumSource(names = {"REAL", "FLAT32", "LONG64", "USER64"})
    default void stopsAfterEveryInstruction(GuestMode mode) {
        try (Guest guest = debugged(mode).code(a -> a.mov(2, AX, 1).label("a").inc(2, AX).label("b").jmp("d")
                .label("c").nop().label("d").mov(2, BX, AX).label("e").nop().label("f").end()).build()) {
            debug(guest, Settings.step());
            long base = mode == GuestMode.REAL ? GuestLayout.CODE : 0;
            for (String label : List.of("a", "b", "d", "e", "f")) {
                Debug stop = debugExit(guest);
                assertThat(stop.exception()).isEqualTo(GuestFault.DB);
                assertThat(stop.pc()).as("before %s", label).isEqualTo(base + guest.address(label));
                assertThat(stop.dr6() & 0x4000).as("BS in DR6").isNotZero();
                assertThat(guest.vcpu().registers().rip()).isEqualTo(guest.address(label));
            }
            debug(guest, Settings.off());
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rbx()).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"LONG64", "USER64"})
    default void stopsBeforeTheInstructionAtAHardwareBreakpoint(GuestMode mode) {
        requires(Capability.FULL_SYSTEM);
        try (Guest guest = debugged(mode).code(a -> a.mov(4, CX, 3).label("next").inc(4, AX).label("here").dec(4, CX)
                .jump(NE, "next").end()).build()) {
            debug(guest, Settings.at(guest.address("here")));
            for (int i = 1; i <= 3; i++) {
                Debug stop = debugExit(guest);
                assertThat(stop.pc()).isEqualTo(guest.address("here"));
                assertThat(stop.exception()).isEqualTo(GuestFault.DB);
                assertThat(stop.dr6() & 1).as("B0 in DR6").isEqualTo(1);
                assertThat(guest.vcpu().registers().rax()).isEqualTo(i);
                assertThat(guest.vcpu().registers().rcx()).isEqualTo(4 - i);
            }
            debug(guest, Settings.off());
            guest.runToEnd();
        }
    }

    @Test
    default void watchesWritesAndReads() {
        requires(Capability.FULL_SYSTEM);
        try (Guest guest = debugged(GuestMode.LONG64).code(a -> a.mov(4, BX, DATA).store(4, at(BX, 8), 1)
                .label("other").store(4, at(BX), 2).label("written").load(4, AX, at(BX, 16)).label("read").nop().end())
                .build()) {
            debug(guest, new Settings(false, false, List.of(new Breakpoint(DATA, Condition.WRITE, 4),
                    new Breakpoint(DATA + 16, Condition.ACCESS, 8))));
            Debug write = debugExit(guest);
            assertThat(write.pc()).as("after the write").isEqualTo(guest.address("written"));
            assertThat(write.dr6() & 0xF).isEqualTo(1);
            Debug read = debugExit(guest);
            assertThat(read.pc()).isEqualTo(guest.address("read"));
            assertThat(read.dr6() & 0xF).isEqualTo(2);
            debug(guest, Settings.off());
            guest.runToEnd();
        }
    }

    @Test
    default void stopsAtAPlantedInt3() {
        requires(Capability.FULL_SYSTEM);
        try (Guest guest = debugged(GuestMode.LONG64).code(a -> a.mov(4, AX, 1).label("here").nop().mov(4, BX, 2).end())
                .build()) {
            long here = guest.address("here");
            guest.memory().writeByte(here, (byte) 0xCC);
            debug(guest, new Settings(false, true, List.of()));
            Debug stop = debugExit(guest);
            assertThat(stop.exception()).isEqualTo(GuestFault.BP);
            assertThat(stop.pc()).isEqualTo(here);
            guest.memory().writeByte(here, (byte) 0x90);
            debug(guest, Settings.off());
            guest.vcpu().setRegisters(guest.vcpu().registers().withRip(here));
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rbx()).isEqualTo(2);
        }
    }

    @Test
    default void stepsOverAccessesThatLeaveTheGuest() {
        try (Guest guest = debugged(GuestMode.LONG64).code(a -> a.mov(4, AX, 5).out(1, 0x10).mov(4, BX, 6).nop()
                .label("stop").nop().end()).build()) {
            debug(guest, Settings.step());
            var kinds = new ArrayList<Class<?>>();
            while (guest.vcpu().registers().rip() != guest.address("stop")) {
                kinds.add(guest.vcpu().run().getClass());
            }
            assertThat(kinds).contains(VcpuExit.PortWrite.class, Debug.class);
            debug(guest, Settings.off());
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rbx()).isEqualTo(6);
        }
    }

    @Test
    default void deliversTheGuestsOwnDebugTraps() {
        requires(Capability.FULL_SYSTEM);
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(8, BX, DATA).writeDebug(0, BX).mov(4, BX, 0xD0402)
                .writeDebug(7, BX).mov(4, BX, DATA).label("first").store(4, at(BX), 7).label("behind").nop().end())
                .build()) {
            GuestFault fault = guest.runToFault();
            assertThat(fault.vector()).isEqualTo(GuestFault.DB);
            assertThat(fault.ip()).isEqualTo(guest.address("behind"));
            assertThat(guest.vcpu().debugRegisters().dr6() & 0xF).isEqualTo(1);
            assertThat(guest.vcpu().debugRegisters().dr0()).isEqualTo(DATA);
        }
    }

    @Test
    default void trapsTheGuestThatSetsItsTrapFlag() {
        requires(Capability.FULL_SYSTEM);
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.pushFlags().pop(AX).alu(Alu.OR, 4, AX, 0x100).push(AX)
                .popFlags().nop().label("behind").nop().end()).build()) {
            GuestFault fault = guest.runToFault();
            assertThat(fault.vector()).isEqualTo(GuestFault.DB);
            assertThat(fault.ip()).isEqualTo(guest.address("behind"));
            assertThat(guest.mailbox(0, 1)).isZero();
        }
    }
}
