package dev.vz.net.gateway;

import dev.vz.net.MacAddress;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.IcmpHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;

/** The gateway's link as its services see it. Only on the gateway's thread; what is sent leaves when the event ends. */
public final class GatewayLink {

    private final GatewayCore core;
    private final Neighbours neighbours;
    private final PacketWriter writer;

    GatewayLink(GatewayCore core, Neighbours neighbours, PacketWriter writer) {
        this.core = core;
        this.neighbours = neighbours;
        this.writer = writer;
    }

    /** The gateway's configuration. */
    public GatewayConfiguration configuration() {
        return core.configuration;
    }

    /** The gateway's link-local address (RFC 4291, appendix A). */
    public InetAddress linkLocal() {
        return Address.toInet(0xFE80L << 48, neighbours.linkLocalLow());
    }

    /** Sends a UDP datagram, its payload copied. */
    public void sendDatagram(MacAddress to, InetAddress source, int sourcePort, InetAddress destination,
            int destinationPort, MemorySegment payload, long offset, int length) {
        writer.datagram(to.value(), Address.high(source), Address.low(source), sourcePort, Address.high(destination),
                Address.low(destination), destinationPort, payload, offset, length);
    }

    /** Sends an ICMPv6 message with a hop limit of 255, as neighbor discovery has it; its checksum is filled in. */
    public void sendDiscovery(MacAddress to, InetAddress destination, MemorySegment message, long offset, int length) {
        long at = core.link.reserve(length);
        MemorySegment slab = core.link.slab();
        MemorySegment.copy(message, offset, slab, at, length);
        long high = Address.high(destination);
        long low = Address.low(destination);
        long ownHigh = 0xFE80L << 48;
        long ownLow = neighbours.linkLocalLow();
        Wire.put16(slab, at + IcmpHeader.CHECKSUM, 0);
        long sum = GuestLink.pseudo(ownHigh, ownLow, high, low, IpProtocol.ICMPV6, length);
        Wire.put16(slab, at + IcmpHeader.CHECKSUM, Checksum.finish(Checksum.add(sum, slab, at, length)));
        core.link.commit(to.value(), ownHigh, ownLow, high, low, IpProtocol.ICMPV6, 255, length, 0);
    }

    /** Remembers that a guest has an address, as DHCP knows before anybody else. */
    public void learn(InetAddress address, MacAddress mac) {
        neighbours.learn(Address.high(address), Address.low(address), mac.value());
    }
}
