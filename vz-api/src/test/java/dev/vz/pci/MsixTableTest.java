package dev.vz.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.bus.BusDevice;
import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.irq.Msi;
import dev.vz.irq.MsiSink;
import dev.vz.testing.Allocations;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** PCI Local Bus Specification 3.0, 6.8.2. */
class MsixTableTest {

    /** Notes every message sent, and how. */
    private static final class Recorder implements MsiSink {
        final List<Msi> sent = new ArrayList<>();
        int signals;
        int open;
        boolean refuse;

        @Override
        public boolean signal(Msi message) {
            signals++;
            sent.add(message);
            return true;
        }

        @Override
        public Vector vector(Msi message) {
            check();
            open++;
            return new Vector() {
                private Msi current = message;

                @Override
                public void trigger() {
                    sent.add(current);
                }

                @Override
                public void update(Msi next) {
                    check();
                    current = next;
                }

                @Override
                public OptionalInt eventFd() {
                    return OptionalInt.empty();
                }

                @Override
                public void close() {
                    open--;
                }
            };
        }

        private void check() {
            if (refuse) {
                throw new HostException("ioctl KVM_SET_GSI_ROUTING", "vm", 22, "EINVAL", null);
            }
        }
    }

    private final Recorder sink = new Recorder();
    private final MsixTable table = new MsixTable(3, sink);
    private final BusDevice entries = table.table();
    private final BusDevice pending = table.pendingBits();

    private void program(int vector, long address, int data, boolean masked) {
        entries.write(16L * vector, 4, address & 0xFFFF_FFFFL);
        entries.write(16L * vector + 4, 4, address >>> 32);
        entries.write(16L * vector + 8, 4, data & 0xFFFF_FFFFL);
        entries.write(16L * vector + 12, 4, masked ? 1 : 0);
    }

    @Test
    void startsMaskedAndDisabled() {
        assertThat(table.isEnabled()).isFalse();
        assertThat(table.tableSize()).isEqualTo(48);
        assertThat(table.pendingSize()).isEqualTo(8);
        for (int v = 0; v < 3; v++) {
            assertThat(entries.read(16L * v + 12, 4)).isEqualTo(1);
        }
        table.trigger(0);
        assertThat(pending.read(0, 8)).as("a disabled function uses its pin: nothing is pending").isZero();
    }

    @Test
    void sendsWhatTheEntrySays() {
        program(1, 0xFEE0_1000L, 0x41, false);
        table.control(true, false);
        table.trigger(1);
        assertThat(sink.sent).containsExactly(new Msi(0xFEE0_1000L, 0x41));
        program(1, 0xFEE0_2000L, 0x42, false);
        table.trigger(1);
        assertThat(sink.sent).last().isEqualTo(new Msi(0xFEE0_2000L, 0x42));
        assertThat(sink.signals).isZero();
    }

    @Test
    void remembersWhileMaskedAndSendsOnceOnUnmask() {
        program(2, 0xFEE0_0000L, 0x50, true);
        table.control(true, false);
        table.trigger(2);
        table.trigger(2);
        assertThat(sink.sent).isEmpty();
        assertThat(pending.read(0, 8)).isEqualTo(4);
        assertThat(pending.read(0, 4)).isEqualTo(4);
        assertThat(pending.read(4, 4)).isZero();
        entries.write(2 * 16 + 12, 4, 0);
        assertThat(sink.sent).containsExactly(new Msi(0xFEE0_0000L, 0x50));
        assertThat(pending.read(0, 8)).isZero();
    }

    @Test
    void masksAllVectorsWithTheFunctionMask() {
        program(0, 0xFEE0_0000L, 0x30, false);
        program(1, 0xFEE0_0000L, 0x31, true);
        table.control(true, true);
        table.trigger(0);
        table.trigger(1);
        assertThat(sink.sent).isEmpty();
        assertThat(pending.read(0, 8)).isEqualTo(3);
        table.control(true, false);
        assertThat(sink.sent).extracting(Msi::data).containsExactly(0x30);
        assertThat(pending.read(0, 8)).as("vector 1 is still masked by itself").isEqualTo(2);
    }

    @Test
    void readsBackAlignedWordsAndNothingElse() {
        entries.write(0, 8, 0x0000_0001_FEE0_3000L);
        entries.write(8, 8, 0xFFFF_FFFF_0000_0055L);
        assertThat(entries.read(0, 4)).isEqualTo(0xFEE0_3000L);
        assertThat(entries.read(4, 4)).isEqualTo(1);
        assertThat(entries.read(0, 8)).isEqualTo(0x0000_0001_FEE0_3000L);
        assertThat(entries.read(8, 8)).as("only the mask bit of the control word holds")
                .isEqualTo(0x0000_0001_0000_0055L);
        assertThat(entries.read(2, 4)).isZero();
        assertThat(entries.read(4, 8)).isZero();
        assertThat(entries.read(0, 2)).isZero();
        entries.write(1, 1, 0xFF);
        entries.write(44, 8, -1);
        assertThat(entries.read(0, 4)).isEqualTo(0xFEE0_3000L);
        assertThat(entries.read(44, 4)).isEqualTo(1);
        pending.write(0, 8, -1);
        assertThat(pending.read(0, 8)).as("pending bits are read-only").isZero();
        assertThat(pending.read(0, 3)).isZero();
        assertThat(pending.read(4, 8)).isZero();
    }

