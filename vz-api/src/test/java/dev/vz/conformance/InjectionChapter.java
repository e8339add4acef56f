package dev.vz.conformance;

import static dev.vz.conformance.Condition.NE;
import static dev.vz.conformance.GuestLayout.MAILBOX;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.CX;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.conformance.ExitRecorder.Stop;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.InterruptInjection;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.Capability;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Interrupts that the caller injects, on machines without interrupt controllers. */
interface InjectionChapter extends Chapter {

    private GuestBuilder injected(GuestMode mode) {
        requires(Capability.INTERRUPT_INJECTION);
        return guest(mode);
    }

    private static InterruptInjection into(Guest guest) {
        return (InterruptInjection) guest.vcpu();
    }

    @ParameterizedTest
    @EnumSource(names = {"REAL", "FLAT32", "LONG64"})
    default void wakesAHaltedProcessorAndRunsItsHandler(GuestMode mode) {
        requiresReturnFromHandlers(mode);
        try (Guest guest = injected(mode).handler(0x41, a -> a.inc(4, at(MAILBOX)).iret())
                .code(a -> a.sti().hlt().store(2, at(MAILBOX + 4), 0x77).end()).build()) {
            assertThat(guest.run()).isEqualTo(Stop.HALT);
            assertThat(into(guest).inject(0x41)).isTrue();
            guest.runToEnd();
            assertThat(guest.mailbox(0, 4)).isEqualTo(1);
            assertThat(guest.mailbox(4, 2)).as("goes on after HLT").isEqualTo(0x77);
        }
    }

    @Test
    default void interruptsCodeAtPrivilegeLevelThree() {
        try (Guest guest = injected(GuestMode.USER64).handler(0x55, a -> a.store(4, at(MAILBOX), 1).iret())
                .code(a -> a.out(1, 0x10).label("wait").alu(Alu.CMP, 4, at(MAILBOX), 1).jump(NE, "wait").end())
                .build()) {
            guest.vcpu().setRegisters(guest.vcpu().registers().withRflags(0x202)); // IF
            assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.PortWrite(0x10, 1, 1, 0));
            guest.vcpu().kick();
            assertThat(guest.vcpu().run()).as("OUT is completed").isEqualTo(new VcpuExit.Kicked());
            assertThat(into(guest).inject(0x55)).isTrue();
            guest.runToEnd();
            assertThat(guest.vcpu().specialRegisters().cs().dpl()).as("back at level 3").isEqualTo(3);
        }
    }

    @Test
    default void refusesWhileInterruptsAreOff() {
        try (Guest guest = injected(GuestMode.LONG64).code(a -> a.cli().out(1, 0x10).sti().nop().nop().end()).build()) {
            assertThat(into(guest).inject(0x41)).as("IF is clear after power-on").isFalse();
            assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.PortWrite(0x10, 1, 1, 0));
            assertThat(into(guest).inject(0x41)).isFalse();
            guest.runToEnd();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"REAL", "LONG64"})
    default void tellsWhenTheGuestCanTakeAnInterrupt(GuestMode mode) {
        try (Guest guest = injected(mode).handler(0x20, a -> a.inc(4, at(MAILBOX)).iret())
                .code(a -> a.nop().nop().sti().nop().label("taken").alu(Alu.CMP, 4, at(MAILBOX), 1).jump(NE, "taken")
                        .end())
                .build()) {
            into(guest).requestInterruptWindow(true);
            assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.InterruptWindow());
            assertThat(guest.vcpu().registers().rflags() & 0x200).as("IF").isNotZero();
            assertThat(guest.vcpu().registers().rip()).as("not before the end of the instruction after STI")
                    .isGreaterThanOrEqualTo(guest.address("taken"));
            if (announces(Capability.FULL_SYSTEM)) {
                assertThat(guest.vcpu().registers().rip()).isEqualTo(guest.address("taken"));
            }
            into(guest).requestInterruptWindow(false);
            assertThat(into(guest).inject(0x20)).isTrue();
            guest.runToEnd();
            assertThat(guest.mailbox(0, 4)).isEqualTo(1);
        }
    }

    @Test
    default void deliversEveryInterruptOnce() {
        int count = 500;
        try (Guest guest = injected(GuestMode.LONG64).handler(0x31, a -> a.inc(4, at(MAILBOX)).iret())
                .code(a -> a.sti().mov(4, CX, count).label("wait").hlt().dec(4, CX).jump(NE, "wait").end()).build()) {
            for (int i = 0; i < count; i++) {
                assertThat(guest.run()).isEqualTo(Stop.HALT);
                assertThat(into(guest).inject(0x31)).isTrue();
            }
            guest.runToEnd();
            assertThat(guest.mailbox(0, 4)).isEqualTo(count);
        }
    }

    @Test
    default void knowsAllTwoHundredAndFiftySixVectors() {
        try (Guest guest = injected(GuestMode.LONG64).code(a -> a.sti().hlt().end()).build()) {
            for (int vector : new int[] {0x20, 0x80, 0xFF}) {
                guest.start(0, GuestMode.LONG64.origin());
                assertThat(guest.run()).isEqualTo(Stop.HALT);
                assertThat(into(guest).inject(vector)).isTrue();
                assertThat(guest.runToFault().vector()).isEqualTo(vector);
            }
            for (int vector : new int[] {-1, 256, Integer.MAX_VALUE}) {
                assertThatThrownBy(() -> into(guest).inject(vector)).isInstanceOf(ConfigurationException.class)
                        .hasMessageContaining("" + vector);
            }
        }
    }

    @Test
    default void raisesAnNmiEvenWhileInterruptsAreOff() {
        try (Guest guest = injected(GuestMode.LONG64).handler(GuestFault.NMI, a -> a.inc(4, at(MAILBOX)).iret())
                .code(a -> a.cli().out(1, 0x10).nop().mov(4, AX, 1).end()).build()) {
            assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.PortWrite(0x10, 1, 1, 0));
            into(guest).nmi();
            guest.runToEnd();
            assertThat(guest.mailbox(0, 4)).isEqualTo(1);
            assertThat(guest.vcpu().registers().rax()).isEqualTo(1);
        }
    }

    @Test
    default void raisesAnNmiWhileTheGuestSpins() throws Exception {
        try (Guest guest = injected(GuestMode.LONG64).handler(GuestFault.NMI, a -> a.store(4, at(MAILBOX), 1).iret())
                .code(a -> a.store(4, at(MAILBOX + 8), 1).label("wait").alu(Alu.CMP, 4, at(MAILBOX), 1)
                        .jump(NE, "wait").end())
                .build()) {
            Thread other = Thread.ofPlatform().start(() -> {
                while (guest.mailbox(8, 4) == 0) {
                    Thread.onSpinWait();
                }
                into(guest).nmi();
            });
            guest.runToEnd();
            other.join();
        }
    }
}
