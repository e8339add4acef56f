package dev.vz.storage.filter;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.block.MemoryBlockDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Orders of requests, in virtual time over a device that takes its time. */
class IoSchedulerTest {

    private static final int SIZE = 1 << 20;
    private static final long MILLI = 1_000_000;

    private final Arena arena = Arena.ofShared();
    private final VirtualClock clock = new VirtualClock();
    private final MemoryBlockDevice disk = MemoryBlockDevice.ofSize(SIZE);
    private final SlowDevice slow = new SlowDevice(disk, clock, request -> MILLI);
    private int completed;

    @AfterEach
    void close() {
        disk.close();
        arena.close();
    }

    private void submit(BlockDevice device, Operation operation, long offset, int length) {
        device.submit(new BlockRequest().prepare(operation, offset, length, 0).addBuffer(arena.allocate(length))
                .onCompletion((request, result) -> completed += result == BlockResult.OK ? 1 : 0));
    }

    @Test
    void noneKeepsTheOrderAndTheDepth() {
        BlockDevice device = IoScheduler.none(2, clock).attach(slow);
        for (int i = 5; i > 0; i--) {
            submit(device, Operation.READ, i * 4096L, 512);
        }
        clock.advance(100 * MILLI);
        assertThat(completed).isEqualTo(5);
        assertThat(slow.mostInFlight()).isEqualTo(2);
        assertThat(slow.order()).containsExactly("READ [20480, +512)", "READ [16384, +512)", "READ [12288, +512)",
                "READ [8192, +512)", "READ [4096, +512)");
    }

    @Test
    void deadlineGoesByPlaceAndMergesWhatIsContiguous() {
        BlockDevice device = IoScheduler.deadline(1, 1000 * MILLI, 5000 * MILLI, clock).attach(slow);
        submit(device, Operation.READ, 0, 512); // goes at once, the others wait behind it
        submit(device, Operation.READ, 40960, 4096);
        submit(device, Operation.READ, 8192, 4096);
        submit(device, Operation.READ, 4096, 4096);
        submit(device, Operation.READ, 12288, 512);
        clock.advance(100 * MILLI);
        assertThat(completed).isEqualTo(5);
        assertThat(slow.order()).containsExactly("READ [0, +512)", "READ [4096, +8704)", "READ [40960, +4096)");
    }

    @Test
    void deadlineLetsReadsGoBeforeWritesButNotForEver() {
        BlockDevice device = IoScheduler.deadline(1, 1000 * MILLI, 20 * MILLI, clock).attach(slow);
        submit(device, Operation.READ, 0, 512);
        submit(device, Operation.WRITE, 512 * 1024, 512);
        for (int i = 1; i < 60; i++) {
            submit(device, Operation.READ, i * 8192L, 512);
        }
        clock.advance(1000 * MILLI);
        assertThat(completed).isEqualTo(61);
        int place = slow.order().indexOf("WRITE [524288, +512)");
        assertThat(place).isBetween(2, 23);
    }

    @Test
    void mergedReadsAndWritesKeepTheirData() {
        BlockDevice device = IoScheduler.deadline(1, 1000 * MILLI, 1000 * MILLI, clock).attach(slow);
        var buffers = new ArrayList<MemorySegment>();
        submit(device, Operation.READ, 0, 512);
        for (int i = 0; i < 8; i++) {
            MemorySegment data = arena.allocate(4096).fill((byte) (i + 1));
            device.submit(new BlockRequest().prepare(Operation.WRITE, 65536 + i * 4096L, 4096, 0).addBuffer(data));
        }
        clock.advance(100 * MILLI);
        assertThat(slow.order()).contains("WRITE [65536, +32768)");
        submit(device, Operation.READ, 0, 512);
        for (int i = 0; i < 8; i++) {
            MemorySegment data = arena.allocate(4096);
            buffers.add(data);
            device.submit(new BlockRequest().prepare(Operation.READ, 65536 + i * 4096L, 4096, 0).addBuffer(data));
        }
        clock.advance(100 * MILLI);
        for (int i = 0; i < 8; i++) {
            assertThat(buffers.get(i).get(ValueLayout.JAVA_BYTE, 4095)).isEqualTo((byte) (i + 1));
        }
    }

