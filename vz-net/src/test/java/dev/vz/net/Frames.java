package dev.vz.net;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.LinkPort;
import dev.vz.link.VnetHeader;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.TcpHeader;
import dev.vz.net.packet.UdpHeader;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Frames as tests build, send and collect them. A frame here is bytes without virtio header unless it says otherwise. */
public final class Frames {

    /** Experimental EtherType of IEEE 802 for local use. */
    public static final int LOCAL_TYPE = 0x88B5;

    private Frames() {}

    /** A frame of {@code payload} behind an Ethernet header. */
    public static byte[] ethernet(long destination, long source, int type, byte... payload) {
        byte[] bytes = new byte[14 + payload.length];
        EthernetHeader.set(MemorySegment.ofArray(bytes), 0, destination, source, type);
        System.arraycopy(payload, 0, bytes, 14, payload.length);
        return bytes;
    }

    /** {@code frame} with an 802.1Q tag. */
    public static byte[] tagged(int control, byte[] frame) {
        byte[] bytes = new byte[frame.length + 4];
        System.arraycopy(frame, 0, bytes, 0, 12);
        System.arraycopy(frame, 12, bytes, 16, frame.length - 12);
        Wire.put16(MemorySegment.ofArray(bytes), 12, 0x8100);
        Wire.put16(MemorySegment.ofArray(bytes), 14, control);
        return bytes;
    }

    /** An IPv4 packet with a right header checksum, in a frame. */
    public static byte[] ipv4(long destination, long source, int protocol, int from, int to, byte... payload) {
        byte[] bytes = new byte[34 + payload.length];
        MemorySegment frame = MemorySegment.ofArray(bytes);
        EthernetHeader.set(frame, 0, destination, source, EthernetHeader.IPV4);
        Ipv4Header.set(frame, 14, 0, 20 + payload.length, 7, 0, 64, protocol, from, to);
        System.arraycopy(payload, 0, bytes, 34, payload.length);
        return bytes;
    }

    /** A UDP datagram with a right checksum, in a frame. */
    public static byte[] udp(long destination, long source, int from, int to, int fromPort, int toPort,
            byte... payload) {
        byte[] bytes = ipv4(destination, source, IpProtocol.UDP, from, to, new byte[8 + payload.length]);
        MemorySegment frame = MemorySegment.ofArray(bytes);
        UdpHeader.set(frame, 34, fromPort, toPort, 8 + payload.length);
        System.arraycopy(payload, 0, bytes, 42, payload.length);
        long sum = Checksum.pseudo4(from, to, IpProtocol.UDP, 8 + payload.length);
        Wire.put16(frame, 40, Checksum.finishUdp(Checksum.add(sum, frame, 34, 8 + payload.length)));
        return bytes;
    }

    /** A TCP segment with the pseudo-header's sum in its checksum field, as an offloading sender leaves it. */
    public static byte[] tcpToBeSummed(long destination, long source, int from, int to, int flags, byte... payload) {
        byte[] bytes = ipv4(destination, source, IpProtocol.TCP, from, to, new byte[20 + payload.length]);
        MemorySegment frame = MemorySegment.ofArray(bytes);
        TcpHeader.set(frame, 34, 4000, 80, 1_000_000, 1, 20, flags, 8192);
        System.arraycopy(payload, 0, bytes, 54, payload.length);
        Wire.put16(frame, 50, Checksum.fold(Checksum.pseudo4(from, to, IpProtocol.TCP, 20 + payload.length)));
        return bytes;
    }

    /** Whether the TCP or UDP checksum of an IPv4 frame is right. */
    public static boolean isTransportSumRight(byte[] bytes) {
        MemorySegment frame = MemorySegment.ofArray(bytes);
        int length = Ipv4Header.totalLength(frame, 14) - 20;
        long sum = Checksum.pseudo4(Ipv4Header.source(frame, 14), Ipv4Header.destination(frame, 14),
                Ipv4Header.protocol(frame, 14), length);
        return Checksum.finish(Checksum.add(sum, frame, 34, length)) == 0;
    }

    /** A batch of {@code frames}, each with a clear virtio header. */
    public static FrameBatch batch(byte[]... frames) {
        var batch = new FrameBatch();
        for (byte[] frame : frames) {
            MemorySegment segment = Arena.ofAuto().allocate(VnetHeader.SIZE + frame.length, 8);
            MemorySegment.copy(frame, 0, segment, ValueLayout.JAVA_BYTE, VnetHeader.SIZE, frame.length);
            batch.add(segment, 0, VnetHeader.SIZE + frame.length);
        }
        return batch;
    }

    /** Sends {@code frames}; returns how many were taken. */
    public static int send(LinkPort port, byte[]... frames) {
        return port.send(batch(frames));
    }

    /** The frame {@code index} of {@code batch}, copied. */
    public static byte[] copy(FrameBatch batch, int index) {
        return batch.segment(index).asSlice(batch.frameOffset(index), batch.frameLength(index))
                .toArray(ValueLayout.JAVA_BYTE);
    }

    /** Keeps copies of what arrives. */
    public static final class Collector implements FrameSink {
        private final List<byte[]> frames = new ArrayList<>();

        /** A collector that receives from {@code port}. */
        public static Collector on(LinkPort port) {
            var collector = new Collector();
            port.receive(collector);
            return collector;
        }

        @Override
        public synchronized int accept(FrameBatch batch) {
            for (int i = 0; i < batch.count(); i++) {
                frames.add(copy(batch, i));
            }
            return batch.count();
        }

        /** What has arrived. */
        public synchronized List<byte[]> frames() {
            return List.copyOf(frames);
        }

        /** What has arrived since the last time: a frame that arrives meanwhile, on another thread, is there the next time. */
        public synchronized List<byte[]> take() {
            var taken = List.copyOf(frames);
            frames.clear();
            return taken;
        }
    }
}
