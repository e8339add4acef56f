package dev.vz.linux.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.LifecycleException;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LastingMemoryTest {

    private static final long SIZE = 1 << 20;

    private final LinuxMemoryAllocator allocator = new LinuxMemoryAllocator();

    private List<MemoryRequest> requests(Path folder) {
        return List.of(MemoryRequest.of(SIZE), MemoryRequest.of(SIZE).inMemfd(),
                MemoryRequest.of(SIZE).inFile(folder.resolve("ram")));
    }

    @Test
    void afterCloseTheAddressesHoldNothingAndTakeAnything(@TempDir Path folder) {
        for (MemoryRequest request : requests(folder)) {
            var block = (MemoryBlock.Lasting) allocator.allocate(request);
            MemorySegment all = block.addressSpace();
            long address = block.segment().address();
            block.segment().set(ValueLayout.JAVA_INT, 0, 0x600D);
            assertThat(all.get(ValueLayout.JAVA_INT, address)).as("%s", request).isEqualTo(0x600D);
            block.close();
            assertThat(all.get(ValueLayout.JAVA_INT, address)).as("%s", request).isZero();
            all.set(ValueLayout.JAVA_LONG, address + SIZE - 8, -1);
            assertThatThrownBy(() -> block.segment().get(ValueLayout.JAVA_INT, 0)).isInstanceOf(
                    IllegalStateException.class);
        }
    }

    @Test
    void noOtherMemoryIsGivenTheAddressesOfAClosedBlock() {
        MemoryBlock closed = allocator.allocate(MemoryRequest.of(SIZE));
        long address = closed.segment().address();
        closed.close();
        for (int i = 0; i < 100; i++) {
            try (MemoryBlock other = allocator.allocate(MemoryRequest.of(SIZE))) {
                assertThat(other.segment().address() + SIZE <= address || other.segment().address() >= address + SIZE)
                        .isTrue();
            }
        }
        assertThat(closed.request().size()).as("it is still reachable").isEqualTo(SIZE);
    }

    @Test
    void addressesThatNobodyCanReachAreGivenBack() {
        for (int i = 0; i < 64; i++) {
            allocator.allocate(MemoryRequest.of(SIZE)).close();
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        int most = RetiredAddresses.held();
        while (RetiredAddresses.held() > most - 60 && System.nanoTime() < end) {
            RetiredAddresses.collect();
        }
        assertThat(RetiredAddresses.held()).isLessThanOrEqualTo(most - 60);
    }

    @Test
    void accessesThatACloseOvertakesDoNoDamage() throws Exception {
        try (var threads = Executors.newFixedThreadPool(2)) {
            for (int turn = 0; turn < 50; turn++) {
                var memory = GuestMemory.of(MemoryRegion.of(0, allocator.allocate(MemoryRequest.of(SIZE))),
                        MemoryRegion.of(4 * SIZE, allocator.allocate(MemoryRequest.of(SIZE).inMemfd())));
                var running = new CountDownLatch(2);
                var users = new ArrayList<Future<Void>>();
                for (long base : new long[] {0, 4 * SIZE}) {
                    users.add(threads.submit(untilClosed(memory, base, running)));
                }
                assertThat(running.await(60, TimeUnit.SECONDS)).isTrue();
                memory.close();
                for (Future<Void> user : users) {
                    assertThatThrownBy(() -> user.get(60, TimeUnit.SECONDS)).cause()
                            .isInstanceOf(LifecycleException.class).hasMessageContaining("closed");
                }
            }
        }
    }

    private static Callable<Void> untilClosed(GuestMemory memory, long base, CountDownLatch running) {
        MemorySegment buffer = MemorySegment.ofArray(new byte[4096]);
        return () -> {
            for (long at = 0;; at = at + 64 & SIZE / 2 - 1) {
                memory.writeLong(base + at, at);
                memory.writeInt(base + at + 8, memory.readInt(base + at));
                memory.read(base + at, buffer);
                memory.write(base + at, buffer);
                if (at == 0) {
                    running.countDown();
                }
            }
        };
    }
}
