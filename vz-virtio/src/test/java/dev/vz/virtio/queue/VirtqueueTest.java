package dev.vz.virtio.queue;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.memory.GuestMemory;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What driver and device agree on (virtio 1.3, 2.6 to 2.8). */
class VirtqueueTest {

    private static final long BUFFERS = 0x10_0000;
    private final GuestMemory memory = GuestMemory.ofSize(4 << 20);

    @AfterEach
    void close() {
        memory.close();
    }

    private Virtqueue device(QueueDriver driver) {
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        assertThat(queue.fault()).isNull();
        return queue;
    }

    @ParameterizedTest
    @EnumSource
    void aRequestGoesOutAndComesBackWithItsData(QueueKind kind) {
        QueueDriver driver = QueueDriver.of(memory, 0, 8, kind.features);
        Virtqueue queue = device(driver);
        memory.write(BUFFERS, "question".getBytes());
        int id = driver.submit(List.of(Buffer.readable(BUFFERS, 5), Buffer.readable(BUFFERS + 5, 3),
                Buffer.writable(BUFFERS + 100, 4), Buffer.writable(BUFFERS + 200, 10)));
        var chain = new DescriptorChain();
        assertThat(queue.next(chain)).isTrue();
        assertThat(chain.readableBytes()).isEqualTo(8);
        assertThat(chain.writableBytes()).isEqualTo(14);
        var heard = new byte[8];
        assertThat(new ChainReader(chain).read(MemorySegment.ofArray(heard), 0, 8)).isTrue();
        assertThat(heard).asString().isEqualTo("question");
        var writer = new ChainWriter(chain);
        assertThat(writer.write(MemorySegment.ofArray("answer".getBytes()), 0, 6)).isTrue();
        queue.add(chain, (int) writer.written());
        assertThat(driver.complete()).as("not published yet").isEmpty();
        assertThat(queue.publish()).as("wants an interrupt").isTrue();
        assertThat(driver.complete()).contains(new QueueDriver.Completion(id, 6));
        assertThat(new String(memory.read(BUFFERS + 100, 4)) + new String(memory.read(BUFFERS + 200, 2)))
                .isEqualTo("answer");
        assertThat(queue.next(chain)).isFalse();
    }

    @ParameterizedTest
    @EnumSource
    void anIndirectTableIsTheSameRequest(QueueKind kind) {
        QueueDriver driver = QueueDriver.of(memory, 0, 8, kind.features);
        Virtqueue queue = device(driver);
        int id = driver.submitIndirect(0x8_0000, List.of(Buffer.readable(BUFFERS, 5),
                Buffer.writable(BUFFERS + 100, 4), Buffer.writable(BUFFERS + 200, 10)));
        var chain = new DescriptorChain();
        assertThat(queue.next(chain)).isTrue();
        assertThat(chain.pieces()).isEqualTo(3);
        assertThat(chain.id()).isEqualTo(id);
        assertThat(chain.slots()).isEqualTo(1);
        queue.add(chain, 0);
        queue.publish();
        assertThat(driver.complete()).contains(new QueueDriver.Completion(id, 0));
    }

    @ParameterizedTest
    @EnumSource
    void theDriverIsNotInterruptedWhenItDoesNotWantIt(QueueKind kind) {
        QueueDriver driver = QueueDriver.of(memory, 0, 8, kind.features);
        Virtqueue queue = device(driver);
        var chain = new DescriptorChain();
        for (int round = 0; round < 40; round++) {
            boolean wanted = round % 3 == 0;
            driver.interrupts(wanted);
            driver.submit(List.of(Buffer.writable(BUFFERS, 16)));
            assertThat(queue.next(chain)).isTrue();
            queue.add(chain, 1);
            boolean interrupt = queue.publish();
            if (round > 0) {
                assertThat(interrupt).as("round " + round).isEqualTo(wanted);
            }
            assertThat(driver.complete()).isPresent();
        }
    }

