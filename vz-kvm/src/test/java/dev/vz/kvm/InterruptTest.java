package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.Segment;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.InterruptControllers;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.irq.InterruptControllerState;
import dev.vz.irq.InterruptLine;
import dev.vz.irq.Msi;
import dev.vz.irq.MsiSink;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.event.EventFd;
import dev.vz.testing.Peers;
import java.util.ArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Lines, messages and eventfds into a guest; controllers in and out of a state. */
@Timeout(120)
class InterruptTest {

    /** Vector 0x20 for IRQ 0, only IRQ 3 open, an OUT to 0x11 when ready, then HLT for ever. */
    private static final String PIC_GUEST = "fa c7068c000020 c7068e000000 b011e620 b020e621 b004e621 b001e621 b0f7e621"
            + "b040e611 fb f4 ebfd";
    /** OUT of 0x40 to 0x10, end of interrupt, IRET. */
    private static final String PIC_HANDLER = "b040e610 b020e620 cf";
    /** Software-enables the local APIC, routes I/O APIC input 17 (no 8259A there) as level-triggered vector 0x45, OUT to 0x11, HLT. */
    private static final String APIC_GUEST = "66bbf000e0fe 6766c703ff010000 66bb0000c0fe 6766c70333000000"
            + "6766c7431000000000 6766c70332000000 6766c7431045800000 b041e611 fb f4 ebfd";
    /** OUT to 0x10, end of interrupt at the local APIC, IRET. */
    private static final String APIC_HANDLER = "e610 66bbb000e0fe 6766c70300000000 cf";
    /** The same with OUT to 0x12. */
    private static final String OTHER_HANDLER = "e612 66bbb000e0fe 6766c70300000000 cf";

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }

    private static Guest apicGuest(Interrupts interrupts) {
        Guest guest = Guest.empty(interrupts, 1);
        guest.load(Guest.CODE, APIC_GUEST);
        guest.load(0x2000, APIC_HANDLER);
        guest.load(0x2100, OTHER_HANDLER);
        guest.memory.writeInt(4 * 0x45, 0x2000);
        guest.memory.writeInt(4 * 0x46, 0x2100);
        // Real mode with segments of 4 GiB: some KVMs cannot return from an interrupt in protected mode.
        var flat = new Segment(0, -1, 0, 3, true, 0, false, false, false, true, false, false);
        guest.vcpu.setSpecialRegisters(SpecialRegisters.realMode().withData(flat));
        guest.vcpu.setRegisters(GeneralRegisters.zero().withRip(Guest.CODE).withRsp(0x8000));
        return guest;
    }

    @Test
    void aLineReachesTheGuestThroughTheInterruptControllers() throws Exception {
        try (var guest = Guest.realMode(Interrupts.FULL, PIC_GUEST)) {
            guest.load(0x2000, PIC_HANDLER);
            try (var running = new Running(guest.vcpu)) {
                running.expect("out 11=40");
                for (int i = 0; i < 100; i++) {
                    guest.machine.line(3).pulse();
                    running.expect("out 10=40");
                }
                guest.machine.line(4).pulse();
                running.expectNothing();
            }
        }
    }

    @Test
    void aResampledLineIsLoweredAtTheEndOfTheInterruptAndTells() throws Exception {
        try (var guest = apicGuest(Interrupts.FULL); var running = new Running(guest.vcpu)) {
            running.expect("out 11=41");
            assertThat(guest.machine.line(17)).isInstanceOf(InterruptLine.Resampled.class);
            var line = (InterruptLine.Resampled) guest.machine.line(17);
            var ends = new Semaphore(0);
            line.onEndOfInterrupt(ends::release);
            for (int i = 0; i < 20; i++) {
                line.set(true);
                running.expect("out 10=41");
                assertThat(ends.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
            }
            running.expectNothing();
            assertThat(ends.availablePermits()).isZero();
            line.set(false);
            line.set(true);
            running.expect("out 10=41");
        }
    }

    @Test
    void aLevelTriggeredLineInterruptsAgainUntilItIsLow() throws Exception {
        try (var guest = apicGuest(Interrupts.FULL); var running = new Running(guest.vcpu)) {
            running.expect("out 11=41");
            guest.machine.line(17).set(true);
            running.expect("out 10=41");
            running.expect("out 10=41");
            guest.machine.line(17).set(false);
            running.expectAnEnd();
        }
    }

    @Test
    void messagesReachTheLocalApicTheyName() throws Exception {
        for (Interrupts interrupts : new Interrupts[] {Interrupts.FULL, Interrupts.SPLIT}) {
            try (var guest = apicGuest(interrupts); var running = new Running(guest.vcpu)) {
                if (interrupts == Interrupts.SPLIT) {
                    for (int i = 0; i < 4; i++) { // the I/O APIC is not there; its registers are MMIO
                        assertThat(running.seen.poll(60, TimeUnit.SECONDS)).startsWith("mmio fec000");
                    }
                }
                running.expect("out 11=41");
                var sink = (MsiSink) guest.machine;
                assertThat(sink.signal(Msi.fixed(0, 0x45))).isTrue();
                running.expect("out 10=41");
                assertThat(sink.signal(Msi.fixed(7, 0x45))).as("no such processor").isFalse();
                running.expectNothing();
            }
        }
    }

    @Test
    void aPreparedMessageCanBeSentChangedAndSignalledByDescriptor() throws Exception {
        try (var guest = apicGuest(Interrupts.FULL); var running = new Running(guest.vcpu)) {
            running.expect("out 11=41");
            MsiSink.Vector vector = ((MsiSink) guest.machine).vector(Msi.fixed(0, 0x45));
            vector.trigger();
            running.expect("out 10=41");
            var event = EventFd.adopt(FileDescriptor.borrow(vector.eventFd().orElseThrow(), "irqfd"));
            event.signal();
            running.expect("out 10=41");
            vector.update(Msi.fixed(0, 0x46));
            vector.trigger();
            running.expect("out 12=41");
            event.signal();
            running.expect("out 12=41");
            vector.update(new Msi(0xFFL << 32 | 0xFEE0_0000L, 0x46)); // the reserved byte: no message at all
            vector.trigger();
            event.signal();
            running.expectNothing();
            vector.update(Msi.fixed(0, 0x45));
            event.signal();
            running.expect("out 10=41");
            vector.close();
            vector.close();
        }
    }

    @Test
    void aThousandRoutesCanBeTakenAndGivenBack() {
        try (var guest = Guest.empty(Interrupts.FULL, 1)) {
            KvmInterrupts interrupts = guest.machine.interrupts().orElseThrow();
            for (int round = 0; round < 2; round++) {
                var routes = new ArrayList<KvmInterrupts.Route>();
                for (int i = 0; i < 1000; i++) {
                    routes.add(interrupts.route(Msi.fixed(0, 0x30 + i % 100)));
                }
                assertThat(routes).extracting(KvmInterrupts.Route::gsi).doesNotHaveDuplicates().contains(24, 1023);
                routes.forEach(KvmInterrupts.Route::close);
            }
        }
    }

    @Test
    void theControllersStateGoesOutAndIn() throws Exception {
        InterruptControllerState saved;
        try (var guest = Guest.realMode(Interrupts.FULL, PIC_GUEST)) {
            guest.load(0x2000, PIC_HANDLER);
            try (var running = new Running(guest.vcpu)) {
                running.expect("out 11=40");
            }
            saved = ((InterruptControllers) guest.machine).interruptControllers();
            assertThat(saved.master().imr()).isEqualTo(0xF7);
            assertThat(saved.master().irqBase()).isEqualTo(0x20);
            assertThat(saved.ioapic().redirection()).hasSize(24);
            assertThat(saved.pit().channels()).hasSize(3);
        }
        try (var guest = Guest.empty(Interrupts.FULL, 1)) {
            var controllers = (InterruptControllers) guest.machine;
            assertThat(controllers.interruptControllers().master()).isNotEqualTo(saved.master());
            controllers.setInterruptControllers(saved);
            InterruptControllerState found = controllers.interruptControllers();
            assertThat(found.master()).isEqualTo(saved.master());
            assertThat(found.slave()).isEqualTo(saved.slave());
            assertThat(found.ioapic()).isEqualTo(saved.ioapic());
            assertThat(found.pit().channels()).extracting(c -> c.count())
                    .isEqualTo(saved.pit().channels().stream().map(c -> c.count()).toList());
        }
    }

    @Test
    void withoutControllersThereAreNoLinesAndNoMessages() {
        try (var guest = Guest.realMode("f4")) {
            assertThatThrownBy(() -> guest.machine.line(3)).isInstanceOf(CapabilityException.class)
                    .hasMessageContaining("made with NONE");
            assertThat(guest.machine).isNotInstanceOf(MsiSink.class).isNotInstanceOf(InterruptControllers.class);
            assertThat(guest.machine.interrupts()).isEmpty();
            assertThatThrownBy(guest.vcpu::lapic).isInstanceOf(CapabilityException.class)
                    .hasMessageContaining("no local APIC");
        }
    }

    @Test
    void thereAreTwentyFourLines() {
        try (var guest = Guest.empty(Interrupts.FULL, 1)) {
            guest.machine.line(23).set(false);
            assertThatThrownBy(() -> guest.machine.line(24)).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("no interrupt line 24");
        }
    }
}
