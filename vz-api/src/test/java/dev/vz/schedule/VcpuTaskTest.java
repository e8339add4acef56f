package dev.vz.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import org.junit.jupiter.api.Test;

class VcpuTaskTest {

    @Test
    void checksItsNumbers() {
        assertThat(VcpuTask.of("guest", 1)).isEqualTo(new VcpuTask("guest", 1, 50, 1024, Long.MAX_VALUE));
        assertThatThrownBy(() -> new VcpuTask("guest", 0, 100, 1, 1)).isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("guest").hasMessageContaining("100");
        assertThatThrownBy(() -> new VcpuTask("guest", 0, 0, 0, 1)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new VcpuTask("guest", 0, 0, 10_001, 1)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new VcpuTask("guest", 0, 0, 1, 0)).isInstanceOf(ConfigurationException.class);
    }
}