    @ParameterizedTest
    @EnumSource
    void theDriverNotifiesOnlyWhenAsked(QueueKind kind) {
        QueueDriver driver = QueueDriver.of(memory, 0, 8, kind.features);
        Virtqueue queue = device(driver);
        var chain = new DescriptorChain();
        for (int round = 0; round < 40; round++) {
            assertThat(queue.enableNotifications()).as("nothing came meanwhile").isFalse();
            driver.submit(List.of(Buffer.writable(BUFFERS, 16)));
            assertThat(driver.shouldNotify()).isTrue();
            assertThat(queue.enableNotifications()).as("something is there").isTrue();
            queue.disableNotifications();
            assertThat(queue.next(chain)).isTrue();
            queue.add(chain, 1);
            queue.publish();
            driver.complete();
            driver.submit(List.of(Buffer.writable(BUFFERS, 16)));
            if (!kind.features.eventIdx() || kind.features.packed()) {
                assertThat(driver.shouldNotify()).isFalse();
            } else {
                driver.shouldNotify();
            }
            assertThat(queue.next(chain)).isTrue();
            queue.add(chain, 1);
            queue.publish();
            driver.complete();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aChainPutBackIsGivenAgain(QueueKind kind) {
        QueueDriver driver = QueueDriver.of(memory, 0, 4, kind.features);
        Virtqueue queue = device(driver);
        var chain = new DescriptorChain();
        for (int round = 0; round < 20; round++) {
            int id = driver.submit(List.of(Buffer.readable(BUFFERS, 4), Buffer.writable(BUFFERS, 4),
                    Buffer.writable(BUFFERS + 64, 4)));
            assertThat(queue.next(chain)).isTrue();
            queue.undo(chain);
            assertThat(queue.next(chain)).isTrue();
            assertThat(chain.id()).isEqualTo(id);
            assertThat(queue.next(new DescriptorChain())).isFalse();
            queue.add(chain, 8);
            queue.publish();
            assertThat(driver.complete()).contains(new QueueDriver.Completion(id, 8));
        }
    }

    @ParameterizedTest
    @EnumSource
    void savedAndRestoredItGoesOnWhereItWas(QueueKind kind) {
        QueueDriver driver = QueueDriver.of(memory, 0, 4, kind.features);
        Virtqueue queue = device(driver);
        var chain = new DescriptorChain();
        for (int round = 0; round < 23; round++) {
            int id = driver.submit(List.of(Buffer.readable(BUFFERS, 4), Buffer.writable(BUFFERS, 4)));
            QueueState saved = queue.save();
            queue = device(driver);
            queue.restore(saved);
            assertThat(queue.save()).isEqualTo(saved);
            assertThat(queue.next(chain)).isTrue();
            queue.add(chain, round);
            queue.publish();
            assertThat(driver.complete()).contains(new QueueDriver.Completion(id, round));
        }
    }

    @Property(tries = 200)
    void randomRequestsInRandomOrderAllComeBackOnce(@ForAll QueueKind kind, @ForAll @IntRange(max = 5) int sizeLog,
            @ForAll long seed) {
        var random = new Random(seed);
        int size = 4 << sizeLog;
        memory.fill(0, 0x8_0000, (byte) 0); // one instance runs all tries
        QueueDriver driver = QueueDriver.of(memory, 0, size, kind.features);
        Virtqueue queue = device(driver);
        Map<Integer, Long> sent = new TreeMap<>();
        var held = new ArrayList<int[]>();
        var chain = new DescriptorChain();
        for (int step = 0; step < 400; step++) {
            switch (random.nextInt(4)) {
                case 0, 1 -> {
                    var buffers = new ArrayList<Buffer>();
                    long sum = 0;
                    int readable = random.nextInt(3);
                    int count = readable + 1 + random.nextInt(3);
                    for (int i = 0; i < count; i++) {
                        int length = 1 + random.nextInt(9000);
                        sum += length;
                        buffers.add(new Buffer(BUFFERS + random.nextInt(1 << 20), length, i >= readable));
                    }
                    int id = random.nextBoolean() && count <= size ? driver.submitIndirect(
                            0x8_0000 + 0x100L * random.nextInt(16) + 0x1000L * (step % 64), buffers)
                            : driver.submit(buffers);
                    if (id >= 0) {
                        assertThat(sent.put(id, sum)).isNull();
                        // An indirect table must stay until it is taken; this driver reuses the place, so take it now.
                        assertThat(queue.next(chain)).as(() -> String.valueOf(queue.fault())).isTrue();
                        assertThat(chain.readableBytes() + chain.writableBytes()).isEqualTo(sum);
                        assertThat(chain.id()).isEqualTo(id);
                        held.add(new int[] {chain.id(), chain.slots()});
                    }
                }
                case 2 -> {
                    for (int i = random.nextInt(4); i > 0 && !held.isEmpty(); i--) {
                        // Packed queues give back in any order too: the driver finds the request by its id.
                        int[] done = held.remove(random.nextInt(held.size()));
                        queue.add(done[0], done[1], done[0] + 1);
                    }
                }
                default -> {
                    queue.publish();
                    for (var done = driver.complete(); done.isPresent(); done = driver.complete()) {
                        assertThat(sent.remove(done.get().id())).isNotNull();
                        assertThat(done.get().written()).isEqualTo(done.get().id() + 1);
                    }
                }
            }
        }
        for (int[] left : held) {
            queue.add(left[0], left[1], left[0] + 1);
        }
        queue.publish();
        for (var done = driver.complete(); done.isPresent(); done = driver.complete()) {
            sent.remove(done.get().id());
        }
        assertThat(sent).isEmpty();
        assertThat(queue.fault()).isNull();
    }
}
