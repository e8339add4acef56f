package dev.vz.net.bridge;

import static dev.vz.net.bridge.Stations.frame;
import static dev.vz.net.bridge.Stations.mac;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.FrameBatch;
import dev.vz.net.Frames;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import dev.vz.testing.Allocations;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A frame on its way through a switch leaves no garbage. */
@Tag("allocation")
class SwitchAllocationTest {

    private static double perBatch(PortSettings settings, byte[] frame) {
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(settings);
            net.add(PortSettings.standard());
            long[] got = new long[1];
            net.cable(1).b().receive(batch -> {
                got[0] += batch.count();
                return batch.count();
            });
            net.send(1, frame(1, mac(0)));
            byte[][] frames = new byte[32][];
            Arrays.fill(frames, frame);
            FrameBatch batch = Frames.batch(frames);
            double bytes = Allocations.perCall(20_000, () -> net.send(0, batch));
            assertThat(got[0]).isGreaterThan(20_000);
            return bytes;
        }
    }

    @Test
    void forwardingAllocatesNothing() {
        assertThat(perBatch(PortSettings.standard(), frame(0, mac(1)))).isZero();
    }

    @Test
    void guardingAllocatesNothing() {
        var guarded = PortSettings.guest().withStorms(StormLimits.NONE).withGuard(
                AddressGuard.of(List.of(new MacAddress(mac(0))), List.of(IpPrefix.parse("10.0.0.1"))));
        byte[] datagram = Frames.udp(mac(1), mac(0), 0x0A000001, 0x0A000002, 1, 2, new byte[100]);
        assertThat(perBatch(guarded, datagram)).isZero();
    }
}
