package dev.vz.storage.filter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.block.MemoryBlockDevice;
import dev.vz.error.ConfigurationException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Views, limits, faults, measurements and encryption, in virtual time. */
class FiltersTest {

    private static final int SIZE = 1 << 20;
    private static final long SECOND = 1_000_000_000L;

    private final Arena arena = Arena.ofShared();
    private final MemoryBlockDevice disk = MemoryBlockDevice.ofSize(SIZE);
    private final VirtualClock clock = new VirtualClock();

    @AfterEach
    void close() {
        disk.close();
        arena.close();
    }

    private MemorySegment filled(int length, int value) {
        return arena.allocate(length).fill((byte) value);
    }

    private byte at(BlockDevice device, long offset) {
        MemorySegment one = arena.allocate(512);
        device.read(offset / 512 * 512, one);
        return one.get(ValueLayout.JAVA_BYTE, offset % 512);
    }

    @Test
    void aWindowShowsAPartAndNothingElse() {
        BlockDevice window = WindowDevice.of(disk, 4096, 8192);
        window.write(512, filled(512, 7));
        assertThat(at(disk, 4096 + 512)).isEqualTo((byte) 7);
        assertThat(window.info().size()).isEqualTo(8192);
        assertThat(window.status(0, 8192)).isEqualTo(new BlockExtent(0, 8192, true, false));
        assertThatThrownBy(() -> window.write(8192 - 256, filled(512, 1)))
                .isInstanceOfSatisfying(BlockDevice.BlockException.class,
                        failure -> assertThat(failure.result()).isEqualTo(BlockResult.OUT_OF_RANGE));
        assertThatThrownBy(() -> WindowDevice.of(disk, SIZE - 512, 1024)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> WindowDevice.of(disk, Long.MAX_VALUE, 1)).isInstanceOf(ConfigurationException.class);
    }

    @Test
    void aWindowCutsAcrossBlocksByBytes() {
        assertThat(WindowDevice.of(disk, 100, 1000).info().logicalBlockSize()).isEqualTo(1);
    }

    @Test
    void anIgnoredDiscardKeepsTheData() {
        disk.write(0, filled(512, 3));
        BlockDevice device = new DiscardIgnored(disk);
        device.discard(0, 512);
        assertThat(at(device, 0)).isEqualTo((byte) 3);
        assertThat(device.info().discardGranularity()).isZero();
    }

    private int completedReads(BlockDevice device, int count, int length) {
        var done = new int[1];
        for (int i = 0; i < count; i++) {
            device.submit(new BlockRequest().prepare(Operation.READ, 0, length, 0).addBuffer(filled(length, 0))
                    .onCompletion((request, result) -> done[0] += result == BlockResult.OK ? 1 : 0));
        }
        counters.add(done);
        return done[0];
    }

    private final List<int[]> counters = new ArrayList<>();

    @Test
    void aLimitOfRequestsIsKeptInTheLongRun() {
        var group = new ThrottleGroup(ThrottleGroup.Limits.NONE.withRequests(RateLimit.of(100)), clock);
        BlockDevice device = group.attach(disk);
        int atOnce = completedReads(device, 1000, 512);
        assertThat(atOnce).isBetween(1, 12);
        clock.advance(SECOND);
        assertThat(counters.getFirst()[0]).isBetween(100, 115);
        clock.advance(4 * SECOND);
        assertThat(counters.getFirst()[0]).isBetween(500, 515);
    }

    @Test
    void aBurstIsFasterAndEnds() {
        var group = new ThrottleGroup(
                ThrottleGroup.Limits.NONE.withRequests(RateLimit.of(100).withBurst(1000, 2)), clock);
        BlockDevice device = group.attach(disk);
        completedReads(device, 5000, 512);
        clock.advance(SECOND);
        assertThat(counters.getFirst()[0]).isBetween(950, 1150);
        clock.advance(9 * SECOND);
        // A full bucket of 2000, and the average of what dripped out in ten seconds.
        assertThat(counters.getFirst()[0]).isBetween(2900, 3100);
    }

    @Test
    void bytesAreLimitedAndALargeRequestStillPasses() {
        var group = new ThrottleGroup(ThrottleGroup.Limits.NONE.withBytes(RateLimit.of(65536)), clock);
        BlockDevice device = group.attach(disk);
        completedReads(device, 4, 512 * 1024);
        assertThat(counters.getFirst()[0]).isEqualTo(1);
        clock.advance(9 * SECOND);
        assertThat(counters.getFirst()[0]).isEqualTo(2);
        clock.advance(32 * SECOND);
        assertThat(counters.getFirst()[0]).isEqualTo(4);
    }

    @Test
    void membersOfAGroupTakeTurns() {
        var group = new ThrottleGroup(ThrottleGroup.Limits.NONE.withRequests(RateLimit.of(100)), clock);
        BlockDevice first = group.attach(disk);
        BlockDevice second = group.attach(MemoryBlockDevice.ofSize(4096));
        completedReads(first, 1000, 512);
        completedReads(second, 1000, 512);
        clock.advance(4 * SECOND);
        assertThat(counters.get(0)[0] + counters.get(1)[0]).isBetween(400, 415);
        assertThat(counters.get(0)[0] - counters.get(1)[0]).isBetween(-12, 12);
        second.close();
    }

