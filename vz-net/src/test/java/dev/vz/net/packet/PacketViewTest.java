package dev.vz.net.packet;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** What a view says lies within the frame, whatever the frame claims. */
class PacketViewTest {

    private final PacketView view = new PacketView();

    private static MemorySegment udp4(int payload, int ipLength, int udpLength) {
        MemorySegment frame = MemorySegment.ofArray(new byte[14 + 20 + 8 + payload]);
        EthernetHeader.set(frame, 0, 0xFFFF_FFFF_FFFFL, 0x5254_0012_3456L, EthernetHeader.IPV4);
        Ipv4Header.set(frame, 14, 0, ipLength, 1, 0, 64, IpProtocol.UDP, 0x0A000001, 0x0A000002);
        UdpHeader.set(frame, 34, 68, 67, udpLength);
        return frame;
    }

    @Test
    void aUdpDatagramShowsItsHeaders() {
        MemorySegment frame = udp4(10, 38, 18);
        assertThat(view.parse(frame, 0, 52)).isTrue();
        assertThat(view.isMalformed()).isFalse();
        assertThat(view.isUdp()).isTrue();
        assertThat(view.transportOffset()).isEqualTo(34);
        assertThat(view.transportLength()).isEqualTo(18);
        assertThat(Ipv4Header.isChecksumRight(frame, 14)).isTrue();
    }

    @Test
    void anIpLengthPastTheFrameEndsTheView() {
        view.parse(udp4(10, 39, 18), 0, 52);
        assertThat(view.isMalformed()).isTrue();
        assertThat(view.networkOffset()).isEqualTo(-1);
    }

    @Test
    void aUdpLengthPastTheIpPacketEndsTheView() {
        view.parse(udp4(10, 38, 19), 0, 52);
        assertThat(view.isMalformed()).isTrue();
        assertThat(view.transportOffset()).isEqualTo(-1);
    }

    @Test
    void paddingIsNotPartOfThePacket() {
        view.parse(udp4(30, 29, 9), 0, 72);
        assertThat(view.networkLength()).isEqualTo(29);
        assertThat(view.transportLength()).isEqualTo(9);
    }

    @Property(tries = 5000)
    void noHeaderLiesOutsideTheFrame(@ForAll @Size(max = 120) byte[] data, @ForAll @IntRange(max = 6) int kind,
            @ForAll long seed) {
        // Random bytes are rarely IP; the first ones are made plausible.
        Random random = new Random(seed);
        MemorySegment frame = MemorySegment.ofArray(data);
        if (data.length > 34) {
            int[] types = {0x0800, 0x86DD, 0x8100, 0x88A8, 0x0806, 0x0800, 0x86DD};
            Wire.put16(frame, 12, types[kind]);
            int at = kind == 2 || kind == 3 ? 18 : 14;
            if (at == 18) {
                Wire.put16(frame, 16, random.nextBoolean() ? 0x0800 : 0x86DD);
            }
            Wire.put8(frame, at, Wire.u16(frame, at - 2) == 0x0800 ? 0x40 | random.nextInt(16) : 0x60);
            if (Wire.u16(frame, at - 2) == 0x0800) {
                Wire.put16(frame, at + 2, random.nextInt(data.length + 4));
                int[] protocols = {1, 6, 17, 2, 132};
                Wire.put8(frame, at + 9, protocols[random.nextInt(5)]);
            } else {
                Wire.put16(frame, at + 4, random.nextInt(data.length));
                int[] headers = {0, 43, 44, 51, 60, 6, 17, 58};
                Wire.put8(frame, at + 6, headers[random.nextInt(8)]);
            }
        }
        boolean ethernet = view.parse(frame, 0, data.length);
        assertThat(ethernet).isEqualTo(data.length >= 14);
        if (view.networkOffset() >= 0) {
            assertThat(view.networkOffset() + view.networkLength()).isLessThanOrEqualTo(data.length);
        }
        if (view.transportOffset() >= 0) {
            assertThat(view.transportOffset()).isGreaterThanOrEqualTo(view.networkOffset());
            assertThat(view.transportOffset() + view.transportLength())
                    .isLessThanOrEqualTo(view.networkOffset() + view.networkLength());
            if (view.isTcp()) {
                assertThat(TcpHeader.headerLength(frame, view.transportOffset())).isBetween(20, view.transportLength());
            }
        }
    }
}
