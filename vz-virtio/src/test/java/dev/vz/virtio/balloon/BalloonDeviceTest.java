package dev.vz.virtio.balloon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The balloon (virtio 1.3, 5.5), with memory that notes what is given back. */
class BalloonDeviceTest {

    private static final int BYTES = 16 << 20;
    private static final long ALL = BalloonDevice.STATS_VQ | BalloonDevice.DEFLATE_ON_OOM
            | BalloonDevice.FREE_PAGE_HINT | BalloonDevice.PAGE_POISON | BalloonDevice.PAGE_REPORTING;

    /** What was given back, as "offset+length" in pages. */
    private final List<String> given = new ArrayList<>();
    private final Arena arena = Arena.ofShared();
    private final GuestMemory guest = GuestMemory.of(MemoryRegion.of(0, new NotingBlock()));
    private final BalloonDevice balloon = new BalloonDevice(guest);

    @AfterEach
    void close() {
        guest.close();
    }

    private final class NotingBlock implements MemoryBlock.Reclaimable {
        private final MemorySegment segment = arena.allocate(BYTES, 4096);

        @Override
        public MemorySegment segment() {
            return segment;
        }

        @Override
        public MemoryRequest request() {
            return MemoryRequest.of(BYTES);
        }

        @Override
        public void reclaim(long offset, long length) {
            given.add(offset / 4096 + "+" + length / 4096);
        }

        @Override
        public long residentBytes() {
            return BYTES;
        }

        @Override
        public void close() {
            arena.close();
        }
    }

    private static void pfns(TestDriver driver, int... pages) {
        for (int i = 0; i < pages.length; i++) {
            driver.memory.writeInt(0x2000 + 4L * i, pages[i]);
        }
    }

    @ParameterizedTest
    @EnumSource
    void inflatedPagesGoBackToTheHostInRuns(QueueKind kind) {
        try (var driver = new TestDriver(balloon, kind.features)) {
            QueueDriver inflate = driver.start(0);
            pfns(driver, 16, 17, 18, 40, 39, 38, 100);
            driver.submit(0, inflate, Buffer.readable(0x2000, 28));
            assertThat(given).containsExactly("16+3", "38+3", "100+1");
            assertThat(inflate.complete()).isPresent();
            assertThat(balloon.reclaimedBytes()).isEqualTo(7 * 4096);
        }
    }

