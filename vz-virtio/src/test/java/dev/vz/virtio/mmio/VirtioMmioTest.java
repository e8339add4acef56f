package dev.vz.virtio.mmio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.irq.Doorbell;
import dev.vz.memory.GuestMemory;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.WorkerLoop;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.queue.QueueKind;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Virtio over memory-mapped registers (virtio 1.3, 4.2). */
class VirtioMmioTest {

    private static final long ADDRESS = 0xFD00_0000L;

    private final GuestMemory memory = GuestMemory.ofSize(1 << 20);
    private final WorkerLoop loop = WorkerLoop.manual();
    private final Map<Doorbell.Address, Runnable> rung = new HashMap<>();
    private boolean line;
    private final VirtioMmio registers = device();

    private VirtioMmio device() {
        return new VirtioMmio(new DeviceHost(new EntropyDevice(new Random(1)), memory, loop), high -> line = high,
                Optional.of(new Doorbells()), ADDRESS);
    }

    private final class Doorbells implements Doorbell.Registrar {
        @Override
        public Doorbell register(Doorbell.Address address, Runnable listener) {
            rung.put(address, listener);
            return new Doorbell() {
                @Override
                public Address address() {
                    return address;
                }

                @Override
                public OptionalInt eventFd() {
                    return OptionalInt.empty();
                }

                @Override
                public void close() {
                    rung.remove(address);
                }
            };
        }

        @Override
        public Doorbell registerDescriptor(Doorbell.Address address, int eventFd) {
            throw new AssertionError("nobody asked for it");
        }
    }

    @AfterEach
    void close() {
        registers.close();
        assertThat(rung).as("doorbells are taken away").isEmpty();
        assertThat(line).as("the line is low").isFalse();
        loop.close();
        memory.close();
    }

    private long read(int offset) {
        return registers.read(offset, 4);
    }

    private void write(int offset, long value) {
        registers.write(offset, 4, value);
    }

    private QueueDriver start(QueueKind kind) {
        return start(kind, 0);
    }

    private QueueDriver start(QueueKind kind, long more) {
        long features = more | DeviceHost.VERSION_1 | DeviceHost.RING_RESET | 1L << QueueFeatures.INDIRECT_DESC
                | (kind.features.eventIdx() ? 1L << QueueFeatures.EVENT_IDX : 0)
                | (kind.features.packed() ? 1L << QueueFeatures.RING_PACKED : 0);
        write(0x70, 1);
        write(0x70, 3);
        write(0x24, 0);
        write(0x20, features & 0xFFFF_FFFFL);
        write(0x24, 1);
        write(0x20, features >>> 32);
        write(0x70, 11);
        assertThat(read(0x70)).isEqualTo(11);
        QueueDriver queue = QueueDriver.of(memory, 0x10000, 16, kind.features);
        setUp(queue);
        queue.interrupts(true);
        write(0x70, 15);
        run();
        return queue;
    }

    private void setUp(QueueDriver queue) {
        write(0x30, 0);
        write(0x38, 16);
        write(0x80, queue.layout().descriptorArea());
        write(0x84, 0);
        write(0x90, queue.layout().driverArea());
        write(0x94, 0);
        write(0xA0, queue.layout().deviceArea());
        write(0xA4, 0);
        write(0x44, 1);
        assertThat(read(0x44)).isEqualTo(1);
    }

    private void run() {
        for (int rounds = 0; loop.runOnce(); rounds++) {
            assertThat(rounds).isLessThan(10_000);
        }
    }

    @Test
    void it_says_what_it_is() {
        assertThat(read(0)).isEqualTo(0x7472_6976);
        assertThat(read(4)).as("version").isEqualTo(2);
        assertThat(read(8)).isEqualTo(EntropyDevice.TYPE);
        write(0x14, 1);
        assertThat(read(0x10) & 1).as("VERSION_1").isEqualTo(1);
        write(0x14, 2);
        assertThat(read(0x10)).as("no features beyond 63").isZero();
    }

    @ParameterizedTest
    @EnumSource
    void a_request_is_answered_and_the_line_stays_high_until_it_is_acknowledged(QueueKind kind) {
        QueueDriver queue = start(kind);
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        write(0x50, 0);
        run();
        assertThat(queue.complete()).isPresent();
        assertThat(line).isTrue();
        assertThat(read(0x60)).isEqualTo(1);
        assertThat(read(0x60)).as("reading changes nothing").isEqualTo(1);
        write(0x64, 2);
        assertThat(line).as("the other cause").isTrue();
        write(0x64, 1);
        assertThat(line).isFalse();
    }

    @Test
    void a_doorbell_with_the_queues_number_notifies_like_a_write() {
        QueueDriver queue = start(QueueKind.SPLIT);
        assertThat(rung).containsOnlyKeys(Doorbell.Address.mmio(ADDRESS + 0x50, 4).matching(0));
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        rung.values().forEach(Runnable::run);
        run();
        assertThat(queue.complete()).isPresent();
    }

