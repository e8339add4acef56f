package dev.vz.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.BlockDevice.BlockException;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.error.ConfigurationException;
import dev.vz.testing.Allocations;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class BlockDeviceTest {

    private final MemoryBlockDevice disk = MemoryBlockDevice.ofSize(64 * 512);

    @AfterEach
    void close() {
        disk.close();
    }

    private static MemorySegment bytes(int length, int value) {
        var array = new byte[length];
        Arrays.fill(array, (byte) value);
        return MemorySegment.ofArray(array);
    }

    private BlockResult result(BlockRequest request) {
        var results = new ArrayList<BlockResult>();
        disk.submit(request.onCompletion((done, result) -> results.add(result)));
        assertThat(results).hasSize(1);
        return results.getFirst();
    }

    @Test
    void readsBackWhatWasWrittenThroughAScatterGatherList() {
        var request = new BlockRequest().prepare(Operation.WRITE, 512, 1024, 0);
        for (int i = 0; i < 8; i++) {
            request.addBuffer(bytes(128, i + 1));
        }
        assertThat(result(request)).isEqualTo(BlockResult.OK);
        MemorySegment back = bytes(1536, 0xFF);
        disk.read(0, back);
        assertThat(back.get(ValueLayout.JAVA_BYTE, 511)).isZero();
        assertThat(back.get(ValueLayout.JAVA_BYTE, 512)).isEqualTo((byte) 1);
        assertThat(back.get(ValueLayout.JAVA_BYTE, 512 + 7 * 128)).isEqualTo((byte) 8);
    }

    @Test
    void zeroesAndDiscards() {
        disk.write(0, bytes(2048, 7));
        disk.writeZeroes(512, 512);
        disk.discard(1024, 512);
        disk.flush();
        MemorySegment back = bytes(2048, 1);
        disk.read(0, back);
        assertThat(back.asSlice(512, 1024).mismatch(bytes(1024, 0))).isEqualTo(-1);
        assertThat(back.get(ValueLayout.JAVA_BYTE, 1536)).isEqualTo((byte) 7);
        assertThat(disk.status(0, 2048)).isEqualTo(new BlockExtent(0, 2048, true, false));
    }

    @Property
    void neverThrowsForWhatARequestSays(@ForAll Operation operation, @ForAll long offset, @ForAll long length,
            @ForAll boolean matching) {
        var small = MemoryBlockDevice.over(Arena.global().allocate(4096));
        var request = new BlockRequest().prepare(operation, offset, length, 0);
        long size = matching ? Math.clamp(length, 0, 8192) : 100;
        request.addBuffer(bytes((int) size, 0));
        var results = new ArrayList<BlockResult>();
        small.submit(request.onCompletion((done, result) -> results.add(result)));
        boolean inside = offset >= 0 && length >= 0 && offset <= 4096 && length <= 4096 - offset;
        boolean data = operation == Operation.READ || operation == Operation.WRITE;
        assertThat(results).containsExactly(operation == Operation.FLUSH ? BlockResult.OK
                : !inside ? BlockResult.OUT_OF_RANGE : data && length != size ? BlockResult.INVALID : BlockResult.OK);
    }

    @Test
    void completesARequestWithABufferItCannotUseAsInvalid() {
        MemorySegment closed;
        try (Arena arena = Arena.ofConfined()) {
            closed = arena.allocate(512);
        }
        var request = new BlockRequest().prepare(Operation.READ, 0, 512, 0).addBuffer(closed);
        assertThat(result(request)).isEqualTo(BlockResult.INVALID);
        assertThat(request.cause()).isInstanceOf(IllegalStateException.class);
        request.prepare(Operation.READ, 0, 512, 0).addBuffer(bytes(512, 0).asReadOnly());
        assertThat(request.cause()).as("forgotten when prepared again").isNull();
        assertThat(result(request)).isEqualTo(BlockResult.INVALID);
    }

    @Test
    void throwsABlockExceptionFromTheBlockingCalls() {
        assertThatThrownBy(() -> disk.read(64 * 512, bytes(512, 0))).isInstanceOf(BlockException.class)
                .hasMessageContaining("READ [32768, +512)").hasMessageContaining("OUT_OF_RANGE")
                .extracting(e -> ((BlockException) e).result()).isEqualTo(BlockResult.OUT_OF_RANGE);
        try (MemoryBlockDevice readOnly = MemoryBlockDevice.over(bytes(512, 0).asReadOnly())) {
            assertThat(readOnly.info().readOnly()).isTrue();
            assertThatThrownBy(() -> readOnly.write(0, bytes(512, 1))).isInstanceOf(BlockException.class)
                    .hasMessageContaining("READ_ONLY");
            readOnly.flush();
        }
    }

    @Test
    void cancelsWhatComesAfterTheClose() {
        disk.close();
        disk.close();
        assertThat(result(new BlockRequest().prepare(Operation.FLUSH, 0, 0, 0))).isEqualTo(BlockResult.CANCELLED);
        assertThatThrownBy(disk::flush).isInstanceOf(BlockException.class).hasMessageContaining("CANCELLED");
    }

    @Test
    @Timeout(120)
    void neverCutsOffARequestByClosing() throws Exception {
        for (int round = 0; round < 50; round++) {
            var victim = MemoryBlockDevice.ofSize(1 << 20);
            var bad = new ArrayList<BlockResult>();
            try (var pool = Executors.newFixedThreadPool(2)) {
                for (int t = 0; t < 2; t++) {
                    pool.submit(() -> {
                        MemorySegment buffer = bytes(65536, 1);
                        var open = new AtomicBoolean(true);
                        while (open.get()) {
                            victim.submit(new BlockRequest().prepare(Operation.WRITE, 0, 65536, 0).addBuffer(buffer)
                                    .onCompletion((request, result) -> {
                                        if (result != BlockResult.OK) {
                                            open.set(false);
                                        }
                                        if (result != BlockResult.OK && result != BlockResult.CANCELLED) {
                                            synchronized (bad) {
                                                bad.add(result);
                                            }
                                        }
                                    }));
                        }
                    });
                }
                victim.close();
            }
            assertThat(bad).isEmpty();
        }
    }

    /** Completes on another thread, after the submitter has gone to sleep. */
    private static final class Slow implements BlockDevice {
        final CountDownLatch submitted = new CountDownLatch(1);
        BlockRequest held;

        @Override
        public BlockInfo info() {
            return BlockInfo.ofSize(4096);
        }

        @Override
        public void submit(BlockRequest request) {
            held = request;
            submitted.countDown();
        }

        @Override
        public void close() {
            // holds nothing
        }
    }

    @Test
    @Timeout(120)
    void waitsOnWhenInterruptedBecauseTheBuffersAreInUse() throws Exception {
        var slow = new Slow();
        var interruptedAfter = new AtomicBoolean();
        Thread reader = Thread.ofPlatform().start(() -> {
            slow.read(0, bytes(512, 0));
            interruptedAfter.set(Thread.currentThread().isInterrupted());
        });
        slow.submitted.await();
        reader.interrupt();
        reader.join(50);
        assertThat(reader.isAlive()).as("still waiting").isTrue();
        slow.held.complete(BlockResult.OK);
        reader.join();
        assertThat(interruptedAfter).as("the interrupt is not lost").isTrue();
    }

    @Test
    void carriesTheCauseOfAFailure() {
        var failing = new BlockDevice() {
            @Override
            public BlockInfo info() {
                return BlockInfo.ofSize(512);
            }

            @Override
            public void submit(BlockRequest request) {
                request.fail(BlockResult.NO_SPACE, new java.io.IOException("disk full"));
            }

            @Override
            public void close() {
                // holds nothing
            }
        };
        assertThatThrownBy(() -> failing.write(0, bytes(512, 0))).isInstanceOf(BlockException.class)
                .hasRootCauseMessage("disk full");
        assertThatThrownBy(() -> new BlockRequest().fail(BlockResult.OK, new RuntimeException()))
                .isInstanceOf(ConfigurationException.class);
    }

    @Test
    @Tag("allocation")
    void isPreparedAgainAndAgainWithoutAllocation() {
        MemorySegment buffer = bytes(512, 3);
        var request = new BlockRequest().onCompletion((done, result) -> {});
        assertThat(Allocations.perCall(20_000, () -> {
            request.prepare(Operation.READ, 0, 1024, 0).addBuffer(buffer).addBuffer(buffer);
            disk.submit(request);
        })).isZero();
        assertThat(request.bufferCount()).isEqualTo(2);
        assertThatThrownBy(() -> request.buffer(2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(request.attach(this).attachment()).isSameAs(this);
        assertThat(request.prepare(Operation.WRITE_ZEROES, 0, 512, BlockRequest.FUA | BlockRequest.MAY_UNMAP)
                .has(BlockRequest.FUA)).isTrue();
        assertThat(request.has(BlockRequest.FAST_ONLY)).isFalse();
    }

    @Test
    void aBufferIsAPartOfASegment() {
        MemorySegment memory = bytes(2048, 0);
        disk.write(1024, bytes(512, 7));
        disk.write(1536, bytes(512, 9));
        disk.await(new BlockRequest().prepare(Operation.READ, 1024, 1024, 0).addBuffer(memory, 100, 512)
                .addBuffer(memory, 1000, 512));
        assertThat(memory.asSlice(100, 512).mismatch(bytes(512, 7))).isEqualTo(-1);
        assertThat(memory.asSlice(1000, 512).mismatch(bytes(512, 9))).isEqualTo(-1);
        assertThat(memory.asSlice(612, 388).mismatch(bytes(388, 0))).as("nothing beside it").isEqualTo(-1);

        var request = new BlockRequest().prepare(Operation.WRITE, 0, 512, 0).addBuffer(memory, 1000, 512);
        assertThat(request.segment(0)).isSameAs(memory);
        assertThat(request.bufferOffset(0)).isEqualTo(1000);
        assertThat(request.bufferLength(0)).isEqualTo(512);
        assertThat(request.buffer(0)).isEqualTo(memory.asSlice(1000, 512));
        assertThat(new BlockRequest().prepare(Operation.WRITE, 0, 512, 0).addBuffers(request).bufferOffset(0))
                .isEqualTo(1000);
        assertThatThrownBy(() -> request.addBuffer(memory, 2000, 512)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> request.addBuffer(memory, -1, 5)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void refusesSizesThatAreNoDisk() {
        for (long size : List.of(0L, -512L, 511L)) {
            assertThatThrownBy(() -> MemoryBlockDevice.ofSize(size)).isInstanceOf(ConfigurationException.class);
        }
        assertThatThrownBy(() -> MemoryBlockDevice.over(bytes(100, 0))).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> BlockInfo.ofSize(512).withSize(5)).isInstanceOf(ConfigurationException.class);
    }
}
