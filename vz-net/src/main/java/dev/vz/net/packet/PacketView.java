package dev.vz.net.packet;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Which headers a frame has and where they lie: parsed once, then asked. An offset that it gives out is the start of a
 * header that lies wholly within the frame and within the lengths that the outer headers claim; where a frame breaks off or
 * lies about a length, the view simply ends there.
 *
 * <p>
 * Reused for frame after frame without allocating. It refers to the frame's bytes, so it is valid only as long as they
 * are. Used by one thread.
 */
public final class PacketView {

    private static final int MAXIMUM_EXTENSIONS = 8;

    private MemorySegment segment = MemorySegment.NULL;
    private long frame;
    private int frameLength;
    private int type;
    private int tags;
    private int tagControl;
    private long network;
    private int networkLength;
    private int protocol;
    private boolean fragment;
    private boolean firstFragment;
    private boolean malformed;
    private long transport;
    private int transportLength;

    /** A view of nothing. */
    public PacketView() {}

    /**
     * Looks at the Ethernet frame of {@code length} bytes at {@code at}.
     *
     * @return whether it has an Ethernet header at all
     */
    public boolean parse(MemorySegment segment, long at, int length) {
        Objects.checkFromIndexSize(at, length, segment.byteSize());
        this.segment = segment;
        frame = at;
        frameLength = length;
        type = 0;
        tags = 0;
        tagControl = 0;
        network = -1;
        networkLength = 0;
        protocol = -1;
        fragment = false;
        firstFragment = false;
        malformed = false;
        transport = -1;
        transportLength = 0;
        if (length < EthernetHeader.SIZE) {
            malformed = true;
            return false;
        }
        long next = at + 12;
        long end = at + length;
        type = Wire.u16(segment, next);
        next += 2;
        while ((type == EthernetHeader.VLAN || type == EthernetHeader.SERVICE_VLAN) && tags < 2) {
            if (next + 4 > end) {
                malformed = true;
                return true;
            }
            if (tags++ == 0) {
                tagControl = Wire.u16(segment, next);
            }
            type = Wire.u16(segment, next + 2);
            next += 4;
        }
        parseNetwork(next, (int) (end - next));
        return true;
    }

    /** Looks at an IP packet that has no Ethernet header; {@link #frameOffset} is then its own start. */
    public void parseIp(MemorySegment segment, long at, int length) {
        Objects.checkFromIndexSize(at, length, segment.byteSize());
        this.segment = segment;
        frame = at;
        frameLength = length;
        tags = 0;
        tagControl = 0;
        network = -1;
        networkLength = 0;
        protocol = -1;
        fragment = false;
        firstFragment = false;
        malformed = false;
        transport = -1;
        transportLength = 0;
        int version = length == 0 ? 0 : Wire.u8(segment, at) >>> 4;
        type = version == 4 ? EthernetHeader.IPV4 : version == 6 ? EthernetHeader.IPV6 : 0;
        malformed = type == 0;
        parseNetwork(at, length);
    }

    private void parseNetwork(long at, int available) {
        switch (type) {
            case EthernetHeader.IPV4 -> parseIpv4(at, available);
            case EthernetHeader.IPV6 -> parseIpv6(at, available);
            case EthernetHeader.ARP -> {
                if (available < ArpPacket.SIZE) {
                    malformed = true;
                } else {
                    network = at;
                    networkLength = available;
                }
            }
            default -> {
                network = at;
                networkLength = available;
            }
        }
    }

    private void parseIpv4(long at, int available) {
        if (available < Ipv4Header.SIZE || Ipv4Header.version(segment, at) != 4) {
            malformed = true;
            return;
        }
        int header = Ipv4Header.headerLength(segment, at);
        int total = Ipv4Header.totalLength(segment, at);
        // Ethernet pads short frames, so the packet may be shorter than what there is, never longer.
        if (header < Ipv4Header.SIZE || header > total || total > available) {
            malformed = true;
            return;
        }
        network = at;
        networkLength = total;
        protocol = Ipv4Header.protocol(segment, at);
        fragment = Ipv4Header.isFragment(segment, at);
        firstFragment = Ipv4Header.fragmentOffset(segment, at) == 0;
        if (firstFragment) {
            parseTransport(at + header, total - header);
        }
    }