    @Test
    void faultsHappenWhereAndWhenARuleSays() {
        var device = new FaultDevice(disk, clock);
        device.add(FaultDevice.Rule.fail(BlockResult.IO_ERROR, Operation.READ).within(8192, 4096).after(1, 2));
        var results = new ArrayList<BlockResult>();
        for (int i = 0; i < 4; i++) {
            device.submit(new BlockRequest().prepare(Operation.READ, 8192 + 512, 512, 0).addBuffer(filled(512, 0))
                    .onCompletion((request, result) -> results.add(result)));
        }
        device.read(4096, filled(4096, 0));
        assertThat(results).containsExactly(BlockResult.OK, BlockResult.IO_ERROR, BlockResult.IO_ERROR,
                BlockResult.OK);
        device.clear();
        device.add(FaultDevice.Rule.delay(SECOND, Operation.FLUSH));
        device.submit(new BlockRequest().prepare(Operation.FLUSH, 0, 0, 0)
                .onCompletion((request, result) -> results.add(result)));
        assertThat(results).hasSize(4);
        clock.advance(SECOND);
        assertThat(results).hasSize(5);
    }

    @Test
    void statisticsCountWhatHappened() {
        var slow = new SlowDevice(disk, clock, request -> 1000);
        var device = new StatisticsDevice(new FaultDevice(slow, clock), clock);
        completedReads(device, 3, 512);
        assertThat(device.inFlight()).isEqualTo(3);
        clock.advance(10_000);
        StatisticsDevice.Totals totals = device.totals(Operation.READ);
        assertThat(totals.requests()).isEqualTo(3);
        assertThat(totals.bytes()).isEqualTo(1536);
        assertThat(totals.nanoseconds()).isEqualTo(1000 + 2000 + 3000);
        assertThat(totals.quantile(0.5)).isEqualTo(2048);
        assertThat(totals.quantile(1)).isEqualTo(4096);
        assertThat(device.inFlight()).isZero();
    }

    @Test
    void aTraceHearsOfEveryRequest() {
        var heard = new ArrayList<String>();
        var device = new TraceDevice(disk, clock, new TraceDevice.Listener() {
            @Override
            public void submitted(long number, Operation operation, long offset, long length, int flags) {
                heard.add(number + " " + operation + " " + offset + "+" + length);
            }

            @Override
            public void completed(long number, BlockResult result, long nanoseconds) {
                heard.add(number + " " + result);
            }
        });
        device.write(512, filled(512, 1));
        device.flush();
        assertThat(heard).containsExactly("0 WRITE 512+512", "0 OK", "1 FLUSH 0+0", "1 OK");
    }

    @Test
    void xtsGivesTheStandardsVectors() {
        // IEEE 1619-2007, annex B, vector 2 (32 bytes) and 4 (512 bytes, its beginning).
        HexFormat hex = HexFormat.of();
        byte[] data = hex.parseHex("44".repeat(32));
        byte[] key = hex.parseHex("11".repeat(16) + "22".repeat(16));
        new Xts(key, 32).apply(true, data, 32, 0x3333333333L);
        assertThat(hex.formatHex(data)).isEqualTo("c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0");
        var sector = new byte[512];
        for (int i = 0; i < 512; i++) {
            sector[i] = (byte) i;
        }
        byte[] key4 = hex.parseHex("2718281828459045235360287471352631415926535897932384626433832795");
        new Xts(key4, 512).apply(true, sector, 512, 0);
        assertThat(hex.formatHex(sector, 0, 32))
                .isEqualTo("27a7479befa1d476489f308cd4cfa6e2a96e4bbe3208ff25287dd3819616e89c");
        new Xts(key4, 512).apply(false, sector, 512, 0);
        assertThat(sector[511]).isEqualTo((byte) 511);
    }

    @Test
    void anEncryptedDiskReadsWhatWasWrittenAndShowsNothingBelow() {
        var key = new byte[64];
        new java.util.Random(1).nextBytes(key);
        BlockDevice device = new EncryptedDevice(disk, key, 512);
        MemorySegment data = filled(200 * 512, 0x41);
        device.write(1024, data);
        assertThat(data.get(ValueLayout.JAVA_BYTE, 5)).as("the caller's buffer").isEqualTo((byte) 0x41);
        MemorySegment below = arena.allocate(200 * 512);
        disk.read(1024, below);
        assertThat(below.mismatch(data)).isZero();
        MemorySegment parts = arena.allocate(200 * 512);
        device.await(new BlockRequest().prepare(Operation.READ, 1024, 200 * 512, 0).addBuffer(parts, 0, 700)
                .addBuffer(parts, 700, parts.byteSize() - 700));
        assertThat(parts.mismatch(data)).isEqualTo(-1);
        device.writeZeroes(1024, 100 * 512);
        assertThat(at(device, 1024 + 600)).isZero();
        assertThat(at(disk, 1024 + 600)).isNotEqualTo(at(disk, 1024 + 601));
        assertThatThrownBy(() -> device.write(100, filled(512, 1)))
                .isInstanceOfSatisfying(BlockDevice.BlockException.class,
                        failure -> assertThat(failure.result()).isEqualTo(BlockResult.INVALID));
    }
}
