package dev.vz.conformance;

import static dev.vz.conformance.Condition.NE;
import static dev.vz.conformance.GuestLayout.DATA;
import static dev.vz.conformance.GuestLayout.MAILBOX;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.conformance.ExitRecorder.Stop;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.MpState;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.irq.InterruptLine;
import dev.vz.irq.Msi;
import dev.vz.irq.MsiSink;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Interrupts through the controllers that are inside the back end: lines, messages, timers, IPIs and start-up. */
interface InterruptChapter extends Chapter {

    private GuestBuilder wired(Interrupts interrupts) {
        requires(interrupts == Interrupts.FULL ? Capability.INTERRUPT_CONTROLLER
                : Capability.SPLIT_INTERRUPT_CONTROLLER);
        return guest(GuestMode.LONG64).interrupts(interrupts);
    }

    /** Counts in the mailbox and ends the interrupt at the local APIC. */
    private static void count(Assembler a) {
        a.push(BX).inc(4, at(MAILBOX));
        LocalApic.endOfInterrupt(a);
        a.pop(BX).iret();
    }

    /** Waits with interrupts on until the mailbox holds {@code count}. */
    private static Assembler await(Assembler a, int count) {
        String label = "wait" + a.size();
        return a.sti().label(label).alu(Alu.CMP, 4, at(MAILBOX), count).jump(NE, label);
    }

    @Test
    default void deliversALineThroughThePic() {
        try (Guest guest = wired(Interrupts.FULL).handler(0x24, a -> a.push(AX).inc(4, at(MAILBOX)).mov(1, AX, 0x20)
                .out(1, 0x20).pop(AX).iret()).code(a -> {
                    LocalApic.enable(a);
                    LocalApic.pic(a, 4);
                    for (int i = 1; i <= 3; i++) {
                        await(a.out(1, 0x80), i);
                    }
                    a.end();
                }).build()) {
            for (int i = 0; i < 3; i++) {
                assertThat(guest.vcpu().run()).as("the ports of the PIC are no exits")
                        .isEqualTo(new VcpuExit.PortWrite(0x80, 1, 1, 0xEF));
                guest.machine().line(4).pulse();
            }
            guest.runToEnd();
            assertThat(guest.mailbox(0, 4)).isEqualTo(3);
        }
    }

