package dev.vz.storage.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.block.MemoryBlockDevice;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.testing.Allocations;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Serving reads and writes allocates nothing in steady state, on either side. */
@Timeout(120)
class NbdAllocationTest {

    private static final int BLOCK = 4096;
    private static final int SIZE = 4 << 20;
    private static final int DEPTH = 32;

    @Test
    @Tag("allocation")
    void readsAndWritesAllocateNothingOnEitherSide(@TempDir Path folder) throws Exception {
        Path socket = folder.resolve("s");
        try (var device = MemoryBlockDevice.ofSize(SIZE); var server = new NbdServer(NbdServerOptions.DEFAULT)) {
            server.add(NbdExport.of("", device));
            server.listen(UnixAddress.of(socket));
            try (var client = NbdClient.open(NbdUri.unix(socket, ""), NbdClientOptions.DEFAULT);
                    Arena arena = Arena.ofShared()) {
                for (Operation operation : new Operation[] {Operation.READ, Operation.WRITE}) {
                    // Rounds until one is clean: on a busy machine the compiler that removes allocations comes late.
                    long deadline = System.nanoTime() + 30_000_000_000L;
                    double least = Double.MAX_VALUE;
                    while (least >= 1 && System.nanoTime() < deadline) {
                        long before = allocated();
                        work(client, arena, operation, 20_000);
                        least = Math.min(least, (allocated() - before) / 20_000.0);
                    }
                    assertThat(least).as("bytes for each %s", operation).isLessThan(1);
                }
            }
        }
    }

    /** What the threads of both sides have allocated so far. */
    private static long allocated() {
        return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("vz-nbd"))
                .mapToLong(Allocations::of).sum();
    }

    private static void work(NbdClient client, Arena arena, Operation operation, int count)
            throws InterruptedException {
        var left = new AtomicInteger(count);
        var done = new CountDownLatch(DEPTH);
        var failed = new AtomicInteger();
        for (int i = 0; i < DEPTH; i++) {
            MemorySegment buffer = arena.allocate(BLOCK);
            long offset = (long) i * BLOCK;
            client.submit(new BlockRequest().prepare(operation, offset, BLOCK, 0).addBuffer(buffer)
                    .onCompletion((request, result) -> {
                        if (result != BlockResult.OK) {
                            failed.incrementAndGet();
                        }
                        if (left.decrementAndGet() > 0) {
                            client.submit(request.prepare(operation, (request.offset() + 37L * BLOCK) % SIZE, BLOCK, 0)
                                    .addBuffer(buffer));
                        } else {
                            done.countDown();
                        }
                    }));
        }
        assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(failed).hasValue(0);
    }
}
