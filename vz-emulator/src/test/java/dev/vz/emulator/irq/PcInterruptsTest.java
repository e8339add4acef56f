package dev.vz.emulator.irq;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.bus.IoBus;
import dev.vz.cpu.x86.LapicState;
import dev.vz.emulator.clock.ManualClock;
import dev.vz.emulator.clock.Tsc;
import dev.vz.irq.InterruptLine;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The 8259A, 82093AA and 8254 as a PC wires them. */
class PcInterruptsTest {

    private final ManualClock clock = new ManualClock();
    private final PcInterrupts pc = new PcInterrupts(clock);
    private final IoBus ports = new IoBus("port");
    private final IoBus mmio = new IoBus("mmio");
    private LocalApic apic;

    @BeforeEach
    void onePc() {
        pc.attachTo(ports, mmio);
        apic = new LocalApic(0, pc.bus(), new FakeProcessor(), clock, new Tsc(clock), pc.pics()::acknowledge);
        pc.bus().add(apic);
    }

    private void initializePics(int masterBase, int slaveBase) {
        int[][] words = {{0x20, 0x11}, {0xA0, 0x11}, {0x21, masterBase}, {0xA1, slaveBase}, {0x21, 4}, {0xA1, 2},
            {0x21, 1}, {0xA1, 1}, {0x21, 0}, {0xA1, 0}};
        for (int[] word : words) {
            ports.write(word[0], 1, word[1]);
        }
    }

    /** Also masks the 8259As, as a guest that uses the I/O APIC does. */
    private void redirect(int pin, long entry) {
        ports.write(0x21, 1, 0xFF);
        ports.write(0xA1, 1, 0xFF);
        mmio.write(Ioapic.ADDRESS, 4, 0x10 + 2L * pin);
        mmio.write(Ioapic.ADDRESS + 0x10, 4, entry & 0xFFFF_FFFFL);
        mmio.write(Ioapic.ADDRESS, 4, 0x11 + 2L * pin);
        mmio.write(Ioapic.ADDRESS + 0x10, 4, entry >>> 32);
    }

    @Test
    void thePicReachesTheProcessorThroughLint0() {
        initializePics(0x20, 0x28);
        pc.line(4).set(true);
        assertThat(apic.pending()).isTrue();
        assertThat(apic.acknowledge()).isEqualTo(0x24);
        assertThat(apic.pending()).isFalse();
        pc.line(1).pulse();
        assertThat(apic.acknowledge()).as("higher priority").isEqualTo(0x21);
        ports.write(0x20, 1, 0x20);
        ports.write(0x20, 1, 0x20);
        pc.line(4).set(false);
        pc.line(4).set(true);
        assertThat(apic.acknowledge()).isEqualTo(0x24);
    }

    @Test
    void theSlaveComesThroughInputTwo() {
        initializePics(0x20, 0x28);
        pc.line(8).pulse();
        assertThat(apic.acknowledge()).isEqualTo(0x28);
        pc.line(14).set(true);
        assertThat(apic.pending()).as("lower priority").isFalse();
        ports.write(0xA0, 1, 0x20);
        ports.write(0x20, 1, 0x20);
        assertThat(apic.acknowledge()).isEqualTo(0x2E);
    }

    @Test
    void aMaskedInputIsRememberedAndDelivered() {
        initializePics(0x20, 0x28);
        ports.write(0x21, 1, 0xFF);
        pc.line(3).pulse();
        assertThat(apic.pending()).isFalse();
        ports.write(0x20, 1, 0x0A);
        assertThat(ports.read(0x20, 1)).isEqualTo(1 << 3);
        ports.write(0x21, 1, 0xF7);
        assertThat(apic.acknowledge()).isEqualTo(0x23);
    }

    @Test
    void aRequestThatWentAwayIsSpurious() {
        initializePics(0x20, 0x28);
        ports.write(0x4D0, 1, 1 << 5);
        pc.line(5).set(true);
        pc.line(5).set(false);
        assertThat(apic.pending()).isFalse();
        assertThat(pc.pics().acknowledge()).isEqualTo(0x27);
    }

