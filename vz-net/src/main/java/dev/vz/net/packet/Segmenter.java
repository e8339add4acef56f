package dev.vz.net.packet;

import dev.vz.link.VnetHeader;
import java.lang.foreign.MemorySegment;

/**
 * Cuts a large TCP or UDP frame into finished frames, as a network card would (virtio 1.3, 5.1.6.2; RFC 9293). The frame
 * must have passed {@link Offload#check}. Reused without allocating; used by one thread.
 */
public final class Segmenter {

    private MemorySegment source = MemorySegment.NULL;
    private long frame;
    private int headers;
    private int payload;
    private int size;
    private int done;
    private int index;
    private boolean tcp;
    private boolean ipv4;
    private int networkAt;
    private int transportAt;

    /** A segmenter with nothing to cut. */
    public Segmenter() {}

    /** Starts with the frame that {@code view} has parsed, whose virtio header is at {@code header}. */
    public void begin(MemorySegment segment, long header, PacketView view) {
        source = segment;
        frame = view.frameOffset();
        networkAt = (int) (view.networkOffset() - frame);
        transportAt = (int) (view.transportOffset() - frame);
        tcp = view.isTcp();
        ipv4 = view.isIpv4();
        headers = transportAt + (tcp ? TcpHeader.headerLength(segment, view.transportOffset()) : UdpHeader.SIZE);
        payload = networkAt + view.networkLength() - headers;
        size = VnetHeader.gsoSize(segment, header);
        done = 0;
        index = 0;
    }

    /** Whether there is a further segment. An empty payload is one segment. */
    public boolean hasNext() {
        return done < payload || index == 0;
    }

    /** Bytes of headers and payload of the largest segment, without virtio header. */
    public int largestFrame() {
        return headers + Math.min(size, payload);
    }

    /**
     * Writes the next segment, with a clear virtio header, at {@code at} of {@code target}, where {@link #largestFrame}
     * bytes and the virtio header have room.
     *
     * @return bytes of virtio header and frame
     */
    public int next(MemorySegment target, long at) {
        int part = Math.min(size, payload - done);
        long out = at + VnetHeader.SIZE;
        boolean last = done + part >= payload;
        VnetHeader.clear(target, at);
        MemorySegment.copy(source, frame, target, out, headers);
        MemorySegment.copy(source, frame + headers + done, target, out + headers, part);
        writeNetwork(target, out + networkAt, headers - networkAt + part);
        writeTransport(target, out, part, last);
        done += part;
        index++;
        return VnetHeader.SIZE + headers + part;
    }

    private void writeNetwork(MemorySegment target, long at, int length) {
        if (ipv4) {
            Wire.put16(target, at + 2, length);
            Wire.put16(target, at + 4, Ipv4Header.identification(target, at) + index);
            Ipv4Header.finishChecksum(target, at);
        } else {
            Wire.put16(target, at + 4, length - Ipv6Header.SIZE);
        }
    }

    private void writeTransport(MemorySegment target, long out, int part, boolean last) {
        long at = out + transportAt;
        int length = headers - transportAt + part;
        int field;
        if (tcp) {
            Wire.put32(target, at + 4, TcpHeader.sequence(source, frame + transportAt) + done);
            int flags = TcpHeader.flags(target, at);
            if (!last) {
                flags &= ~(TcpHeader.FIN | TcpHeader.PSH);
            }
            if (index > 0) {
                // RFC 3168, 6.1.2: the window is reduced once.
                flags &= ~TcpHeader.CWR;
            }
            Wire.put8(target, at + 13, flags);
            field = TcpHeader.CHECKSUM;
        } else {
            Wire.put16(target, at + 4, length);
            field = UdpHeader.CHECKSUM;
        }
        Wire.put16(target, at + field, 0);
        int protocol = tcp ? IpProtocol.TCP : IpProtocol.UDP;
        long network = out + networkAt;
        long sum = ipv4
                ? Checksum.pseudo4(Ipv4Header.source(target, network), Ipv4Header.destination(target, network),
                        protocol, length)
                : Checksum.pseudo6(target, network + Ipv6Header.ADDRESSES, protocol, length);
        sum = Checksum.add(sum, target, at, length);
        Wire.put16(target, at + field, tcp ? Checksum.finish(sum) : Checksum.finishUdp(sum));
    }
}
