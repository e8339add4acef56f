package dev.vz.storage.filter;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.block.MemoryBlockDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** A cache under random work reads as a plain array does, and after a crash below it what was flushed is there. */
class CacheModelTest {

    private static final int SIZE = 64 * 1024;
    private static final int SECTOR = 512;

    /** One step: what to do, where, how long, durable or not. */
    record Step(Operation operation, int sector, int sectors, boolean fua, int value) {}

    @Provide
    Arbitrary<List<Step>> steps() {
        Arbitrary<Operation> operations = Arbitraries.frequencyOf(
                net.jqwik.api.Tuple.of(4, Arbitraries.just(Operation.WRITE)),
                net.jqwik.api.Tuple.of(3, Arbitraries.just(Operation.READ)),
                net.jqwik.api.Tuple.of(1, Arbitraries.just(Operation.FLUSH)),
                net.jqwik.api.Tuple.of(1, Arbitraries.just(Operation.WRITE_ZEROES)));
        return Combinators.combine(operations, Arbitraries.integers().between(0, SIZE / SECTOR - 1),
                Arbitraries.integers().between(1, 24), Arbitraries.of(false, false, true),
                Arbitraries.integers().between(1, 255)).as(
                        (operation, sector, sectors, fua, value) -> new Step(
                                operation, sector, Math.min(sectors, SIZE / SECTOR - sector), fua, value))
                .list().ofMaxSize(60);
    }

    @Provide
    Arbitrary<CacheOptions> caches() {
        return Combinators.combine(Arbitraries.of(CacheOptions.Policy.values()),
                Arbitraries.of(CacheOptions.Mode.values()), Arbitraries.of(512, 2048, 4096),
                Arbitraries.integers().between(2, 12), Arbitraries.integers().between(0, 1))
                .as((policy, mode, lineSize, lines, ahead) -> new CacheOptions(lineSize, lines, policy, mode, ahead,
                        0));
    }

