package dev.vz.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.bus.BusDevice;
import dev.vz.error.ConfigurationException;
import org.junit.jupiter.api.Test;

class PciTest {

    private static final BusDevice NOTHING = new BusDevice() {
        @Override
        public long read(long offset, int size) {
            return 0;
        }

        @Override
        public void write(long offset, int size, long value) {
            // takes everything
        }
    };

    @Test
    void writesAddressesAsLinuxDoes() {
        var address = new PciAddress(0, 3, 1);
        assertThat(address).hasToString("00:03.1");
        assertThat(address.routingId()).isEqualTo(0x19);
        assertThat(new PciAddress(1, 0, 0)).isGreaterThan(new PciAddress(0, 31, 7));
        assertThatThrownBy(() -> new PciAddress(0, 32, 0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new PciAddress(256, 0, 0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new PciAddress(0, 0, -1)).isInstanceOf(ConfigurationException.class);
    }

    @Test
    void checksBarsAsThePciSpecificationDoes() {
        assertThat(new PciBar(4, PciBar.Kind.MEMORY64, 1L << 40, true, NOTHING).size()).isEqualTo(1L << 40);
        assertThat(new PciBar(5, PciBar.Kind.PORT, 4, false, NOTHING).index()).isEqualTo(5);
        record Bad(int index, PciBar.Kind kind, long size) {}
        for (Bad bad : new Bad[] {new Bad(5, PciBar.Kind.MEMORY64, 4096), new Bad(6, PciBar.Kind.MEMORY32, 4096),
            new Bad(-1, PciBar.Kind.PORT, 8), new Bad(0, PciBar.Kind.MEMORY32, 8),
            new Bad(0, PciBar.Kind.MEMORY32, 4097), new Bad(0, PciBar.Kind.MEMORY32, 1L << 32),
            new Bad(0, PciBar.Kind.PORT, 2), new Bad(0, PciBar.Kind.PORT, Long.MIN_VALUE)}) {
            assertThatThrownBy(() -> new PciBar(bad.index, bad.kind, bad.size, false, NOTHING))
                    .isInstanceOf(ConfigurationException.class).hasMessageContaining("BAR " + bad.index);
        }
    }
}