    @ParameterizedTest
    @EnumSource
    void a_notification_with_data_notifies_the_queue_it_names(QueueKind kind) {
        QueueDriver queue = start(kind, 1L << QueueFeatures.NOTIFICATION_DATA);
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        write(0x50, 1 << 16);
        run();
        assertThat(queue.complete()).isPresent();
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        write(0x50, 0x8002_0001L);
        run();
        assertThat(queue.complete()).as("a queue that is not there").isEmpty();
    }

    @Test
    void a_queue_that_is_not_there_has_no_size_and_does_not_become_ready() {
        write(0x30, 1);
        assertThat(read(0x34)).isZero();
        write(0x44, 1);
        assertThat(read(0x44)).isZero();
        write(0x30, 0);
        assertThat(read(0x34)).isPositive();
    }

    @Test
    void a_queue_is_frozen_while_it_is_ready() {
        QueueDriver queue = start(QueueKind.SPLIT);
        write(0x80, 0x8_0000);
        write(0x38, 8);
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        write(0x50, 0);
        run();
        assertThat(queue.complete()).isPresent();
    }

    @Test
    void a_queue_that_is_made_not_ready_is_left_alone_and_can_be_set_up_again() {
        QueueDriver queue = start(QueueKind.SPLIT);
        write(0x44, 0);
        assertThat(read(0x44)).isZero();
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        write(0x50, 0);
        run();
        assertThat(queue.complete()).isEmpty();
        QueueDriver again = QueueDriver.of(memory, 0x20000, 16, QueueKind.SPLIT.features);
        setUp(again);
        again.submit(List.of(Buffer.writable(0x8000, 32)));
        write(0x50, 0);
        run();
        assertThat(again.complete()).isPresent();
    }

    @Test
    void a_queue_reset_reads_as_done() {
        start(QueueKind.PACKED);
        write(0xC0, 1);
        assertThat(read(0xC0)).isZero();
        assertThat(read(0x44)).isZero();
        setUp(QueueDriver.of(memory, 0x20000, 16, QueueKind.PACKED.features));
    }

    @Test
    void a_reset_clears_selectors_and_interrupts() {
        QueueDriver queue = start(QueueKind.SPLIT);
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        write(0x50, 0);
        run();
        write(0x14, 1);
        write(0x70, 0);
        assertThat(read(0x70)).isZero();
        assertThat(read(0x60)).isZero();
        assertThat(line).isFalse();
        assertThat(read(0x44)).isZero();
        long low = read(0x10);
        write(0x14, 0);
        assertThat(read(0x10)).as("the selector was 0 again").isEqualTo(low);
    }

    @Test
    void accesses_of_other_widths_and_to_registers_that_are_not_there_read_as_zeros() {
        assertThat(registers.read(0, 1)).isZero();
        assertThat(registers.read(0, 8)).isZero();
        assertThat(registers.read(2, 4)).isZero();
        assertThat(read(0x1C)).isZero();
        registers.write(0x70, 1, 1);
        registers.write(0x6E, 4, 1 << 16);
        assertThat(read(0x70)).isZero();
        assertThat(read(0x100)).as("an entropy device has no configuration").isZero();
    }

    @Test
    void a_shared_memory_region_that_is_not_there_has_a_length_of_all_ones() {
        for (int register = 0xB0; register <= 0xBC; register += 4) {
            assertThat(read(register)).isEqualTo(0xFFFF_FFFFL);
        }
    }

    @Test
    void saved_registers_go_on_in_another_device() {
        QueueDriver queue = start(QueueKind.PACKED_EVENT_IDX);
        queue.submit(List.of(Buffer.writable(0x8000, 32)));
        write(0x50, 0);
        run();
        assertThat(queue.complete()).isPresent();
        registers.pause();
        MmioState state = registers.save();
        try (VirtioMmio other = device()) {
            line = false;
            other.restore(state);
            assertThat(line).as("there is still something to be acknowledged").isTrue();
            assertThat(other.save()).isEqualTo(state);
            queue.submit(List.of(Buffer.writable(0x9000, 32)));
            other.write(0x50, 4, 0);
            run();
            assertThat(queue.complete()).isPresent();
            assertThatThrownBy(() -> other.restore(new MmioState(state.host(), 0, 0, 0, 4)))
                    .isInstanceOf(FormatException.class).hasMessageContaining("0x4");
        }
    }

    @Property(tries = 200)
    void nothing_that_a_driver_writes_throws(@ForAll List<Long> accesses) {
        assertThatCode(() -> {
            for (long access : accesses) {
                int offset = (int) (access & 0x1FC);
                int size = 1 << (int) (access >>> 12 & 3);
                registers.write(offset, size, access >>> 16);
                registers.read(offset, size);
                loop.runOnce();
            }
        }).doesNotThrowAnyException();
        close();
    }
}
