package dev.vz.bus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.testing.Allocations;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class IoBusTest {

    /** Answers reads with what was written last, and remembers the last access. */
    private static class Latch implements BusDevice {
        private long value = 0x1122_3344_5566_7788L;
        private long offset = -1;
        private int size;

        @Override
        public long read(long offset, int size) {
            this.offset = offset;
            this.size = size;
            return value;
        }

        @Override
        public void write(long offset, int size, long value) {
            this.offset = offset;
            this.size = size;
            this.value = value;
        }
    }

    private final IoBus bus = new IoBus("mmio");

    @Test
    void givesTheDeviceItsOwnOffsets() {
        var device = new Latch();
        bus.attach(new AddressRange(0x1000, 0x100), device);
        assertThat(bus.write(0x1010, 4, 0xFFFF_FFFF_8765_4321L)).isTrue();
        assertThat(device.offset).isEqualTo(0x10);
        assertThat(device.size).isEqualTo(4);
        assertThat(device.value).as("higher bits are zero").isEqualTo(0x8765_4321L);
    }

    @Test
    void cutsTheAnswerToTheSizeOfTheAccess() {
        var device = new Latch();
        bus.attach(new AddressRange(0, 8), device);
        assertThat(bus.read(0, 1)).isEqualTo(0x88);
        assertThat(bus.read(0, 2)).isEqualTo(0x7788);
        assertThat(bus.read(0, 3)).isEqualTo(0x66_7788);
        assertThat(bus.read(0, 4)).isEqualTo(0x5566_7788L);
        assertThat(bus.read(0, 8)).isEqualTo(0x1122_3344_5566_7788L);
    }

    @Test
    void readsAllOnesWhereNobodyAnswers() {
        bus.attach(new AddressRange(0x10, 4), new Latch());
        assertThat(bus.read(0x0F, 1)).isEqualTo(0xFF);
        assertThat(bus.read(0x14, 2)).isEqualTo(0xFFFF);
        assertThat(bus.read(0x20, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(bus.read(-8, 8)).isEqualTo(-1L);
        assertThat(bus.write(0x14, 1, 0)).isFalse();
    }

    @Test
    void givesNoDeviceAnAccessThatRunsPastItsEnd() {
        var device = new Latch();
        bus.attach(new AddressRange(0x10, 4), device);
        assertThat(bus.read(0x12, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(bus.write(0x13, 2, 1)).isFalse();
        assertThat(bus.read(0x0E, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(device.offset).isEqualTo(-1);
    }

    @Test
    void reachesTheLastAddressOfAll() {
        var device = new Latch();
        bus.attach(new AddressRange(-8, 8), device);
        assertThat(bus.read(-1, 1)).isEqualTo(0x88);
        assertThat(device.offset).isEqualTo(7);
        assertThat(bus.read(-4, 8)).isEqualTo(-1L);
        assertThat(bus.read(0, 1)).isEqualTo(0xFF);
    }

    @Test
    void refusesOverlapsAndNamesBoth() {
        bus.attach(new AddressRange(0x3F8, 8), new Latch() {
            @Override
            public String toString() {
                return "serial port";
            }
        });
        assertThatThrownBy(() -> bus.attach(new AddressRange(0x3FF, 1), new Latch() {
            @Override
            public String toString() {
                return "floppy";
            }
        })).isInstanceOf(ConfigurationException.class).hasMessageContaining("floppy")
                .hasMessageContaining("serial port")
                .hasMessageContaining("[0x3f8-0x3ff]").hasMessageContaining("mmio bus");
        assertThat(bus.attachments()).hasSize(1);
    }

    @Test
    void letsGoOfADevice() {
        IoBus.Attachment attachment = bus.attach(new AddressRange(0, 8), new Latch());
        attachment.close();
        attachment.close();
        assertThat(bus.read(0, 1)).isEqualTo(0xFF);
        bus.attach(new AddressRange(4, 8), new Latch());
        assertThat(bus.attachments()).hasSize(1);
    }

    @Test
    void letsADeviceDetachItselfWhileItAnswers() {
        var self = new ArrayList<IoBus.Attachment>();
        self.add(bus.attach(new AddressRange(0, 8), new BusDevice() {
            @Override
            public long read(long offset, int size) {
                self.getFirst().close();
                return 0x42;
            }

            @Override
            public void write(long offset, int size, long value) {
                bus.read(0, 1); // from inside itself: nested
            }
        }));
        assertThat(bus.write(0, 1, 0)).isTrue();
        assertThat(bus.attachments()).isEmpty();
    }

    @Test
    void countsAnAccessThatThrowsAsOver() {
        IoBus.Attachment attachment = bus.attach(new AddressRange(0, 8), new BusDevice() {
            @Override
            public long read(long offset, int size) {
                throw new IllegalStateException("broken device");
            }

            @Override
            public void write(long offset, int size, long value) {
                throw new IllegalStateException("broken device");
            }
        });
        assertThatThrownBy(() -> bus.read(0, 1)).hasMessage("broken device");
        assertThatThrownBy(() -> bus.write(0, 1, 1)).hasMessage("broken device");
        attachment.close(); // does not wait for ever
        assertThat(bus.attachments()).isEmpty();
    }

    @Property(tries = 300)
    void findsTheSameDeviceAsALinearSearch(
            @ForAll @Size(max = 40) List<@IntRange(min = 0, max = 600) Integer> starts,
            @ForAll @IntRange(min = 0, max = 640) int address, @ForAll @IntRange(min = 1, max = 8) int size) {
        var space = new IoBus("test");
        var model = new TreeMap<Integer, AddressRange>();
        for (int start : starts) {
            var range = new AddressRange(start, 1 + start % 9);
            if (model.values().stream().noneMatch(range::overlaps)) {
                space.attach(range, new Latch());
                model.put(start, range);
            } else {
                assertThatThrownBy(() -> space.attach(range, new Latch())).isInstanceOf(ConfigurationException.class);
            }
        }
        assertThat(space.attachments()).extracting(IoBus.Attachment::range)
                .containsExactlyElementsOf(model.values());
        AddressRange expected = model.values().stream().filter(r -> r.contains(address, size)).findFirst().orElse(null);
        IoBus.Attachment found = space.find(address, size);
        assertThat(found == null ? null : found.range()).isEqualTo(expected);
    }

    @Test
    @Tag("allocation")
    void allocatesNothingPerAccess() {
        for (int i = 0; i < 32; i++) {
            bus.attach(new AddressRange(0x100L * i, 0x100), new Latch());
        }
        assertThat(Allocations.perCall(20_000, () -> {
            bus.write(0x510, 4, 7);
            bus.read(0x1F00, 8);
            bus.read(0x9999, 1);
        })).isZero();
    }
}