    @Property(tries = 400)
    void contentEqualsAnArrayAndFlushedDataSurvivesACrash(@ForAll("caches") CacheOptions options,
            @ForAll("steps") List<Step> steps) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment medium = arena.allocate(SIZE);
            BlockDevice below = MemoryBlockDevice.over(medium);
            var cache = new CacheDevice(below, options);
            var model = new byte[SIZE];
            var durable = new byte[SIZE];
            var changedSince = new BitSet();
            for (Step step : steps) {
                perform(cache, step, model, arena);
                boolean makesAllDurable = step.operation() == Operation.FLUSH
                        && options.mode() != CacheOptions.Mode.UNSAFE;
                if (makesAllDurable) {
                    System.arraycopy(model, 0, durable, 0, SIZE);
                    changedSince.clear();
                } else if (step.operation() == Operation.WRITE || step.operation() == Operation.WRITE_ZEROES) {
                    int from = step.sector() * SECTOR;
                    int to = from + step.sectors() * SECTOR;
                    boolean nowDurable = options.mode() == CacheOptions.Mode.WRITETHROUGH
                            || options.mode() == CacheOptions.Mode.WRITEBACK && step.fua();
                    if (nowDurable) {
                        System.arraycopy(model, from, durable, from, to - from);
                        changedSince.clear(from, to);
                    } else {
                        changedSince.set(from, to);
                    }
                }
                // The power fails here: of the medium, everything that was durable and not changed since is there.
                for (int i = 0; i < SIZE; i++) {
                    if (!changedSince.get(i) && medium.get(ValueLayout.JAVA_BYTE, i) != durable[i]) {
                        throw new AssertionError("byte " + i + " is lost after " + step + " with " + options);
                    }
                }
            }
            MemorySegment whole = arena.allocate(SIZE);
            cache.read(0, whole);
            assertThat(whole.mismatch(MemorySegment.ofArray(model))).isEqualTo(-1);
            cache.close();
            assertThat(medium.mismatch(MemorySegment.ofArray(model))).isEqualTo(-1);
        }
    }

    private static void perform(BlockDevice cache, Step step, byte[] model, Arena arena) {
        int from = step.sector() * SECTOR;
        int length = step.sectors() * SECTOR;
        int flags = step.fua() && step.operation() != Operation.READ ? BlockRequest.FUA : 0;
        MemorySegment memory = arena.allocate(length + 2 * SECTOR);
        MemorySegment data = memory.asSlice(SECTOR, length);
        switch (step.operation()) {
            case WRITE -> {
                data.fill((byte) step.value());
                cache.await(new BlockRequest().prepare(Operation.WRITE, from, length, flags).addBuffer(memory, SECTOR,
                        length));
                Arrays.fill(model, from, from + length, (byte) step.value());
            }
            case READ -> {
                cache.read(from, data);
                assertThat(data.mismatch(MemorySegment.ofArray(model).asSlice(from, length))).isEqualTo(-1);
            }
            case WRITE_ZEROES -> {
                cache.await(new BlockRequest().prepare(Operation.WRITE_ZEROES, from, length, flags));
                Arrays.fill(model, from, from + length, (byte) 0);
            }
            default -> cache.flush();
        }
    }

    @Example
    void aLineThatCannotBeWrittenStaysAndItsFlushFails() {
        try (Arena arena = Arena.ofShared()) {
            var clock = new VirtualClock();
            var faulty = new FaultDevice(MemoryBlockDevice.ofSize(SIZE), clock);
            var cache = new CacheDevice(faulty, CacheOptions.DEFAULT.withLines(4096, 8).withThreads(0));
            cache.write(0, arena.allocate(4096).fill((byte) 5));
            faulty.add(FaultDevice.Rule.fail(BlockResult.NO_SPACE, Operation.WRITE));
            org.assertj.core.api.Assertions.assertThatThrownBy(cache::flush)
                    .isInstanceOf(BlockDevice.BlockException.class);
            faulty.clear();
            cache.flush();
            MemorySegment back = arena.allocate(4096);
            faulty.read(0, back);
            assertThat(back.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 5);
            cache.close();
        }
    }

    /** What is asked for again and again stays when a scan goes through, except with LRU, where the scan takes all. */
    @Example
    void aScanDoesNotPushOutWhatIsHot() {
        for (CacheOptions.Policy policy : List.of(CacheOptions.Policy.CLOCK_PRO, CacheOptions.Policy.TINY_LFU)) {
            assertThat(hitsOfHotBlocksAfterScan(policy)).as("%s", policy)
                    .isGreaterThan(hitsOfHotBlocksAfterScan(CacheOptions.Policy.LRU));
        }
    }

    private static int hitsOfHotBlocksAfterScan(CacheOptions.Policy policy) {
        int size = 4 << 20;
        try (Arena arena = Arena.ofShared(); var disk = MemoryBlockDevice.ofSize(size)) {
            var cache = new CacheDevice(disk, CacheOptions.DEFAULT.withLines(4096, 64).withPolicy(policy)
                    .withReadAhead(0).withThreads(0));
            MemorySegment block = arena.allocate(4096);
            var random = new Random(3);
            for (int round = 0; round < 40; round++) {
                for (int i = 0; i < 32; i++) {
                    cache.read(random.nextInt(32) * 4096L, block);
                }
                for (int i = 0; i < 24; i++) {
                    cache.read((100 + (round * 24 + i) % 900) * 4096L, block);
                }
            }
            for (int i = 200; i < 700; i++) {
                cache.read(i * 4096L, block);
            }
            long before = cache.hits();
            for (int i = 0; i < 32; i++) {
                cache.read(i * 4096L, block);
            }
            return (int) (cache.hits() - before);
        }
    }

    @Example
    void readingAheadSavesWaits() {
        try (Arena arena = Arena.ofShared(); var disk = MemoryBlockDevice.ofSize(1 << 20)) {
            var cache = new CacheDevice(disk, CacheOptions.DEFAULT.withLines(4096, 64).withReadAhead(8).withThreads(0));
            MemorySegment block = arena.allocate(4096);
            for (int i = 0; i < 128; i++) {
                cache.read(i * 4096L, block);
            }
            assertThat(cache.hits()).isGreaterThan(90);
        }
    }

    @Example
    void threadsThatShareLinesLoseNothing() throws Exception {
        try (Arena arena = Arena.ofShared(); var disk = MemoryBlockDevice.ofSize(1 << 20)) {
            var cache = new CacheDevice(disk, CacheOptions.DEFAULT.withLines(4096, 16).withReadAhead(2));
            var threads = new java.util.ArrayList<Thread>();
            var failures = new java.util.concurrent.ConcurrentLinkedQueue<Throwable>();
            for (int t = 0; t < 4; t++) {
                int mine = t;
                threads.add(Thread.ofPlatform().start(() -> {
                    try {
                        shareLines(cache, mine);
                    } catch (Throwable failure) {
                        failures.add(failure);
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failures).isEmpty();
            cache.close();
            assertThat(cache.info()).isInstanceOf(BlockInfo.class);
            assertThat(arena.scope().isAlive()).isTrue();
        }
    }

    /** Each thread owns one sector of each line, so lines are shared and sectors are not. */
    private static void shareLines(BlockDevice cache, int mine) {
        var random = new Random(mine);
        var model = new byte[256];
        try (Arena arena = Arena.ofShared()) {
            MemorySegment sector = arena.allocate(SECTOR);
            for (int i = 0; i < 4000; i++) {
                int line = random.nextInt(256);
                long offset = line * 4096L + mine * SECTOR;
                switch (random.nextInt(10)) {
                    case 0 -> {
                        cache.writeZeroes(offset, SECTOR);
                        model[line] = 0;
                    }
                    case 1 -> cache.flush();
                    case 2, 3, 4 -> {
                        model[line] = (byte) random.nextInt();
                        cache.write(offset, sector.fill(model[line]));
                    }
                    default -> {
                        cache.read(offset, sector);
                        assertThat(sector.get(ValueLayout.JAVA_BYTE, 17)).isEqualTo(model[line]);
                    }
                }
            }
        }
    }
}
