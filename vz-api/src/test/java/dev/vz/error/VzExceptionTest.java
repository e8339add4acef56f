package dev.vz.error;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class VzExceptionTest {

    @Test
    void namesTheErrorNumberAndTheRemedy() {
        var refused = new HostException("open", "/dev/kvm", 13, "EACCES", "add the user to group kvm");
        assertThat(refused).hasMessage("open on /dev/kvm failed: EACCES (13); add the user to group kvm");
        assertThat(refused.errno()).isEqualTo(13);
        assertThat(refused.errnoName()).isEqualTo("EACCES");
        assertThat(refused.operation()).isEqualTo("open");
        assertThat(refused.target()).isEqualTo("/dev/kvm");
        assertThat(new HostException("read", "fd 5", 5, "EIO", null)).hasMessage("read on fd 5 failed: EIO (5)");
    }

    @Test
    void keepsTheCause() {
        var cause = new IOException("gone");
        assertThat(new HostException("map", "file", cause)).hasCause(cause).hasMessageContaining("gone")
                .extracting(e -> ((HostException) e).errno()).isEqualTo(0);
        assertThat(new ConfigurationException("x", cause)).hasCause(cause);
        assertThat(new CapabilityException("x", cause)).hasCause(cause);
        assertThat(new FormatException("x", cause)).hasCause(cause);
        assertThat(new GuestException("x", cause)).hasCause(cause);
        assertThat(new LifecycleException("x", cause)).hasCause(cause);
    }

    @Test
    void isOneSealedFamily() {
        assertThat(VzException.class.isSealed()).isTrue();
        assertThat(VzException.class.getPermittedSubclasses()).containsExactlyInAnyOrder(CapabilityException.class,
                ConfigurationException.class, FormatException.class, GuestException.class, HostException.class,
                LifecycleException.class);
    }
}
