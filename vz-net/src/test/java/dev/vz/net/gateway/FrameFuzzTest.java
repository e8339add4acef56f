package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.linux.event.EpollLoop;
import dev.vz.net.Frames;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Frames of every kind with bytes changed at random: none makes the gateway fail. */
class FrameFuzzTest {

    private static EpollLoop loop;
    private static LinkPair wire;
    private static Gateway gateway;
    private static List<byte[]> seeds;

    @BeforeContainer
    static void connect() {
        loop = new EpollLoop("fuzzed gateway");
        loop.start();
        wire = new LinkPair("wire", LinkFeatures.none());
        // Nothing leaves: what survives all checks is rejected by the policy.
        gateway = new Gateway(loop, wire.b(),
                GatewayConfiguration.standard().withPolicy(EgressPolicy.rejectAll()).withHost(false));
        seeds = HostileGuestTest.everyKind();
    }

    @AfterContainer
    static void disconnect() {
        gateway.close();
        wire.close();
        loop.close();
    }

    @Property(tries = 2000)
    void changedFramesAreDroppedOrUnderstood(@ForAll long seed, @ForAll @IntRange(min = 0, max = 5) int kind,
            @ForAll @IntRange(min = 1, max = 12) int changes) {
        var random = new Random(seed);
        byte[] frame = seeds.get(kind).clone();
        for (int i = 0; i < changes; i++) {
            frame[12 + random.nextInt(frame.length - 12)] = (byte) random.nextInt();
        }
        while (Frames.send(wire.a(), frame) == 0) {
            Thread.onSpinWait();
        }
        assertThat(gateway.statistics().failures()).isZero();
    }
}
