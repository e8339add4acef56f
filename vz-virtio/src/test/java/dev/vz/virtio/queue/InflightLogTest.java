package dev.vz.virtio.queue;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.memory.GuestMemory;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** "Inflight I/O tracking" of the vhost-user protocol: a device that dies at any moment is followed by another. */
class InflightLogTest {

    private static final int SIZE = 8;
    private static final long BUFFERS = 0x10_0000;
    private static final long TABLES = 0x8_0000;
    private static final int RINGS = 0x4000;

    /** A driver that lives on, and one device after the other. */
    private static final class Machine implements AutoCloseable {
        final Arena arena = Arena.ofConfined();
        final GuestMemory memory = GuestMemory.ofSize(2 << 20);
        final boolean packed;
        final QueueDriver driver;
        final MemorySegment region;
        /** What the driver waits for: where the first buffer is, by the request's id. */
        final Map<Integer, Long> outstanding = new HashMap<>();
        final List<DescriptorChain> held = new ArrayList<>();
        Virtqueue queue;
        int requests;

        Machine(QueueKind kind) {
            packed = kind.features.packed();
            driver = QueueDriver.of(memory, 0, SIZE, kind.features);
            region = arena.allocate(InflightLog.bytes(SIZE, packed), 64);
            queue = successor();
        }

        Virtqueue successor() {
            held.clear();
            Virtqueue next = Virtqueue.of(driver.layout(), memory);
            // A front end whose back end has died does not know more than where it began.
            next.resume(packed ? 0x8000_8000 : 0);
            assertThat(next.track(InflightLog.of(region, SIZE, packed))).isTrue();
            assertThat(next.fault()).isNull();
            queue = next;
            return next;
        }

        void submit(Random random) {
            long at = BUFFERS + 0x100L * (requests % 1024);
            var buffers = new ArrayList<Buffer>();
            for (int i = 0; i <= random.nextInt(3); i++) {
                buffers.add(Buffer.writable(at + 0x10L * i, 16));
            }
            int id = random.nextBoolean() ? driver.submit(buffers)
                    : driver.submitIndirect(TABLES + 0x100L * (requests % 256), buffers);
            if (id >= 0) {
                requests++;
                assertThat(outstanding.put(id, at)).isNull();
            }
        }

        boolean take() {
            var chain = new DescriptorChain();
            boolean taken = queue.next(chain);
            assertThat(queue.fault()).isNull();
            if (taken) {
                assertThat(chain.guestAddress(0)).isEqualTo(outstanding.get(chain.id()));
                assertThat(held).extracting(DescriptorChain::id).doesNotContain(chain.id());
                held.add(chain);
            }
            return taken;
        }

        void add(int index) {
            queue.add(held.remove(index), 16);
        }

        void complete() {
            driver.complete().ifPresent(done -> assertThat(outstanding.remove(done.id()))
                    .as("request %d is given back once", done.id()).isNotNull());
        }

        /** Ends the device somewhere inside its publication. */
        void endWhilePublishing(int moment) {
            byte[] ring = memory.read(0, RINGS);
            byte[] before = region.toArray(ValueLayout.JAVA_BYTE);
            queue.publish();
            byte[] after = region.toArray(ValueLayout.JAVA_BYTE);
            byte[] here = packed ? packed(before, after, moment) : split(before, after, moment);
            MemorySegment.copy(here, 0, region, ValueLayout.JAVA_BYTE, 0, here.length);
            if (packed && moment < 2) {
                memory.write(0, ring);
            }
            successor();
        }

        /** The index is in the ring; the notes of what is in flight are cleared, or not yet. */
        private static byte[] split(byte[] before, byte[] after, int moment) {
            byte[] here = before.clone();
            if (moment % 2 == 1) {
                for (int i = 0; i < SIZE; i++) {
                    here[16 + 16 * i] = after[16 + 16 * i];
                }
            }
            return here;
        }

        /** The "old" fields come last; before them the ring, and before that the new ones. */
        private static byte[] packed(byte[] before, byte[] after, int moment) {
            byte[] here = after.clone();
            here[18] = before[18];
            here[19] = before[19];
            here[21] = before[21];
            if (moment < 4) {
                here[14] = before[14];
                here[15] = before[15];
            }
            if (moment < 3) {
                for (int i = 0; i < SIZE; i++) {
                    here[32 + 32 * i] = before[32 + 32 * i];
                }
            }
            if (moment == 0) {
                System.arraycopy(before, 16, here, 16, 6);
            }
            return here;
        }

        @Override
        public void close() {
            memory.close();
            arena.close();
        }
    }

