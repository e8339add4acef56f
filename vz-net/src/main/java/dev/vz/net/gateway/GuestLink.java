package dev.vz.net.gateway;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import dev.vz.link.VnetHeader;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The way to the guests: frames are built in one slab, one behind the other, and leave in batches.
 *
 * <p>
 * A frame is reserved, its payload written, and committed with the headers that go before it. Every
 * byte of a committed frame has been written for it; nothing of an earlier one is left.
 */
final class GuestLink {

    /** Bytes before the transport header: vnet, Ethernet, and the larger of the IP headers. */
    static final int HEADROOM = VnetHeader.SIZE + EthernetHeader.SIZE + Ipv6Header.SIZE;

    private static final int SLAB = 1 << 20;
    private static final int TIME_TO_LIVE = 64;

    private final LinkPort port;
    private final long mac;
    private final int mtu;
    private final MemorySegment slab;
    private final FrameBatch batch = new FrameBatch();
    private LinkFeatures features;
    private long position;
    private int identification;
    private volatile boolean blocked;
    long framesOut;
    long framesDropped;

    GuestLink(LinkPort port, long mac, int mtu, Arena arena) {
        this.port = port;
        this.mac = mac;
        this.mtu = mtu;
        slab = arena.allocate(SLAB, 64);
        features = port.features();
    }

    long mac() {
        return mac;
    }

    int mtu() {
        return mtu;
    }

    LinkFeatures features() {
        return features;
    }

    /** Asks the port again what it accepts, once for each batch. */
    void refresh() {
        features = port.features();
    }

    MemorySegment slab() {
        return slab;
    }

    /** Whether the port took less than it was given, and has not said since that there is room. */
    boolean isBlocked() {
        return blocked;
    }

    void unblock() {
        blocked = false;
    }

    /**
     * Makes room for a frame with up to {@code transportLength} bytes behind the IP header.
     *
     * @return where in {@link #slab} the transport header goes
     */
    long reserve(int transportLength) {
        if (batch.isFull() || position + HEADROOM + transportLength > SLAB) {
            flush();
        }
        return position + HEADROOM;
    }

    /** Writes headers before the transport part reserved last, IPv4 or IPv6 as the addresses are, and queues the frame. */
    void commit(long destinationMac, long sourceHigh, long sourceLow, long destinationHigh, long destinationLow,
            int protocol, int timeToLive, int transportLength, int fragment) {
        long transport = position + HEADROOM;
        int header = writeIp(slab, transport, sourceHigh, sourceLow, destinationHigh, destinationLow, protocol,
                timeToLive, transportLength, fragment, identification);
        EthernetHeader.set(slab, transport - header - EthernetHeader.SIZE, destinationMac, mac,
                header == Ipv4Header.SIZE ? EthernetHeader.IPV4 : EthernetHeader.IPV6);
        queue(transport - header, header + transportLength);
    }

    /** As above with the usual time to live, whole. */
    void commit(Flow flow, int transportLength) {
        if (!flow.version6) {
            identification++;
        }
        commit(flow.guest.mac, flow.remoteHigh, flow.remoteLow, flow.guestHigh, flow.guestLow, flow.protocol,
                TIME_TO_LIVE, transportLength, flow.version6 || flow.protocol != IpProtocol.TCP
                        ? 0
                        : Ipv4Header.DONT_FRAGMENT);
    }

    /** Writes an IP header that ends at {@code transport}; its length. */
    static int writeIp(MemorySegment segment, long transport, long sourceHigh, long sourceLow, long destinationHigh,
            long destinationLow, int protocol, int timeToLive, int transportLength, int fragment, int identification) {
        if (Address.isIpv4(destinationHigh, destinationLow)) {
            Ipv4Header.set(segment, transport - Ipv4Header.SIZE, 0, Ipv4Header.SIZE + transportLength, identification,
                    fragment, timeToLive, protocol, (int) sourceLow, (int) destinationLow);
            return Ipv4Header.SIZE;
        }
        Ipv6Header.set(segment, transport - Ipv6Header.SIZE, 0, 0, transportLength, protocol, timeToLive, sourceHigh,
                sourceLow, destinationHigh, destinationLow);
        return Ipv6Header.SIZE;
    }