    @Test
    void anEdgeThroughTheIoapicIsSentOnce() {
        apic.writePage(LapicState.SVR, 4, 0x1FF);
        redirect(10, 0x55);
        pc.line(10).set(true);
        assertThat(apic.acknowledge()).isEqualTo(0x55);
        apic.writePage(0xB0, 4, 0);
        assertThat(apic.pending()).isFalse();
        pc.line(10).set(true);
        assertThat(apic.pending()).isFalse();
        pc.line(10).set(false);
        pc.line(10).set(true);
        assertThat(apic.pending()).isTrue();
    }

    @Test
    void aLevelIsSentAgainUntilTheLineFalls() {
        apic.writePage(LapicState.SVR, 4, 0x1FF);
        redirect(18, 0x8055);
        InterruptLine line = pc.line(18);
        line.set(true);
        assertThat(apic.acknowledge()).isEqualTo(0x55);
        assertThat(apic.pending()).as("in service").isFalse();
        apic.writePage(0xB0, 4, 0);
        assertThat(apic.acknowledge()).as("still high").isEqualTo(0x55);
        line.set(false);
        apic.writePage(0xB0, 4, 0);
        assertThat(apic.pending()).isFalse();
    }

    @Test
    void aResampledLineFallsAtTheEndOfInterruptAndTellsItsDevice() {
        apic.writePage(LapicState.SVR, 4, 0x1FF);
        redirect(18, 0x8055);
        var line = (InterruptLine.Resampled) pc.line(18);
        var ends = new AtomicInteger();
        line.onEndOfInterrupt(() -> {
            if (ends.incrementAndGet() < 3) {
                line.set(true);
            }
        });
        line.set(true);
        for (int i = 0; i < 3; i++) {
            assertThat(apic.acknowledge()).isEqualTo(0x55);
            apic.writePage(0xB0, 4, 0);
        }
        assertThat(ends).hasValue(3);
        assertThat(apic.pending()).isFalse();
    }

    @Test
    void thePitTicksAtItsRate() {
        initializePics(0x20, 0x28);
        ports.write(0x43, 1, 0x34);
        ports.write(0x40, 1, 11_932 & 0xFF);
        ports.write(0x40, 1, 11_932 >> 8);
        int ticks = 0;
        for (int millis = 0; millis < 1_000; millis++) {
            clock.advance(1_000_000);
            if (apic.pending()) {
                assertThat(apic.acknowledge()).isEqualTo(0x20);
                ports.write(0x20, 1, 0x20);
                ticks++;
            }
        }
        assertThat(ticks).isBetween(99, 100);
    }

    @Test
    void channelTwoCountsWhileItsGateIsOpenAndShowsItsOutput() {
        ports.write(0x61, 1, 1);
        ports.write(0x43, 1, 0xB0);
        ports.write(0x42, 1, 1_193 & 0xFF);
        ports.write(0x42, 1, 1_193 >> 8);
        assertThat(ports.read(0x61, 1) & 0x20).isZero();
        clock.advance(500_000);
        ports.write(0x43, 1, 0x80);
        long left = ports.read(0x42, 1) | ports.read(0x42, 1) << 8;
        assertThat(left).isBetween(595L, 598L);
        clock.advance(501_000);
        assertThat(ports.read(0x61, 1) & 0x20).isNotZero();
    }

    @Test
    void savedAndRestoredNothingIsLost() {
        initializePics(0x20, 0x28);
        redirect(5, 0x8055);
        ports.write(0x43, 1, 0x34);
        ports.write(0x40, 1, 0);
        ports.write(0x40, 1, 0);
        pc.line(3).set(true);
        var saved = pc.save();
        var other = new PcInterrupts(clock);
        other.restore(saved);
        assertThat(other.save()).isEqualTo(saved);
    }
}
