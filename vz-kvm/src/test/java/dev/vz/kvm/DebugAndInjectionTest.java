package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GuestDebug.Breakpoint;
import dev.vz.cpu.x86.GuestDebug.Condition;
import dev.vz.cpu.x86.GuestDebug.Settings;
import dev.vz.cpu.x86.InterruptInjection;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.testing.Peers;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Stopping a guest where somebody wants to look, and interrupting one that has no controllers. */
class DebugAndInjectionTest {

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }

    @Test
    void singleStepStopsAfterEveryInstruction() {
        // inc ax (x3); hlt
        try (var guest = Guest.realMode("40 40 40 f4")) {
            guest.vcpu.setDebug(Settings.step());
            var stops = new ArrayList<Long>();
            for (int i = 0; i < 3; i++) {
                VcpuExit exit = guest.vcpu.run();
                assertThat(exit).isInstanceOfSatisfying(VcpuExit.Debug.class, debug -> {
                    assertThat(debug.exception()).isEqualTo(1);
                    stops.add(debug.pc());
                });
            }
            assertThat(stops).containsExactly(Guest.CODE + 1, Guest.CODE + 2, Guest.CODE + 3);
            guest.vcpu.setDebug(Settings.off());
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            assertThat(guest.vcpu.registers().rax()).isEqualTo(3);
        }
    }

    @Test
    void aHardwareBreakpointStopsBeforeTheInstruction() {
        try (var guest = Guest.realMode("40 40 40 f4")) {
            guest.vcpu.setDebug(Settings.at(Guest.CODE + 2));
            assertThat(guest.vcpu.run()).isInstanceOfSatisfying(VcpuExit.Debug.class,
                    debug -> assertThat(debug.pc()).isEqualTo(Guest.CODE + 2));
            assertThat(guest.vcpu.registers().rax()).isEqualTo(2);
        }
    }

    @Test
    void settingsThatNoProcessorHasAreRefused() {
        assertThatThrownBy(() -> new Settings(false, false, List.of(new Breakpoint(1, Condition.EXECUTE, 1),
                new Breakpoint(2, Condition.EXECUTE, 1), new Breakpoint(3, Condition.EXECUTE, 1),
                new Breakpoint(4, Condition.EXECUTE, 1), new Breakpoint(5, Condition.EXECUTE, 1))))
                .isInstanceOf(ConfigurationException.class);
        try (var guest = Guest.realMode("f4")) {
            guest.vcpu.setDebug(new Settings(true, true, List.of(new Breakpoint(0x2000, Condition.WRITE, 4),
                    new Breakpoint(0x3000, Condition.ACCESS, 8))));
            guest.vcpu.setDebug(Settings.off());
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
        }
    }

    @Test
    void anInterruptIsInjectedWhenTheGuestTakesIt() {
        // cli; out 0x10,al; sti; out 0x10,al (window opens after this one); jmp $
        try (var guest = Guest.realMode("fa e610 fb e610 ebfe")) {
            guest.memory.writeInt(4 * 0x30, 0x2000);
            guest.load(0x2000, "b030 e611 cf");
            var injection = (InterruptInjection) guest.vcpu;
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortWrite(0x10, 1, 1, 0));
            assertThat(injection.inject(0x30)).as("interrupts are off").isFalse();
            injection.requestInterruptWindow(true);
            VcpuExit exit = guest.vcpu.run();
            while (exit instanceof VcpuExit.PortWrite write && write.port() == 0x10) {
                exit = guest.vcpu.run();
            }
            assertThat(exit).isEqualTo(new VcpuExit.InterruptWindow());
            injection.requestInterruptWindow(false);
            assertThat(injection.inject(0x30)).isTrue();
            assertThat(injection.inject(0x31)).as("one is on its way").isFalse();
            exit = guest.vcpu.run();
            while (exit instanceof VcpuExit.PortWrite write && write.port() == 0x10) {
                exit = guest.vcpu.run();
            }
            assertThat(exit).isEqualTo(new VcpuExit.PortWrite(0x11, 1, 1, 0x30));
            assertThatThrownBy(() -> injection.inject(256)).isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    void anNmiReachesARunningAndAWaitingGuest() throws Exception {
        // out 0x11,al; jmp $
        try (var guest = Guest.realMode("e611 ebfe")) {
            guest.memory.writeInt(4 * 2, 0x2000);
            guest.load(0x2000, "b002 e610 cf");
            try (var running = new Running(guest.vcpu)) {
                running.expect("out 11=0");
                guest.vcpu.nmi();
                running.expect("out 10=2");
                running.expectNothing();
            }
            guest.vcpu.nmi();
            assertThat(guest.vcpu.events().nmi().pending() + (guest.vcpu.events().nmi().injected() ? 1 : 0))
                    .as("part of the state before it is run").isEqualTo(1);
            try (var running = new Running(guest.vcpu)) {
                running.expect("out 10=2");
            }
        }
    }

    @Test
    void anNmiWakesAGuestThatHaltsInTheKernel() throws Exception {
        try (var guest = Guest.realMode(Interrupts.FULL, "e611 f4 ebfd")) {
            guest.memory.writeInt(4 * 2, 0x2000);
            guest.load(0x2000, "b002 e610 cf");
            try (var running = new Running(guest.vcpu)) {
                running.expect("out 11=0");
                for (int i = 0; i < 20; i++) {
                    guest.vcpu.nmi();
                    running.expect("out 10=2");
                }
            }
        }
    }

    @Test
    void anInstructionThatCannotBeEmulatedLeavesWithItsBytes() {
        assumeFalse(new KvmHypervisor().reasonWithout(dev.vz.hypervisor.Capability.FULL_SYSTEM).isEmpty(),
                "this KVM has virtualization hardware, which executes everything");
        // lock cmpxchg16b in 64-bit mode at ring 0, which KVM's interpreter does not know
        try (var guest = Guest.realMode("f0480fc70f f4")) {
            guest.memory.writeLong(0x3000, 0x4000 | 3);
            guest.memory.writeLong(0x4000, 0x5000 | 3);
            guest.memory.writeLong(0x5000, 0x83);
            guest.vcpu.setSpecialRegisters(SpecialRegisters.longMode(0x3000, 0));
            guest.vcpu.setRegisters(guest.vcpu.registers().withRdi(0x6000));
            assertThat(guest.vcpu.run()).isInstanceOfSatisfying(VcpuExit.BackendInternalError.class, error -> {
                assertThat(error.suberror()).isEqualTo(1);
                assertThat(error.data()).isNotEmpty();
                assertThat(error.instructionBytes().subList(0, 5)).containsExactly((byte) 0xF0, (byte) 0x48,
                        (byte) 0x0F, (byte) 0xC7, (byte) 0x0F);
                assertThat(error.toString()).contains("emulation failed").contains("instruction=f0 48 0f c7 0f");
            });
            assertThat(guest.vcpu.registers().rip()).isEqualTo(Guest.CODE);
        }
    }

    @Test
    @Timeout(120)
    void codeInMmioCannotBeExecutedOnAnyKvm() {
        // jmp far 0xffff:0x10 (0x100000, where nothing is)
        try (var guest = Guest.realMode("ea1000ffff")) {
            assertThat(guest.vcpu.run()).isInstanceOfSatisfying(VcpuExit.BackendInternalError.class, error -> {
                assertThat(error.suberror()).as("emulation failure").isEqualTo(1);
                assertThat(error.instructionBytes()).as("there is none to be read").isEmpty();
            });
            assertThat(guest.vcpu.specialRegisters().cs().base() + guest.vcpu.registers().rip()).isEqualTo(0x10_0000);
        }
    }
}
