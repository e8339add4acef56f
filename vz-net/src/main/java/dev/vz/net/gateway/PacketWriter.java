package dev.vz.net.gateway;

import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.UdpHeader;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Makes finished packets, in fragments where they exceed the link's MTU: {@link #begin}, write the transport part at
 * {@link #transport} of {@link #segment}, {@link #end}.
 */
final class PacketWriter {

    private static final int FRAGMENT_HEADER = 8;

    private final GuestLink link;
    private final MemorySegment whole;
    private MemorySegment segment;
    private long transport;
    private int length;
    private boolean fits;
    private int identification6;

    PacketWriter(GuestLink link, Arena arena) {
        this.link = link;
        whole = arena.allocate(0x1_0000, 64);
        segment = whole;
    }

    /** Makes room for a transport part of {@code length} bytes; whether a packet can hold it. */
    boolean begin(boolean version6, int length) {
        int ip = version6 ? Ipv6Header.SIZE : Ipv4Header.SIZE;
        if (length + ip > 0xFFFF) {
            return false;
        }
        this.length = length;
        fits = length + ip <= link.mtu();
        segment = fits ? link.slab() : whole;
        transport = fits ? link.reserve(length) : 0;
        return true;
    }

    MemorySegment segment() {
        return segment;
    }

    long transport() {
        return transport;
    }

    /** Queues the packet. */
    void end(long mac, long sourceHigh, long sourceLow, long destinationHigh, long destinationLow, int protocol) {
        link.nextIdentification();
        if (fits) {
            link.commit(mac, sourceHigh, sourceLow, destinationHigh, destinationLow, protocol, 64, length, 0);
            return;
        }
        boolean v6 = !Address.isIpv4(destinationHigh, destinationLow);
        int extra = v6 ? FRAGMENT_HEADER : 0;
        int part = (link.mtu() - (v6 ? Ipv6Header.SIZE : Ipv4Header.SIZE) - extra) & -8;
        identification6++;
        for (int done = 0; done < length; done += part) {
            int count = Math.min(part, length - done);
            boolean more = done + count < length;
            long at = link.reserve(extra + count);
            MemorySegment slab = link.slab();
            if (v6) {
                Wire.put16(slab, at, protocol << 8);
                Wire.put16(slab, at + 2, done | (more ? 1 : 0));
                Wire.put32(slab, at + 4, identification6);
            }
            MemorySegment.copy(whole, done, slab, at + extra, count);
            link.commit(mac, sourceHigh, sourceLow, destinationHigh, destinationLow,
                    v6 ? IpProtocol.FRAGMENT : protocol, 64, extra + count,
                    v6 ? 0 : done / 8 | (more ? Ipv4Header.MORE_FRAGMENTS : 0));
        }
    }

    /** Writes a datagram whose payload lies elsewhere; one that cannot be is dropped. */
    void datagram(long mac, long sourceHigh, long sourceLow, int sourcePort, long destinationHigh, long destinationLow,
            int destinationPort, MemorySegment payload, long at, int payloadLength) {
        int size = UdpHeader.SIZE + payloadLength;
        if (!begin(!Address.isIpv4(destinationHigh, destinationLow), size)) {
            return;
        }
        UdpHeader.set(segment, transport, sourcePort, destinationPort, size);
        MemorySegment.copy(payload, at, segment, transport + UdpHeader.SIZE, payloadLength);
        long sum = GuestLink.pseudo(sourceHigh, sourceLow, destinationHigh, destinationLow, IpProtocol.UDP, size);
        Wire.put16(segment, transport + UdpHeader.CHECKSUM,
                Checksum.finishUdp(Checksum.add(sum, segment, transport, size)));
        end(mac, sourceHigh, sourceLow, destinationHigh, destinationLow, IpProtocol.UDP);
    }
}
