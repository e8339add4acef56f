package dev.vz.net.gateway;

import dev.vz.link.VnetHeader;
import dev.vz.linux.socket.DatagramBatch;
import dev.vz.linux.socket.SocketName;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.UdpHeader;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Brings datagrams from the host's sockets to guests. They are received behind room for the headers, which are then written
 * in front: nothing is copied.
 */
final class UdpReceiver {

    /** How many datagrams are taken at a time. */
    static final int BATCH = 32;

    private static final int HEADROOM = 128;
    private static final int LARGEST = 0x1_0000;
    /** Not a power of two: buffers a power of two apart would share one set of the cache. */
    private static final int STRIDE = HEADROOM + LARGEST + 192;
    private static final int TIME_TO_LIVE = 64;

    private final GatewayCore core;
    private final PacketWriter writer;
    private final MemorySegment area;
    private final DatagramBatch batch = new DatagramBatch(BATCH);

    UdpReceiver(GatewayCore core, PacketWriter writer, Arena arena) {
        this.core = core;
        this.writer = writer;
        area = arena.allocate((long) STRIDE * BATCH, 64);
    }

    /** Takes what waits at a flow's own socket to its guest. */
    void receive(UdpFlow flow) {
        int count = take(flow.socket);
        if (count <= 0) {
            return;
        }
        flow.usedByHost();
        for (int i = 0; i < count; i++) {
            emit(flow, i);
        }
        core.link.flush();
    }

    /** Receives up to a batch; how many, or errno negated. */
    int take(dev.vz.linux.socket.InternetSocket socket) {
        for (int i = 0; i < BATCH; i++) {
            batch.set(i, area, at(i), LARGEST);
        }
        return batch.receive(socket, BATCH);
    }

    /** Who sent datagram {@code index} of those taken last. */
    SocketName sender(int index) {
        return batch.sender(index);
    }

    private static long at(int index) {
        return (long) STRIDE * index + HEADROOM;
    }

    /** Sends datagram {@code index} of those taken last to the guest of {@code flow}; the caller flushes. */
    void emit(UdpFlow flow, int index) {
        int length = batch.length(index);
        int piece = batch.segmentSize(index);
        boolean joined = piece > 0 && piece < length;
        int ip = flow.version6 ? Ipv6Header.SIZE : Ipv4Header.SIZE;
        boolean fits = ip + UdpHeader.SIZE + (joined ? piece : length) <= core.link.mtu();
        boolean whole = fits && (!joined || core.link.features().uso() && core.link.features().checksum());
        if (whole && ip + UdpHeader.SIZE + length <= 0xFFFF) {
            inPlace(flow, at(index), length, ip, joined ? piece : 0);
            return;
        }
        int step = joined ? piece : Math.max(length, 1);
        for (int done = 0; done < length || done == 0; done += step) {
            writer.datagram(flow.guest.mac, flow.remoteHigh, flow.remoteLow, flow.remotePort, flow.guestHigh,
                    flow.guestLow, flow.guestPort, area, at(index) + done, Math.min(step, length - done));
        }
    }

    private void inPlace(UdpFlow flow, long payload, int length, int ip, int piece) {
        long transport = payload - UdpHeader.SIZE;
        int size = UdpHeader.SIZE + length;
        UdpHeader.set(area, transport, flow.remotePort, flow.guestPort, size);
        long sum = GuestLink.pseudo(flow.remoteHigh, flow.remoteLow, flow.guestHigh, flow.guestLow, IpProtocol.UDP,
                size);
        boolean offload = core.link.features().checksum();
        Wire.put16(area, transport + UdpHeader.CHECKSUM,
                offload ? Checksum.fold(sum) : Checksum.finishUdp(Checksum.add(sum, area, transport, size)));
        GuestLink.writeIp(area, transport, flow.remoteHigh, flow.remoteLow, flow.guestHigh, flow.guestLow,
                IpProtocol.UDP, TIME_TO_LIVE, size, 0, core.link.nextIdentification());
        long frame = transport - ip - EthernetHeader.SIZE;
        EthernetHeader.set(area, frame, flow.guest.mac, core.link.mac(),
                flow.version6 ? EthernetHeader.IPV6 : EthernetHeader.IPV4);
        long header = frame - VnetHeader.SIZE;
        if (offload) {
            int start = EthernetHeader.SIZE + ip;
            VnetHeader.set(area, header, VnetHeader.NEEDS_CSUM,
                    piece > 0 ? VnetHeader.GSO_UDP_L4 : VnetHeader.GSO_NONE, start + UdpHeader.SIZE, piece, start,
                    UdpHeader.CHECKSUM);
        } else {
            VnetHeader.clear(area, header);
        }
        core.link.queueElsewhere(area, header, (int) (payload + length - header));
    }
}