    @Test
    void aFailureOfAMergedRequestIsTheFailureOfEach() {
        var faulty = new FaultDevice(slow, clock);
        faulty.add(FaultDevice.Rule.fail(BlockResult.IO_ERROR, Operation.WRITE));
        BlockDevice device = IoScheduler.deadline(1, 1000 * MILLI, 1000 * MILLI, clock).attach(faulty);
        submit(device, Operation.READ, 0, 512);
        submit(device, Operation.WRITE, 4096, 4096);
        submit(device, Operation.WRITE, 8192, 4096);
        clock.advance(100 * MILLI);
        assertThat(completed).isEqualTo(1);
    }

    @Test
    void sharesFollowTheWeights() {
        IoScheduler scheduler = IoScheduler.fairShares(1, clock);
        BlockDevice light = scheduler.attach(slow, 1);
        BlockDevice heavy = scheduler.attach(slow, 3);
        var lightDone = new int[1];
        var heavyDone = new int[1];
        for (int i = 0; i < 2000; i++) {
            count(light, lightDone);
            count(heavy, heavyDone);
        }
        clock.advance(1000 * MILLI);
        assertThat((double) heavyDone[0] / lightDone[0]).isBetween(2.7, 3.3);
        clock.advance(10_000 * MILLI);
        assertThat(lightDone[0] + heavyDone[0]).isEqualTo(4000);
    }

    @Test
    void aBusyNeighbourDoesNotKeepASmallReaderWaiting() {
        IoScheduler scheduler = IoScheduler.fairShares(1, clock);
        BlockDevice busy = scheduler.attach(slow, 1);
        BlockDevice quiet = scheduler.attach(slow, 1);
        for (int i = 0; i < 500; i++) {
            submit(busy, Operation.WRITE, 0, 64 * 1024);
        }
        var done = new int[1];
        count(quiet, done);
        clock.advance(5 * MILLI);
        assertThat(done[0]).isEqualTo(1);
        clock.advance(1000 * MILLI);
    }

    private void count(BlockDevice device, int[] counter) {
        device.submit(new BlockRequest().prepare(Operation.READ, 0, 16384, 0).addBuffer(arena.allocate(16384))
                .onCompletion((request, result) -> counter[0]++));
    }

    @Test
    void writesLoseTokensWhileReadsAreSlow() {
        // Reads queue behind writes in the device: each write makes all later reads slower.
        var device = new SlowDevice(disk, clock, request -> request.operation() == Operation.WRITE ? 4 * MILLI : MILLI);
        BlockDevice scheduled = IoScheduler.latencyTokens(16, 5 * MILLI, clock).attach(device);
        var reads = new int[1];
        for (int i = 0; i < 400; i++) {
            submit(scheduled, Operation.WRITE, 0, 512);
        }
        for (int round = 0; round < 400; round++) {
            count(scheduled, reads);
            clock.advance(2 * MILLI);
        }
        clock.advance(4000 * MILLI);
        assertThat(reads[0]).isEqualTo(400);
        assertThat(completed).isEqualTo(400);
        List<String> order = device.order();
        long writesEarly = order.subList(0, 60).stream().filter(each -> each.startsWith("WRITE")).count();
        long writesLater = order.subList(200, 260).stream().filter(each -> each.startsWith("WRITE")).count();
        assertThat(writesLater).isLessThanOrEqualTo(writesEarly);
    }

    @Test
    void randomWorkThroughEverySchedulerReadsAsWithoutOne() {
        for (IoScheduler scheduler : List.of(IoScheduler.none(4, clock),
                IoScheduler.deadline(4, MILLI, MILLI, clock), IoScheduler.latencyTokens(4, MILLI, clock),
                IoScheduler.fairShares(4, clock))) {
            BlockDevice device = scheduler.attach(slow);
            var random = new Random(11);
            var model = new byte[SIZE / 512];
            for (int round = 0; round < 40; round++) {
                // Within a round no two requests touch the same sector, so their order does not matter.
                int base = random.nextInt(64);
                for (int i = 0; i < 16; i++) {
                    int sector = base + i * 64;
                    model[sector] = (byte) random.nextInt();
                    MemorySegment data = arena.allocate(512).fill(model[sector]);
                    device.submit(new BlockRequest().prepare(Operation.WRITE, sector * 512L, 512, 0).addBuffer(data));
                }
                clock.advance(100 * MILLI);
            }
            for (int sector = 0; sector < model.length; sector++) {
                MemorySegment back = arena.allocate(512);
                disk.read(sector * 512L, back);
                if (back.get(ValueLayout.JAVA_BYTE, 9) != model[sector] && model[sector] != 0) {
                    throw new AssertionError("sector " + sector + " differs");
                }
            }
            disk.writeZeroes(0, SIZE);
        }
    }
}