    @Test
    void pagesThatAreNotMemoryAreIgnored() {
        try (var driver = new TestDriver(balloon, QueueKind.SPLIT.features)) {
            QueueDriver inflate = driver.start(0);
            pfns(driver, BYTES / 4096, -1, 0x7FFF_FFFF, BYTES / 4096 - 1);
            driver.submit(0, inflate, Buffer.readable(0x2000, 16));
            assertThat(given).containsExactly("4095+1");
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aListOfPagesWithAnOddLengthNeedsAReset(QueueKind kind) {
        try (var driver = new TestDriver(balloon, kind.features)) {
            QueueDriver inflate = driver.start(0);
            driver.submit(0, inflate, Buffer.readable(0x2000, 7));
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
        }
    }

    @Test
    void theTargetIsToldAndTheAnswerIsRead() {
        try (var driver = new TestDriver(balloon, QueueKind.SPLIT.features)) {
            driver.start(0);
            int[] changes = {0};
            balloon.onChange(() -> changes[0]++);
            balloon.target(1 << 20);
            assertThat(driver.configInterrupts).isEqualTo(1);
            assertThat(balloon.config().read(0, 4)).isEqualTo(256);
            balloon.config().write(4, 4, 200);
            assertThat(balloon.ballooned()).isEqualTo(200 * 4096);
            assertThat(changes[0]).isEqualTo(1);
            balloon.config().write(4, 4, 0xFFFF_FFFFL);
            assertThat(balloon.ballooned()).as("a guest cannot give more than it has").isEqualTo(BYTES);
            assertThatThrownBy(() -> balloon.target(BYTES + 1)).isInstanceOf(ConfigurationException.class);
            balloon.config().write(0, 4, 7);
            assertThat(balloon.target()).as("num_pages is the device's").isEqualTo(1 << 20);
        }
    }

    /** As Linux does it: the first report is there, and told of, before the driver is ready. */
    private static QueueDriver bind(TestDriver driver) {
        driver.negotiate(driver.ringFeatures() | ALL);
        QueueDriver inflate = driver.enable(0, 16);
        driver.enable(1, 16);
        QueueDriver reports = driver.enable(2, 16);
        driver.enable(3, 16);
        driver.enable(4, 16);
        statistic(driver, 0, 4, 123_456);
        driver.submit(2, reports, Buffer.readable(0x2000, 10));
        driver.driverOk();
        return inflate;
    }

    @ParameterizedTest
    @EnumSource
    void aDriverThatIsBoundAnewFindsTheTargetAndFillsTheBalloonAgain(QueueKind kind) {
        try (var driver = new TestDriver(balloon, kind.features)) {
            for (int round = 1; round <= 3; round++) {
                QueueDriver inflate = bind(driver);
                assertThat(balloon.statistics().sequence()).as("reports of round %d", round).isEqualTo(1);
                assertThat(balloon.ballooned()).isZero();
                assertThat(balloon.config().read(0, 4)).as("set while no driver was there").isEqualTo(round - 1);
                given.clear();
                driver.configInterrupts = 0;
                driver.queueInterrupts = 0;
                balloon.target(20 * BalloonDevice.PAGE);
                balloon.target(40 * BalloonDevice.PAGE);
                assertThat(driver.configInterrupts).isEqualTo(2);
                for (int i = 0; i < 40; i++) {
                    pfns(driver, 16 + i);
                    inflate.interrupts(true);
                    driver.submit(0, inflate, Buffer.readable(0x2000, 4));
                    assertThat(inflate.complete()).as("list %d of round %d", i, round).isPresent();
                }
                assertThat(given).hasSize(40);
                assertThat(driver.queueInterrupts).isEqualTo(40);
                balloon.config().write(4, 4, 40);
                assertThat(balloon.ballooned()).isEqualTo(40 * BalloonDevice.PAGE);
                // One list is on its way when the driver goes.
                inflate.submit(List.of(Buffer.readable(0x2000, 4)));
                driver.host.notifyQueue(0);
                driver.host.writeStatus(0);
                driver.run();
                assertThat(given).hasSize(40);
                assertThat(balloon.ballooned()).isZero();
                balloon.target(round * BalloonDevice.PAGE);
                assertThat(driver.configInterrupts).as("nobody is there").isEqualTo(2);
                assertThat(driver.host.status()).isZero();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void deflatedPagesAreTheGuestsAgain(QueueKind kind) {
        try (var driver = new TestDriver(balloon, kind.features)) {
            driver.negotiate(driver.ringFeatures());
            QueueDriver deflate = driver.enable(1, 16);
            driver.driverOk();
            pfns(driver, 16, 17);
            driver.submit(1, deflate, Buffer.readable(0x2000, 8));
            assertThat(deflate.complete()).isPresent();
            assertThat(given).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    void statisticsComeWhenTheyAreAskedFor(QueueKind kind) {
        try (var driver = new TestDriver(balloon, kind.features)) {
            driver.negotiate(driver.ringFeatures() | ALL);
            QueueDriver queue = driver.enable(2, 16);
            driver.driverOk();
            statistic(driver, 0, 4, 123_456);
            statistic(driver, 1, 99, 1);
            statistic(driver, 2, 6, -5);
            driver.submit(2, queue, Buffer.readable(0x2000, 30));
            assertThat(queue.complete()).as("held until a new report is wanted").isEmpty();
            assertThat(balloon.statistics().sequence()).isEqualTo(1);
            assertThat(balloon.statistics().get(GuestStatistics.Tag.MEMFREE)).hasValue(123_456);
            assertThat(balloon.statistics().get(GuestStatistics.Tag.AVAIL)).hasValue(-5);
            assertThat(balloon.statistics().get(GuestStatistics.Tag.MEMTOT)).isEmpty();
            balloon.requestStatistics();
            driver.run();
            assertThat(queue.complete()).isPresent();
            statistic(driver, 0, 4, 99);
            driver.submit(2, queue, Buffer.readable(0x2000, 10));
            assertThat(balloon.statistics().sequence()).isEqualTo(2);
            assertThat(balloon.statistics().get(GuestStatistics.Tag.MEMFREE)).hasValue(99);
        }
    }

    private static void statistic(TestDriver driver, int index, int tag, long value) {
        driver.memory.writeShort(0x2000 + 10L * index, (short) tag);
        driver.memory.writeLong(0x2002 + 10L * index, value);
    }

    @Test
    void aHeldReportGoesBackBeforeAPause() {
        try (var driver = new TestDriver(balloon, QueueKind.PACKED.features)) {
            driver.negotiate(driver.ringFeatures() | ALL);
            QueueDriver queue = driver.enable(2, 16);
            driver.driverOk();
            driver.submit(2, queue, Buffer.readable(0x2000, 10));
            driver.host.pause();
            assertThat(queue.complete()).isPresent();
        }
    }

    @ParameterizedTest
    @EnumSource
    void reportedPagesGoBackUnlessTheGuestPoisonsThem(QueueKind kind) {
        try (var driver = new TestDriver(balloon, kind.features)) {
            driver.negotiate(driver.ringFeatures() | ALL);
            QueueDriver queue = driver.enable(4, 16);
            driver.driverOk();
            driver.submit(4, queue, Buffer.writable(0x10000, 0x8000), Buffer.writable(0x40000, 0x1800));
            // TestDriver's memory is the balloon's in address only: 0x10000 is page 16 of both.
            assertThat(given).containsExactly("16+8", "64+1");
            balloon.config().write(12, 4, 0xAA);
            driver.submit(4, queue, Buffer.writable(0x10000, 0x8000));
            assertThat(given).hasSize(2);
            assertThat(queue.complete()).isPresent();
            assertThat(queue.complete()).isPresent();
        }
    }

    @Test
    void queuesAreFoundWhereLinuxCountsThem() {
        // Reporting without hints is queue 4 by 5.5.2 and queue 3 for a driver that counts only what was agreed on.
        for (int index : new int[] {3, 4}) {
            given.clear();
            var fresh = new BalloonDevice(guest);
            try (var driver = new TestDriver(fresh, QueueKind.SPLIT.features)) {
                driver.negotiate(driver.ringFeatures() | BalloonDevice.STATS_VQ | BalloonDevice.PAGE_REPORTING);
                QueueDriver queue = driver.enable(index, 16);
                driver.driverOk();
                driver.submit(index, queue, Buffer.writable(0x10000, 0x1000));
                assertThat(given).as("queue %d", index).containsExactly("16+1");
            }
        }
    }

    private final class Hints implements FreePageListener {
        final List<String> seen = new ArrayList<>();

        @Override
        public void free(long gpa, long length) {
            seen.add(Long.toHexString(gpa) + "+" + Long.toHexString(length));
        }

        @Override
        public void complete() {
            seen.add("complete");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRoundOfHintsNamesFreePages(QueueKind kind) {
        try (var driver = new TestDriver(balloon, kind.features)) {
            driver.negotiate(driver.ringFeatures() | ALL);
            QueueDriver queue = driver.enable(3, 16);
            driver.driverOk();
            var hints = new Hints();
            driver.submit(3, queue, Buffer.writable(0x20000, 0x1000));
            assertThat(hints.seen).as("no round yet").isEmpty();
            assertThat(balloon.beginHints(hints)).isTrue();
            int id = (int) balloon.config().read(8, 4);
            assertThat(id).isGreaterThan(1);
            command(driver, queue, id + 1);
            driver.submit(3, queue, Buffer.writable(0x30000, 0x1000));
            assertThat(hints.seen).as("another round's number").isEmpty();
            command(driver, queue, id);
            driver.submit(3, queue, Buffer.writable(0x40000, 0x2000));
            command(driver, queue, 0);
            assertThat(hints.seen).containsExactly("40000+2000", "complete");
            balloon.endHints();
            assertThat(balloon.config().read(8, 4)).isEqualTo(1);
        }
    }

    @Test
    void aResetEndsARoundOfHints() {
        try (var driver = new TestDriver(balloon, QueueKind.SPLIT.features)) {
            driver.start(ALL);
            var hints = new Hints();
            balloon.beginHints(hints);
            driver.host.writeStatus(0);
            assertThat(hints.seen).containsExactly("complete");
            assertThat(balloon.beginHints(hints)).as("nobody answers").isFalse();
        }
    }

    private static void command(TestDriver driver, QueueDriver queue, int id) {
        driver.memory.writeInt(0x2000, id);
        driver.submit(3, queue, Buffer.readable(0x2000, 4));
    }

    @Test
    void aSavedBalloonKeepsItsSize() {
        try (var driver = new TestDriver(balloon, QueueKind.SPLIT.features)) {
            driver.start(ALL);
            balloon.target(8 << 20);
            balloon.config().write(4, 4, 100);
            BalloonState state = balloon.save();
            driver.host.writeStatus(0);
            assertThat(balloon.ballooned()).isZero();
            balloon.restore(state);
            assertThat(balloon.ballooned()).isEqualTo(100 * 4096);
            assertThat(balloon.target()).isEqualTo(8 << 20);
        }
    }
}
