package dev.vz.emulator.irq;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.cpu.x86.LapicState;
import dev.vz.emulator.clock.ManualClock;
import dev.vz.emulator.clock.Tsc;
import dev.vz.irq.Msi;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Intel SDM 3A, chapter 11. */
class LocalApicTest {

    private final ManualClock clock = new ManualClock();
    private final Tsc tsc = new Tsc(clock);
    private final ApicBus bus = new ApicBus();
    private final FakeProcessor[] processors = {new FakeProcessor(), new FakeProcessor(), new FakeProcessor()};
    private final LocalApic[] apics = new LocalApic[3];

    @BeforeEach
    void threeProcessors() {
        for (int i = 0; i < 3; i++) {
            apics[i] = new LocalApic(i, bus, processors[i], clock, tsc, () -> -1);
            bus.add(apics[i]);
            apics[i].writePage(LapicState.SVR, 4, 0x1FF);
        }
    }

    private void lvtTimer(int value) {
        apics[0].writePage(LapicState.LVT_TIMER, 4, value);
    }

    @Test
    void aFixedInterruptIsPendingUntilItIsAcknowledgedAndInServiceUntilItsEnd() {
        assertThat(bus.signal(Msi.fixed(1, 0x41))).isTrue();
        assertThat(apics[0].pending()).isFalse();
        assertThat(apics[1].pending()).isTrue();
        assertThat(apics[1].acknowledge()).isEqualTo(0x41);
        assertThat(apics[1].pending()).isFalse();
        assertThat(apics[1].readPage(LapicState.ISR + 0x20, 4)).isEqualTo(2);
        apics[1].writePage(0xB0, 4, 0);
        assertThat(apics[1].readPage(LapicState.ISR + 0x20, 4)).isZero();
    }

    @Test
    void aHigherPriorityClassInterruptsALowerOneAndNotTheOtherWayRound() {
        bus.signal(Msi.fixed(0, 0x55));
        assertThat(apics[0].acknowledge()).isEqualTo(0x55);
        bus.signal(Msi.fixed(0, 0x5F));
        assertThat(apics[0].pending()).as("same class").isFalse();
        bus.signal(Msi.fixed(0, 0x61));
        assertThat(apics[0].acknowledge()).isEqualTo(0x61);
        apics[0].writePage(0xB0, 4, 0);
        assertThat(apics[0].pending()).isFalse();
        apics[0].writePage(0xB0, 4, 0);
        assertThat(apics[0].acknowledge()).isEqualTo(0x5F);
    }

    @Test
    void taskPriorityHoldsBackItsClassAndBelow() {
        apics[0].setCr8(6);
        bus.signal(Msi.fixed(0, 0x61));
        assertThat(apics[0].pending()).isFalse();
        assertThat(apics[0].readPage(LapicState.TPR, 4)).isEqualTo(0x60);
        apics[0].setCr8(5);
        assertThat(apics[0].pending()).isTrue();
    }

    @Test
    void aSoftwareDisabledApicTakesNoFixedInterrupt() {
        apics[2].writePage(LapicState.SVR, 4, 0xFF);
        assertThat(bus.signal(Msi.fixed(2, 0x41))).isFalse();
        assertThat(apics[2].readPage(LapicState.LVT_ERROR, 4) & 1 << 16).isNotZero();
    }

    @Test
    void flatLogicalDestinationsAreMasks() {
        for (int i = 0; i < 3; i++) {
            apics[i].writePage(LapicState.LDR, 4, 1L << 24 + i);
        }
        bus.signal(new Msi(0xFEE0_0000L | 5 << 12 | 4, 0x50));
        assertThat(apics[0].pending()).isTrue();
        assertThat(apics[1].pending()).isFalse();
        assertThat(apics[2].pending()).isTrue();
    }

    @Test
    void clusterDestinationsNeedTheSameCluster() {
        apics[0].writePage(LapicState.DFR, 4, 0);
        apics[0].writePage(LapicState.LDR, 4, 0x21L << 24);
        assertThat(apics[0].isAddressed(0x23, true, true)).isTrue();
        assertThat(apics[0].isAddressed(0x13, true, true)).isFalse();
        assertThat(apics[0].isAddressed(0x22, true, true)).isFalse();
    }