    @Property(tries = 400)
    void everyRequestIsGivenBackOnceWheneverTheDeviceDies(@ForAll QueueKind kind, @ForAll long seed) {
        var random = new Random(seed);
        try (var machine = new Machine(kind)) {
            for (int step = 0; step < 400; step++) {
                switch (random.nextInt(16)) {
                    case 0, 1, 2, 3 -> machine.submit(random);
                    case 4, 5, 6, 7 -> machine.take();
                    case 8, 9, 10 -> {
                        if (!machine.held.isEmpty()) {
                            machine.add(random.nextInt(machine.held.size()));
                        }
                    }
                    case 11 -> machine.queue.publish();
                    case 12, 13 -> machine.complete();
                    case 14 -> machine.successor();
                    default -> machine.endWhilePublishing(random.nextInt(5));
                }
            }
            machine.successor();
            for (int i = 0; i < 2 * SIZE; i++) {
                while (machine.take()) {
                    machine.add(0);
                    machine.queue.publish();
                }
                machine.complete();
            }
            assertThat(machine.outstanding).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatWasTakenFirstIsGivenAgainFirst(QueueKind kind) {
        try (var machine = new Machine(kind)) {
            var ids = new ArrayList<Integer>();
            for (int i = 0; i < 4; i++) {
                ids.add(machine.driver.submit(List.of(Buffer.writable(BUFFERS + 0x100L * i, 16))));
                machine.outstanding.put(ids.get(i), BUFFERS + 0x100L * i);
                assertThat(machine.take()).isTrue();
            }
            machine.add(1);
            machine.queue.publish();
            machine.successor();
            for (int i : List.of(0, 2, 3)) {
                assertThat(machine.take()).isTrue();
                assertThat(machine.held.getLast().id()).isEqualTo(ids.get(i));
            }
            assertThat(machine.take()).isFalse();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsPutBackIsNotInFlight(QueueKind kind) {
        try (var machine = new Machine(kind)) {
            int id = machine.driver.submit(List.of(Buffer.writable(BUFFERS, 16), Buffer.writable(BUFFERS + 32, 16)));
            machine.outstanding.put(id, BUFFERS);
            for (int i = 0; i < 3; i++) {
                assertThat(machine.take()).isTrue();
                machine.queue.undo(machine.held.removeFirst());
                assertThat(machine.take()).isTrue();
                machine.queue.undo(machine.held.removeFirst());
                machine.successor();
            }
            assertThat(machine.take()).isTrue();
            machine.successor();
            assertThat(machine.take()).as("given again").isTrue();
            machine.queue.undo(machine.held.removeFirst());
            assertThat(machine.take()).isTrue();
            machine.add(0);
            machine.queue.publish();
            machine.complete();
            assertThat(machine.outstanding).isEmpty();
            assertThat(machine.take()).isFalse();
        }
    }

    @Test
    void theLogOfAnotherKindOfQueueIsOfNoUse() {
        try (var split = new Machine(QueueKind.SPLIT); var packed = new Machine(QueueKind.PACKED)) {
            assertThat(split.queue.track(InflightLog.of(packed.region, SIZE, true))).isFalse();
            assertThat(packed.queue.track(InflightLog.of(split.arena.allocate(4096), SIZE, false))).isFalse();
        }
    }

    @Property(tries = 1000)
    void aLogOfGarbageHarmsNobody(@ForAll QueueKind kind, @ForAll long seed) {
        var random = new Random(seed);
        try (var machine = new Machine(kind)) {
            machine.submit(random);
            machine.take();
            byte[] bytes = machine.region.toArray(ValueLayout.JAVA_BYTE);
            int header = machine.packed ? 32 : 16;
            for (int i = random.nextInt(64); i >= 0; i--) {
                // Small numbers, which are nearly right.
                bytes[random.nextBoolean() ? 12 + random.nextInt(header - 12) : random.nextInt(bytes.length)] = //
                        (byte) (random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(SIZE + 2));
            }
            bytes[8] = 1;
            bytes[9] = 0;
            bytes[10] = SIZE;
            bytes[11] = 0;
            MemorySegment.copy(bytes, 0, machine.region, ValueLayout.JAVA_BYTE, 0, bytes.length);
            Virtqueue queue = Virtqueue.of(machine.driver.layout(), machine.memory);
            queue.resume(machine.packed ? 0x8000_8000 : 0);
            queue.track(InflightLog.of(machine.region, SIZE, machine.packed));
            var chain = new DescriptorChain();
            int given = 0;
            while (queue.next(chain) && given <= 2 * SIZE) {
                queue.add(chain, 0);
                queue.publish();
                given++;
            }
            assertThat(given).isLessThanOrEqualTo(2 * SIZE);
        }
    }
}