    @Test
    default void deliversAnEdgeThroughTheIoapic() {
        try (Guest guest = wired(Interrupts.FULL).handler(0x45, InterruptChapter::count).code(a -> {
            LocalApic.enable(a);
            LocalApic.redirect(a, 10, 0x45, false);
            for (int i = 1; i <= 5; i++) {
                await(a.out(1, 0x80), i);
            }
            a.end();
        }).build()) {
            for (int i = 0; i < 5; i++) {
                assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.PortWrite(0x80, 1, 1, 0));
                guest.machine().line(10).pulse();
            }
            guest.runToEnd();
            assertThat(guest.mailbox(0, 4)).as("one for each edge").isEqualTo(5);
        }
    }

    @Test
    default void repeatsALevelUntilTheLineIsLow() {
        try (Guest guest = wired(Interrupts.FULL).handler(0x46, a -> {
            a.push(BX).inc(4, at(MAILBOX)).out(1, 0x81);
            LocalApic.endOfInterrupt(a);
            a.pop(BX).iret();
        }).code(a -> {
            LocalApic.enable(a);
            LocalApic.redirect(a, 9, 0x46, true);
            a.out(1, 0x80).sti().label("wait").alu(Alu.CMP, 4, at(MAILBOX), 4).jump(Condition.B, "wait")
                    .mov(4, CX, 500).label("more").dec(4, CX).jump(NE, "more").cli().end();
        }).build()) {
            InterruptLine line = guest.machine().line(9);
            assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.PortWrite(0x80, 1, 1, 0));
            line.set(true);
            for (int i = 1; i <= 4; i++) {
                assertThat(guest.vcpu().run()).as("interrupt %d", i).isEqualTo(new VcpuExit.PortWrite(0x81, 1, 1, 0));
            }
            line.set(false);
            guest.runToEnd();
            // KVM without virtualization hardware delivers one that is under way once more, now and then.
            assertThat(guest.mailbox(0, 4)).as("and then no more").isBetween(4L,
                    announces(Capability.FULL_SYSTEM) ? 4L : 5L);
        }
    }

    @Test
    default void saysWhenTheGuestHasFinishedWithALevel() throws Exception {
        requires(Capability.RESAMPLED_LINE);
        try (Guest guest = wired(Interrupts.FULL).handler(0x47, InterruptChapter::count).code(a -> {
            LocalApic.enable(a);
            LocalApic.redirect(a, 11, 0x47, true);
            await(a.out(1, 0x80), 1).cli().end();
        }).build()) {
            assertThat(guest.machine().line(11)).isInstanceOf(InterruptLine.Resampled.class);
            var line = (InterruptLine.Resampled) guest.machine().line(11);
            var finished = new Semaphore(0);
            line.onEndOfInterrupt(finished::release);
            assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.PortWrite(0x80, 1, 1, 0));
            line.set(true);
            guest.runToEnd();
            assertThat(finished.tryAcquire(Guest.PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(guest.mailbox(0, 4)).as("the line is low by then").isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FULL", "SPLIT"})
    default void deliversMessages(Interrupts interrupts) {
        requires(Capability.MSI);
        try (Guest guest = wired(interrupts).handler(0x51, InterruptChapter::count).handler(0x52, a -> {
            a.push(BX).inc(4, at(MAILBOX + 8));
            LocalApic.endOfInterrupt(a);
            a.pop(BX).iret();
        }).code(a -> {
            LocalApic.enable(a);
            await(a.out(1, 0x80), 1);
            await(a.out(1, 0x80), 2).sti().label("second").alu(Alu.CMP, 4, at(MAILBOX + 8), 1).jump(NE, "second").end();
        }).build()) {
            var sink = (MsiSink) guest.machine();
            assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.PortWrite(0x80, 1, 1, 0));
            assertThat(sink.signal(Msi.fixed(0, 0x51))).isTrue();
            assertThat(guest.vcpu().run()).isEqualTo(new VcpuExit.PortWrite(0x80, 1, 1, 0));
            try (MsiSink.Vector vector = sink.vector(Msi.fixed(0, 0x51))) {
                vector.trigger();
                vector.update(Msi.fixed(0, 0x52));
                vector.trigger();
                guest.runToEnd();
            }
            assertThat(guest.mailbox(0, 4)).isEqualTo(2);
            assertThat(guest.mailbox(8, 4)).isEqualTo(1);
            assertThat(sink.signal(Msi.fixed(0x7E, 0x51))).as("there is no such CPU").isFalse();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FULL", "SPLIT"})
    default void firesItsTimerOnce(Interrupts interrupts) {
        try (Guest guest = wired(interrupts).handler(0x60, InterruptChapter::count).code(a -> {
            LocalApic.enable(a);
            LocalApic.write(a, LocalApic.TIMER_DIVIDE, 0xB);
            LocalApic.write(a, LocalApic.LVT_TIMER, 0x60);
            LocalApic.write(a, LocalApic.TIMER_INITIAL, 500_000);
            a.sti().hlt().cli().end();
        }).build()) {
            long start = System.nanoTime();
            guest.runToEnd();
            assertThat(guest.mailbox(0, 4)).isEqualTo(1);
            assertThat(System.nanoTime() - start).as("500,000 ticks take a while").isGreaterThan(100_000);
        }
    }

    @Test
    default void firesItsTimerAgainAndAgain() {
        try (Guest guest = wired(Interrupts.FULL).handler(0x60, InterruptChapter::count).code(a -> {
            LocalApic.enable(a);
            LocalApic.write(a, LocalApic.TIMER_DIVIDE, 0xB);
            LocalApic.write(a, LocalApic.LVT_TIMER, 0x2_0060);
            LocalApic.write(a, LocalApic.TIMER_INITIAL, 2_000_000);
            a.sti().label("wait").hlt().alu(Alu.CMP, 4, at(MAILBOX), 5).jump(Condition.B, "wait").cli().end();
        }).build()) {
            guest.runToEnd();
            assertThat(guest.mailbox(0, 4)).isGreaterThanOrEqualTo(5);
        }
    }

    @Test
    default void countsTimeWithThePit() {
        try (Guest guest = wired(Interrupts.FULL).handler(0x20, a -> a.push(AX).inc(4, at(MAILBOX)).mov(1, AX, 0x20)
                .out(1, 0x20).pop(AX).iret()).code(a -> {
                    LocalApic.enable(a);
                    LocalApic.pic(a, 0);
                    a.mov(1, AX, 0x34).out(1, 0x43).mov(1, AX, 0xFF).out(1, 0x40).mov(1, AX, 0x0F).out(1, 0x40).sti()
                            .label("wait").hlt().alu(Alu.CMP, 4, at(MAILBOX), 3).jump(Condition.B, "wait").cli().end();
                }).build()) {
            long start = System.nanoTime();
            guest.runToEnd();
            assertThat(guest.mailbox(0, 4)).isGreaterThanOrEqualTo(3);
            // 4095 ticks of 1.193182 MHz are 3.4 ms; the third comes after two full periods at the earliest.
            assertThat(System.nanoTime() - start).isGreaterThan(6_000_000);
        }
    }

    @Test
    default void wakesFromHltByALineOfAnotherThread() throws Exception {
        try (Guest guest = wired(Interrupts.FULL).handler(0x45, InterruptChapter::count).code(a -> {
            LocalApic.enable(a);
            LocalApic.redirect(a, 5, 0x45, false);
            // The last one must not come between the look and HLT: STI lets nothing in before the instruction behind it.
            a.store(4, at(MAILBOX + 8), 1).jmp("look").label("wait").sti().hlt().label("look").cli()
                    .alu(Alu.CMP, 4, at(MAILBOX), 50).jump(NE, "wait").end();
        }).build()) {
            Thread device = Thread.ofPlatform().start(() -> {
                while (guest.mailbox(8, 4) == 0) {
                    Thread.onSpinWait();
                }
                for (int i = 1; i <= 50; i++) {
                    guest.machine().line(5).pulse();
                    while (guest.mailbox(0, 4) < i) {
                        Thread.onSpinWait();
                    }
                }
            });
            guest.runToEnd();
            device.join();
            assertThat(guest.exits()).as("HLT is no exit").isEmpty();
        }
    }

    @Test
    default void sendsAnInterruptToItself() {
        try (Guest guest = wired(Interrupts.FULL).handler(0x70, InterruptChapter::count).code(a -> {
            LocalApic.enable(a);
            LocalApic.write(a, LocalApic.ICR_LOW, 0x4_0070); // shorthand: self
            await(a, 1).end();
        }).build()) {
            guest.runToEnd();
        }
    }

    @Test
    default void holdsBackInterruptsBelowTheTaskPriority() {
        try (Guest guest = wired(Interrupts.FULL).handler(0x45, InterruptChapter::count).handler(0x85, a -> {
            a.push(BX).load(4, CX, at(MAILBOX)).inc(4, at(MAILBOX + 8));
            LocalApic.endOfInterrupt(a);
            a.pop(BX).iret();
        }).code(a -> {
            LocalApic.enable(a);
            LocalApic.write(a, 0x80, 0x50); // TPR
            LocalApic.write(a, LocalApic.ICR_LOW, 0x4_0045);
            LocalApic.write(a, LocalApic.ICR_LOW, 0x4_0085);
            a.mov(4, CX, 99).sti().label("high").alu(Alu.CMP, 4, at(MAILBOX + 8), 1).jump(NE, "high")
                    .load(4, Register.DX, at(MAILBOX));
            LocalApic.write(a, 0x80, 0);
            await(a, 1).end();
        }).build()) {
            guest.runToEnd();
            assertThat(guest.vcpu().registers().rcx()).as("0x85 came first").isZero();
            assertThat(guest.vcpu().registers().rdx()).as("0x45 waits below priority 5").isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    default void startsAnotherProcessorWithInitAndSipi(boolean twice) throws Exception {
        requires(Capability.SMP);
        try (Guest guest = wired(Interrupts.FULL).vcpus(2).handler(0x71, InterruptChapter::count).code(a -> {
            LocalApic.enable(a);
            for (int i = 1; i <= (twice ? 2 : 1); i++) {
                LocalApic.write(a, LocalApic.ICR_HIGH, 1 << 24);
                LocalApic.write(a, LocalApic.ICR_LOW, 0x4500); // INIT
                LocalApic.write(a, LocalApic.ICR_LOW, 0x4600 | (int) (DATA >> 12)); // start-up at DATA
                String label = "started" + i;
                a.label(label).alu(Alu.CMP, 4, at(0x700), i).jump(NE, label);
            }
            a.end();
        }).build()) {
            // 16-bit code; CS is DATA >> 4, the data segments are zero after INIT. It counts last: whoever has seen that may
            // kick this processor out.
            guest.memory().write(DATA, new Assembler(16, 0).mov(2, AX, 0x600D).mov(AX, SegmentRegister.CS)
                    .store(2, at(0x710), AX).inc(4, at(0x700)).label("stay").hlt().jmp("stay").assemble());
            assertThat(guest.vcpu(1).mpState()).isEqualTo(MpState.UNINITIALIZED);
            Thread second = Thread.ofPlatform().start(() -> guest.run(1));
            guest.runToEnd(0);
            guest.vcpu(1).kick();
            second.join();
            assertThat(guest.memory().readInt(0x700)).isEqualTo(twice ? 2 : 1);
            assertThat(guest.memory().readShort(0x710)).isEqualTo((short) (DATA >> 4));
            assertThat(guest.recorder(1).stop()).isEqualTo(Stop.KICK);
        }
    }

    @Test
    default void interruptsAnotherProcessor() throws Exception {
        requires(Capability.SMP);
        int count = 50;
        try (Guest guest = wired(Interrupts.FULL).vcpus(2).handler(0x72, InterruptChapter::count).code(a -> {
            LocalApic.enable(a);
            a.label("ready").alu(Alu.CMP, 4, at(0x700), 1).jump(NE, "ready").mov(4, CX, 0).label("next").inc(4, CX);
            LocalApic.write(a, LocalApic.ICR_HIGH, 1 << 24);
            LocalApic.write(a, LocalApic.ICR_LOW, 0x4072);
            a.label("wait").load(4, AX, at(MAILBOX)).alu(Alu.CMP, 4, AX, CX).jump(NE, "wait").alu(Alu.CMP, 4, CX, count)
                    .jump(NE, "next").end().label("other");
            LocalApic.enable(a);
            a.store(4, at(0x700), 1).sti().label("stay").hlt().jmp("stay");
        }).build()) {
            guest.vcpu(1).setMpState(MpState.RUNNABLE);
            guest.start(1, guest.address("other"));
            Thread second = Thread.ofPlatform().start(() -> guest.run(1));
            guest.runToEnd(0);
            guest.vcpu(1).kick();
            second.join();
            assertThat(guest.mailbox(0, 4)).isEqualTo(count);
        }
    }
}