    @Test
    void lowestPriorityGoesToTheProcessorWithTheLowest() {
        apics[0].setCr8(3);
        apics[1].setCr8(1);
        apics[2].setCr8(2);
        bus.signal(new Msi(0xFEE0_0000L | 0xFF << 12, 0x100 | 0x71));
        assertThat(apics[0].pending()).isFalse();
        assertThat(apics[1].pending()).isTrue();
        assertThat(apics[2].pending()).isFalse();
    }

    @Test
    void initAndStartUpReachTheirProcessor() {
        apics[0].writePage(0x310, 4, 1L << 24);
        apics[0].writePage(LapicState.ICR, 4, 0xC500);
        apics[0].writePage(LapicState.ICR, 4, 0x8500);
        apics[0].writePage(LapicState.ICR, 4, 0x0609);
        assertThat(processors[1].calls).containsExactly("init", "sipi 9");
        assertThat(processors[2].calls).isEmpty();
    }

    @Test
    void shorthandsReachSelfAllAndOthers() {
        apics[0].writePage(LapicState.ICR, 4, 1 << 18 | 0x40);
        assertThat(apics[0].acknowledge()).isEqualTo(0x40);
        apics[0].writePage(LapicState.ICR, 4, 3 << 18 | 0x51);
        assertThat(apics[0].pending()).isFalse();
        assertThat(apics[1].acknowledge()).isEqualTo(0x51);
        assertThat(apics[2].acknowledge()).isEqualTo(0x51);
        apics[0].writePage(LapicState.ICR, 4, 2 << 18 | 4 << 8);
        assertThat(processors[0].calls).containsExactly("nmi");
        assertThat(processors[2].calls).containsExactly("nmi");
    }

    @Test
    void anIllegalVectorIsAnErrorAndNotAnInterrupt() {
        apics[0].writePage(LapicState.LVT_ERROR, 4, 0xFE);
        apics[0].writePage(LapicState.ICR, 4, 1 << 18 | 5);
        assertThat(apics[0].acknowledge()).isEqualTo(0xFE);
        apics[0].writePage(0x280, 4, 0);
        assertThat(apics[0].readPage(0x280, 4)).isEqualTo(0x20);
    }

    @Test
    void theOneShotTimerFiresOnceAndCountsDown() {
        apics[0].writePage(LapicState.TIMER_DIVIDE, 4, 0xB);
        lvtTimer(0x30);
        apics[0].writePage(LapicState.TIMER_INITIAL, 4, 1_000);
        clock.advance(400);
        assertThat(apics[0].readPage(LapicState.TIMER_CURRENT, 4)).isEqualTo(600);
        assertThat(apics[0].pending()).isFalse();
        clock.advance(600);
        assertThat(apics[0].acknowledge()).isEqualTo(0x30);
        apics[0].writePage(0xB0, 4, 0);
        clock.advance(10_000);
        assertThat(apics[0].pending()).isFalse();
        assertThat(apics[0].readPage(LapicState.TIMER_CURRENT, 4)).isZero();
    }

    @Test
    void theDividerSlowsTheTimer() {
        apics[0].writePage(LapicState.TIMER_DIVIDE, 4, 3);
        lvtTimer(0x30);
        apics[0].writePage(LapicState.TIMER_INITIAL, 4, 100);
        clock.advance(1_599);
        assertThat(apics[0].pending()).isFalse();
        clock.advance(1);
        assertThat(apics[0].pending()).isTrue();
    }

    @Test
    void thePeriodicTimerFiresAgainAndAgain() {
        apics[0].writePage(LapicState.TIMER_DIVIDE, 4, 0xB);
        lvtTimer(1 << 17 | 0x30);
        apics[0].writePage(LapicState.TIMER_INITIAL, 4, 1_000_000);
        for (int i = 0; i < 5; i++) {
            clock.advance(1_000_000);
            assertThat(apics[0].acknowledge()).isEqualTo(0x30);
            apics[0].writePage(0xB0, 4, 0);
        }
    }

    @Test
    void theDeadlineTimerFollowsTheTimeStampCounter() {
        tsc.setKilohertz(2_500_000);
        lvtTimer(2 << 17 | 0x30);
        apics[0].setTscDeadline(tsc.read() + 2_500);
        clock.advance(999);
        assertThat(apics[0].pending()).isFalse();
        clock.advance(1);
        assertThat(apics[0].pending()).isTrue();
        assertThat(apics[0].tscDeadline()).isZero();
    }

