package dev.vz.net.packet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.VnetHeader;
import dev.vz.net.Frames;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Virtio headers that lie, and those that do not, with what they ask for done in software. */
class OffloadTest {

    private final PacketView view = new PacketView();

    private static FrameBatch tcp(int payload, int flags) {
        byte[] data = new byte[payload];
        new Random(payload).nextBytes(data);
        return Frames.batch(Frames.tcpToBeSummed(2, 1, 0x0A000001, 0x0A000002, flags, data));
    }

    private boolean check(FrameBatch batch) {
        view.parse(batch.segment(0), batch.frameOffset(0), batch.frameLength(0));
        return Offload.check(batch.segment(0), batch.headerOffset(0), view);
    }

    @Test
    void aTcpFrameToBeCutIsAcceptedAsItIs() {
        FrameBatch batch = tcp(5000, TcpHeader.ACK);
        VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, 1448, 34, 16);
        assertThat(check(batch)).isTrue();
        assertThat(Offload.isAccepted(batch.segment(0), 0, LinkFeatures.all())).isTrue();
        assertThat(Offload.isAccepted(batch.segment(0), 0, LinkFeatures.none())).isFalse();
    }

    @Test
    void aBadGsoSizeIsRefused() {
        FrameBatch batch = tcp(5000, TcpHeader.ACK);
        VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, 0, 34, 16);
        assertThat(check(batch)).isFalse();
        VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, 1, 34, 16);
        assertThat(check(batch)).isFalse();
    }

    @Test
    void aBadCsumStartIsRefused() {
        FrameBatch batch = tcp(100, TcpHeader.ACK);
        for (int start : new int[] {0, 13, 154 - 17, 154, 0xFFFF}) {
            VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, 0, 54, 0, start, 16);
            assertThat(check(batch)).as("csum_start %d", start).isFalse();
        }
        VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, 0, 54, 0, 34, 0xFFFF);
        assertThat(check(batch)).isFalse();
    }

    @Test
    void aGsoTypeThatIsNotTheFramesIsRefused() {
        FrameBatch batch = tcp(5000, TcpHeader.ACK);
        for (int type : new int[] {VnetHeader.GSO_TCPV6, VnetHeader.GSO_UDP, VnetHeader.GSO_UDP_L4, 77,
            VnetHeader.GSO_ECN}) {
            VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, type, 54, 1448, 34, 16);
            assertThat(check(batch)).as("gso_type %d", type).isFalse();
        }
    }

    @Test
    void aHeaderLengthIsOnlyAHint() {
        FrameBatch batch = tcp(5000, TcpHeader.ACK);
        VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 0xFFFF, 1448, 34, 16);
        assertThat(check(batch)).isTrue();
    }

    @Test
    void aChecksumIsFilledIn() {
        FrameBatch batch = tcp(101, TcpHeader.ACK);
        VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, 0, 54, 0, 34, 16);
        assertThat(check(batch)).isTrue();
        assertThat(Frames.isTransportSumRight(Frames.copy(batch, 0))).isFalse();
        Offload.finishChecksum(batch.segment(0), 0, batch.length(0));
        assertThat(Frames.isTransportSumRight(Frames.copy(batch, 0))).isTrue();
        assertThat(Offload.isFinished(batch.segment(0), 0)).isTrue();
    }

    @Property(tries = 200)
    void segmentsTogetherAreTheStream(@ForAll @IntRange(min = 1, max = 60000) int payload,
            @ForAll @IntRange(min = 8, max = 9000) int size) {
        FrameBatch batch = tcp(payload, TcpHeader.ACK | TcpHeader.PSH | TcpHeader.FIN | TcpHeader.CWR);
        VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, size, 34, 16);
        assertThat(check(batch)).isTrue();
        var segmenter = new Segmenter();
        segmenter.begin(batch.segment(0), 0, view);
        byte[] original = Frames.copy(batch, 0);
        int done = 0;
        int index = 0;
        MemorySegment out = MemorySegment.ofArray(new byte[12 + segmenter.largestFrame()]);
        while (segmenter.hasNext()) {
            int length = segmenter.next(out, 0) - 12;
            byte[] frame = out.asSlice(12, length).toArray(ValueLayout.JAVA_BYTE);
            MemorySegment at = MemorySegment.ofArray(frame);
            assertThat(Frames.isTransportSumRight(frame)).isTrue();
            assertThat(Ipv4Header.isChecksumRight(at, 14)).isTrue();
            assertThat(Ipv4Header.identification(at, 14)).isEqualTo(7 + index & 0xFFFF);
            assertThat(TcpHeader.sequence(at, 34)).isEqualTo(1_000_000 + done);
            int part = length - 54;
            assertThat(at.asSlice(54).mismatch(MemorySegment.ofArray(original).asSlice(54 + done, part)))
                    .isEqualTo(-1);
            done += part;
            boolean last = done == payload;
            assertThat((TcpHeader.flags(at, 34) & TcpHeader.FIN) != 0).isEqualTo(last);
            assertThat((TcpHeader.flags(at, 34) & TcpHeader.CWR) != 0).isEqualTo(index == 0);
            index++;
        }
        assertThat(done).isEqualTo(payload);
    }

    @Property(tries = 200)
    void aLargeFrameOfDatagramsIsCutIntoThem(@ForAll @IntRange(min = 1, max = 60000) int payload,
            @ForAll @IntRange(min = 8, max = 9000) int size) {
        byte[] data = new byte[payload];
        new Random(payload).nextBytes(data);
        FrameBatch batch = Frames.batch(Frames.udp(2, 1, 0x0A000001, 0x0A000002, 4000, 53, data));
        VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_UDP_L4, 42, size, 34,
                UdpHeader.CHECKSUM);
        assertThat(check(batch)).isTrue();
        var segmenter = new Segmenter();
        segmenter.begin(batch.segment(0), 0, view);
        int done = 0;
        MemorySegment out = MemorySegment.ofArray(new byte[12 + segmenter.largestFrame()]);
        while (segmenter.hasNext()) {
            int length = segmenter.next(out, 0) - 12;
            byte[] frame = out.asSlice(12, length).toArray(ValueLayout.JAVA_BYTE);
            MemorySegment at = MemorySegment.ofArray(frame);
            int part = length - 42;
            assertThat(part).isEqualTo(Math.min(size, payload - done));
            assertThat(UdpHeader.length(at, 34)).isEqualTo(8 + part);
            assertThat(Frames.isTransportSumRight(frame)).isTrue();
            assertThat(Ipv4Header.isChecksumRight(at, 14)).isTrue();
            assertThat(at.asSlice(42).mismatch(MemorySegment.ofArray(data).asSlice(done, part))).isEqualTo(-1);
            done += part;
        }
        assertThat(done).isEqualTo(payload);
    }

    @Property(tries = 2000)
    void whatIsAcceptedCanBeDoneWithoutLeavingTheFrame(@ForAll long seed) {
        var random = new Random(seed);
        int payload = random.nextInt(300);
        FrameBatch batch = tcp(payload, TcpHeader.ACK);
        // The frame's own lengths lie, too.
        MemorySegment segment = batch.segment(0);
        for (int i = 0; i < 3; i++) {
            if (random.nextBoolean()) {
                Wire.put8(segment, 12 + 12 + random.nextInt(42), random.nextInt());
            }
        }
        int[] starts = {34, 14, random.nextInt(400), 0xFFFF};
        VnetHeader.set(segment, 0, random.nextInt(4), new int[] {0, 1, 3, 4, 5, 0x81}[random.nextInt(6)],
                random.nextInt(0x10000), random.nextInt(random.nextBoolean() ? 20 : 0x10000),
                starts[random.nextInt(4)], new int[] {16, 6, random.nextInt(400)}[random.nextInt(3)]);
        if (!check(batch)) {
            return;
        }
        if (VnetHeader.gsoType(segment, 0) == VnetHeader.GSO_NONE) {
            Offload.finishChecksum(segment, 0, batch.length(0));
            assertThat(Offload.isFinished(segment, 0)).isTrue();
        } else {
            var segmenter = new Segmenter();
            segmenter.begin(segment, 0, view);
            MemorySegment out = MemorySegment.ofArray(new byte[12 + segmenter.largestFrame()]);
            int frames = 0;
            while (segmenter.hasNext()) {
                assertThat(segmenter.next(out, 0)).isLessThanOrEqualTo((int) out.byteSize());
                assertThat(++frames).isLessThan(200);
            }
        }
    }
}