    @Test
    void ignoresVectorsOutsideTheTable() {
        table.control(true, false);
        for (int vector : new int[] {-1, 3, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            table.trigger(vector);
        }
        assertThat(sink.sent).isEmpty();
        assertThat(pending.read(0, 8)).isZero();
    }

    @Test
    void doesNotThrowAtTheDeviceWhenTheSinkRefusesAMessage() {
        sink.refuse = true;
        program(0, 0xFEE0_0000L, 0x30, false);
        table.control(true, false);
        assertThatCode(() -> table.trigger(0)).doesNotThrowAnyException();
        assertThat(sink.signals).as("it goes the way that needs no preparation").isEqualTo(1);
        sink.refuse = false;
        table.trigger(0);
        assertThat(sink.signals).as("the same message is not tried again").isEqualTo(2);
        program(0, 0xFEE0_0000L, 0x31, false);
        table.trigger(0);
        assertThat(sink.signals).as("another one is").isEqualTo(2);
        sink.refuse = true;
        program(0, 0xFEE0_0000L, 0x32, false);
        table.trigger(0);
        assertThat(sink.sent).extracting(Msi::data).containsExactly(0x30, 0x30, 0x31, 0x32);
    }

    @Test
    void givesBackWhatItPreparedOnReset() {
        for (int v = 0; v < 3; v++) {
            program(v, 0xFEE0_0000L, 0x30 + v, false);
        }
        table.control(true, false);
        for (int v = 0; v < 3; v++) {
            table.trigger(v);
        }
        assertThat(sink.open).isEqualTo(3);
        table.reset();
        assertThat(sink.open).isZero();
        assertThat(table.isEnabled()).isFalse();
        assertThat(entries.read(0, 8)).isZero();
        assertThat(entries.read(12, 4)).isEqualTo(1);
    }

    @Test
    void hasOneToTwoThousandAndFortyEightVectors() {
        assertThatThrownBy(() -> new MsixTable(0, sink)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new MsixTable(2049, sink)).isInstanceOf(ConfigurationException.class);
        var largest = new MsixTable(2048, sink);
        largest.control(true, true);
        largest.trigger(2047);
        assertThat(largest.pendingBits().read(2048 / 8 - 8, 8)).isEqualTo(1L << 63);
        assertThat(largest.pendingBits().read(2048 / 8 - 4, 4)).isEqualTo(1L << 31);
    }

    @Property(tries = 500)
    void takesAnyAccessTheGuestMakes(@ForAll @IntRange(min = 1, max = 70) int vectors,
            @ForAll @LongRange(min = 0, max = 1200) long offset, @ForAll @IntRange(min = 1, max = 8) int size,
            @ForAll long value) {
        var hostile = new MsixTable(vectors, new Recorder());
        hostile.control(true, false);
        hostile.table().write(offset, size, value);
        hostile.pendingBits().write(offset, size, value);
        hostile.trigger((int) value);
        long read = hostile.table().read(offset, size) | hostile.pendingBits().read(offset, size);
        assertThat(size == 8 ? 0 : read >>> 8 * size).isZero();
        assertThat(hostile.table().read(offset, 4)).isBetween(0L, 0xFFFF_FFFFL);
    }

    @Test
    void losesNoInterruptBetweenMaskingAndTriggering() throws Exception {
        var sent = new AtomicInteger();
        var counting = new MsiSink() {
            @Override
            public boolean signal(Msi message) {
                sent.incrementAndGet();
                return true;
            }

            @Override
            public Vector vector(Msi message) {
                return new Vector() {
                    @Override
                    public void trigger() {
                        sent.incrementAndGet();
                    }

                    @Override
                    public void update(Msi next) {
                        // the message does not matter here
                    }

                    @Override
                    public OptionalInt eventFd() {
                        return OptionalInt.empty();
                    }

                    @Override
                    public void close() {
                        // nothing is held
                    }
                };
            }
        };
        var shared = new MsixTable(1, counting);
        shared.control(true, false);
        shared.table().write(12, 4, 0);
        try (var pool = Executors.newFixedThreadPool(2)) {
            var masking = pool.submit(() -> {
                for (int i = 0; i < 20_000; i++) {
                    shared.table().write(12, 4, i & 1);
                }
                shared.table().write(12, 4, 0);
            });
            for (int i = 0; i < 20_000; i++) {
                boolean alone = masking.isDone();
                int before = sent.get();
                shared.trigger(0);
                if (alone) {
                    assertThat(sent.get()).isEqualTo(before + 1);
                }
            }
            masking.get();
        }
        assertThat(shared.pendingBits().read(0, 8)).as("nothing is left behind unmasked").isZero();
        assertThat(sent.get()).isPositive();
    }

    @Test
    @Tag("allocation")
    void allocatesNothingPerInterrupt() {
        var quiet = new MsixTable(4, new MsiSink() {
            @Override
            public boolean signal(Msi message) {
                return true;
            }

            @Override
            public Vector vector(Msi message) {
                return new Vector() {
                    @Override
                    public void trigger() {
                        // sent
                    }

                    @Override
                    public void update(Msi next) {
                        // the message does not matter here
                    }

                    @Override
                    public OptionalInt eventFd() {
                        return OptionalInt.empty();
                    }

                    @Override
                    public void close() {
                        // nothing is held
                    }
                };
            }
        });
        quiet.control(true, false);
        BusDevice access = quiet.table();
        access.write(12, 4, 0);
        assertThat(Allocations.perCall(20_000, () -> {
            quiet.trigger(0);
            access.write(12, 4, 1);
            quiet.trigger(0);
            access.write(12, 4, 0);
        })).isZero();
    }
}