    /** Queues a frame whose Ethernet header was written before {@code network}, and which needs nothing more. */
    void queue(long network, int networkLength) {
        long frame = network - EthernetHeader.SIZE;
        // The caller may have set the vnet header already, by offloadChecksum or offloadSegments.
        if (!offloaded) {
            VnetHeader.clear(slab, frame - VnetHeader.SIZE);
        } else {
            VnetHeader.set(slab, frame - VnetHeader.SIZE, VnetHeader.NEEDS_CSUM, gsoType,
                    EthernetHeader.SIZE + (int) (checksumStart - network) + headerLength, gsoSize,
                    (int) (checksumStart - frame), checksumOffset);
            offloaded = false;
        }
        batch.add(slab, frame - VnetHeader.SIZE, VnetHeader.SIZE + EthernetHeader.SIZE + networkLength);
        position = network + networkLength + 63 & -64L;
    }

    private boolean offloaded;
    private int gsoType;
    private int gsoSize;
    private int headerLength;
    private long checksumStart;
    private int checksumOffset;

    /**
     * Finishes the checksum of the transport part at {@code transport}, or leaves it to the port.
     *
     * @param offset       of the field in the transport header
     * @param headerLength bytes of the transport header
     * @param gsoType      of {@link VnetHeader}; {@link VnetHeader#GSO_NONE} for a frame that is not to be cut
     * @param gsoSize      payload bytes of each piece
     */
    void checksum(Flow flow, long transport, int length, int offset, int headerLength, int gsoType, int gsoSize) {
        long sum = pseudo(flow.remoteHigh, flow.remoteLow, flow.guestHigh, flow.guestLow, flow.protocol, length);
        if (features.checksum()) {
            Wire.put16(slab, transport + offset, Checksum.fold(sum));
            offloaded = true;
            this.gsoType = gsoType;
            this.gsoSize = gsoType == VnetHeader.GSO_NONE ? 0 : gsoSize;
            this.headerLength = headerLength;
            checksumStart = transport;
            checksumOffset = offset;
        } else {
            Wire.put16(slab, transport + offset, 0);
            sum = Checksum.add(sum, slab, transport, length);
            Wire.put16(slab, transport + offset,
                    flow.protocol == IpProtocol.UDP ? Checksum.finishUdp(sum) : Checksum.finish(sum));
        }
    }

    /** The sum of the pseudo-header, of IPv4 or IPv6. */
    static long pseudo(long sourceHigh, long sourceLow, long destinationHigh, long destinationLow, int protocol,
            int length) {
        if (Address.isIpv4(destinationHigh, destinationLow)) {
            return Checksum.pseudo4((int) sourceLow, (int) destinationLow, protocol, length);
        }
        return halves(sourceHigh) + halves(sourceLow) + halves(destinationHigh) + halves(destinationLow) + protocol
                + length;
    }

    private static long halves(long value) {
        return (value >>> 32) + (value & 0xFFFF_FFFFL);
    }

    /** Sends a frame that lies elsewhere; the caller flushes before it changes those bytes. */
    void queueElsewhere(MemorySegment segment, long vnetHeader, int length) {
        if (batch.isFull()) {
            flush();
        }
        batch.add(segment, vnetHeader, length);
    }

    int nextIdentification() {
        return ++identification & 0xFFFF;
    }

    /** Gives the port what is queued. */
    void flush() {
        int count = batch.count();
        if (count > 0) {
            int taken = port.send(batch);
            framesOut += taken;
            if (taken < count) {
                framesDropped += count - taken;
                blocked = true;
            }
            batch.clear();
        }
        position = 0;
    }
}