    @Test
    void aDeadlineInThePastFiresAtOnce() {
        clock.advance(5_000);
        lvtTimer(2 << 17 | 0x30);
        apics[0].setTscDeadline(1);
        clock.advance(0);
        assertThat(apics[0].pending()).isTrue();
    }

    @Test
    void theDeadlineIsIgnoredOutsideDeadlineMode() {
        lvtTimer(0x30);
        apics[0].setTscDeadline(1);
        clock.advance(5_000);
        assertThat(apics[0].pending()).isFalse();
    }

    @Test
    void x2apicModeHasMsrsAndWideIds() {
        assertThat(apics[1].readMsr(0x802)).isEqualTo(Long.MIN_VALUE);
        assertThat(apics[1].setBase(0xFEE0_0000L | 0xC00)).isTrue();
        assertThat(apics[1].readMsr(0x802)).isEqualTo(1);
        assertThat(apics[1].readMsr(0x80D)).isEqualTo(2);
        assertThat(apics[1].writeMsr(0x830, 2L << 32 | 0x66)).isTrue();
        assertThat(apics[2].acknowledge()).isEqualTo(0x66);
        assertThat(apics[1].writeMsr(0x83F, 0x77)).isTrue();
        assertThat(apics[1].acknowledge()).isEqualTo(0x77);
        assertThat(apics[1].writeMsr(0x80B, 1)).as("EOI takes only 0").isFalse();
        assertThat(apics[1].writeMsr(0x802, 1)).as("the id is read-only").isFalse();
        assertThat(apics[1].setBase(0xFEE0_0000L | 0x800)).as("no way back to xAPIC").isFalse();
    }

    @Test
    void savedAndRestoredItGoesOnWhereItWas() {
        apics[0].writePage(LapicState.TIMER_DIVIDE, 4, 0xB);
        lvtTimer(0x30);
        apics[0].writePage(LapicState.TIMER_INITIAL, 4, 1_000);
        bus.signal(Msi.fixed(0, 0x41));
        clock.advance(300);
        LapicState saved = apics[0].save();
        var other = new LocalApic(0, new ApicBus(), new FakeProcessor(), clock, tsc, () -> -1);
        other.restore(saved);
        assertThat(other.save()).isEqualTo(saved);
        assertThat(other.acknowledge()).isEqualTo(0x41);
        other.writePage(0xB0, 4, 0);
        clock.advance(700);
        assertThat(other.acknowledge()).isEqualTo(0x30);
    }

    @Test
    void aDeadlineThatHasPassedInterruptsAtOnce() {
        lvtTimer(2 << 17 | 0x41);
        clock.advance(5_000);
        apics[0].setTscDeadline(4_000);
        assertThat(apics[0].pending()).as("without the clock going on").isTrue();
        assertThat(apics[0].tscDeadline()).isZero();
    }

    @Test
    void aCountThatHasEndedStaysAtZeroWhateverModeComesThen() {
        lvtTimer(0x41);
        apics[0].writePage(LapicState.TIMER_DIVIDE, 4, 0xB);
        apics[0].writePage(LapicState.TIMER_INITIAL, 4, 1_000_000);
        clock.advance(2_000_000);
        assertThat(apics[0].acknowledge()).isEqualTo(0x41);
        lvtTimer(1 << 17 | 0x41);
        clock.advance(5_000_000);
        assertThat(apics[0].readPage(LapicState.TIMER_CURRENT, 4)).isZero();
        assertThat(apics[0].readPage(LapicState.TIMER_INITIAL, 4)).isEqualTo(1_000_000);
        assertThat(apics[0].pending()).isFalse();
    }

    @Test
    void aCountThatGoesOnKeepsGoingInAnotherModeAndBeginsAnew() {
        lvtTimer(0x41);
        apics[0].writePage(LapicState.TIMER_DIVIDE, 4, 0xB);
        apics[0].writePage(LapicState.TIMER_INITIAL, 4, 1_000_000);
        clock.advance(400_000);
        lvtTimer(1 << 17 | 0x41);
        assertThat(apics[0].readPage(LapicState.TIMER_CURRENT, 4)).isEqualTo(600_000);
        clock.advance(700_000);
        assertThat(apics[0].acknowledge()).isEqualTo(0x41);
        assertThat(apics[0].readPage(LapicState.TIMER_CURRENT, 4)).isEqualTo(900_000);
    }
}