    private void parseIpv6(long at, int available) {
        if (available < Ipv6Header.SIZE || Ipv6Header.version(segment, at) != 6) {
            malformed = true;
            return;
        }
        int payload = Ipv6Header.payloadLength(segment, at);
        if (payload > available - Ipv6Header.SIZE) {
            malformed = true;
            return;
        }
        network = at;
        networkLength = Ipv6Header.SIZE + payload;
        firstFragment = true;
        long next = at + Ipv6Header.SIZE;
        int left = payload;
        int header = Ipv6Header.nextHeader(segment, at);
        for (int i = 0; i < MAXIMUM_EXTENSIONS; i++) {
            int size;
            switch (header) {
                case IpProtocol.HOP_BY_HOP, IpProtocol.ROUTING, IpProtocol.DESTINATION_OPTIONS -> size = left < 8
                        ? -1
                        : (Wire.u8(segment, next + 1) + 1) * 8;
                case IpProtocol.AUTHENTICATION -> size = left < 8 ? -1 : (Wire.u8(segment, next + 1) + 2) * 4;
                case IpProtocol.FRAGMENT -> {
                    size = left < 8 ? -1 : 8;
                    if (size > 0) {
                        int field = Wire.u16(segment, next + 2);
                        // RFC 6946: a fragment that is the whole is none.
                        fragment = (field & 0xFFF9) != 0;
                        firstFragment = field >>> 3 == 0;
                    }
                }
                default -> {
                    protocol = header;
                    if (firstFragment) {
                        parseTransport(next, left);
                    }
                    return;
                }
            }
            if (size < 0 || size > left) {
                malformed = true;
                return;
            }
            header = Wire.u8(segment, next);
            next += size;
            left -= size;
            if (!firstFragment) {
                // What follows is the middle of something.
                protocol = header;
                return;
            }
        }
        malformed = true;
    }

    private void parseTransport(long at, int available) {
        int length = available;
        boolean whole = switch (protocol) {
            case IpProtocol.TCP -> {
                int header = available < TcpHeader.SIZE ? 0 : TcpHeader.headerLength(segment, at);
                yield header >= TcpHeader.SIZE && header <= available;
            }
            case IpProtocol.UDP -> {
                if (available < UdpHeader.SIZE) {
                    yield false;
                }
                length = UdpHeader.length(segment, at);
                if (fragment) {
                    // The rest of the datagram is in other fragments.
                    yield length >= UdpHeader.SIZE && (length = available) > 0;
                }
                if (length == 0 && networkLength > 0xFFFF) {
                    length = available;
                }
                yield length >= UdpHeader.SIZE && length <= available;
            }
            case IpProtocol.ICMP, IpProtocol.ICMPV6 -> available >= IcmpHeader.SIZE;
            default -> true;
        };
        if (whole) {
            transport = at;
            transportLength = length;
        } else {
            malformed = true;
        }
    }

    /** Where the bytes are. */
    public MemorySegment segment() {
        return segment;
    }

    /** Where the frame starts. */
    public long frameOffset() {
        return frame;
    }

    /** Bytes of the frame. */
    public int frameLength() {
        return frameLength;
    }

    /** The {@code EtherType} behind all tags. */
    public int type() {
        return type;
    }

    /** How many VLAN tags there are, 0 to 2. */
    public int tags() {
        return tags;
    }

    /** The outermost tag's control information; 0 without a tag. */
    public int tagControl() {
        return tagControl;
    }

    /** Whether a header claims what the frame does not hold. */
    public boolean isMalformed() {
        return malformed;
    }

    /** Whether it is a well-formed IPv4 packet. */
    public boolean isIpv4() {
        return type == EthernetHeader.IPV4 && network >= 0;
    }

    /** Whether it is a well-formed IPv6 packet. */
    public boolean isIpv6() {
        return type == EthernetHeader.IPV6 && network >= 0;
    }

    /** Whether it is an ARP packet of full size. */
    public boolean isArp() {
        return type == EthernetHeader.ARP && network >= 0;
    }

    /** Where what follows the Ethernet header and its tags starts; -1 if that is malformed. */
    public long networkOffset() {
        return network;
    }

    /** Bytes of the IP packet as its header says, without Ethernet's padding. */
    public int networkLength() {
        return networkLength;
    }

    /** The transport protocol, see {@link IpProtocol}; -1 if there is none. */
    public int protocol() {
        return protocol;
    }

    /** Whether it is a part of a datagram. */
    public boolean isFragment() {
        return fragment;
    }

    /** Whether it is whole or the part that has the transport header. */
    public boolean isFirstFragment() {
        return firstFragment;
    }

    /** Where the transport header starts; -1 if there is none, as in all fragments but the first. */
    public long transportOffset() {
        return transport;
    }

    /** Bytes from the transport header to the packet's end, as the headers say. */
    public int transportLength() {
        return transportLength;
    }

    /** Whether it has a TCP header. */
    public boolean isTcp() {
        return protocol == IpProtocol.TCP && transport >= 0;
    }

    /** Whether it has a UDP header. */
    public boolean isUdp() {
        return protocol == IpProtocol.UDP && transport >= 0;
    }
}
