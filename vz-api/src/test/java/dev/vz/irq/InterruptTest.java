package dev.vz.irq;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class InterruptTest {

    @Test
    void pulsesHighThenLow() {
        var levels = new ArrayList<Boolean>();
        InterruptLine line = levels::add;
        line.pulse();
        assertThat(levels).containsExactly(true, false);
        InterruptLine.unconnected().pulse();
    }

    @Test
    void addressesTheLocalApicOfACpu() {
        assertThat(Msi.fixed(3, 0x41)).isEqualTo(new Msi(0xFEE0_3000L, 0x41));
        assertThat(Msi.fixed(255, 0x1FF)).isEqualTo(new Msi(0xFEEF_F000L, 0xFF));
    }

    @Test
    void ringsOnWritesThatAGuestCanMake() {
        Doorbell.Address address = Doorbell.Address.mmio(0xFE00_0050L, 4);
        assertThat(address.match()).isEmpty();
        assertThat(address.matching(7).match()).isEqualTo(OptionalLong.of(7));
        assertThat(Doorbell.Address.port(0xFFFF, 1).range().last()).isEqualTo(0xFFFF);
        for (int width : new int[] {3, 16}) {
            assertThatThrownBy(() -> Doorbell.Address.mmio(0, width)).isInstanceOf(ConfigurationException.class);
        }
        assertThatThrownBy(() -> Doorbell.Address.mmio(0, 0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> Doorbell.Address.port(0, 8)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> Doorbell.Address.port(0xFFFF, 2)).isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("0xffff");
        assertThatThrownBy(() -> Doorbell.Address.port(-4, 4)).isInstanceOf(ConfigurationException.class);
    }

    @Test
    void copiesTheTablesOfItsStates() {
        var entries = new ArrayList<>(List.of(1L, 2L));
        var state = new IoapicState(0, 0, 0, entries);
        entries.clear();
        assertThat(state.redirection()).containsExactly(1L, 2L);
    }
}
