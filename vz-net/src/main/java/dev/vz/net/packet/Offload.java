package dev.vz.net.packet;

import dev.vz.link.LinkFeatures;
import dev.vz.link.VnetHeader;
import java.lang.foreign.MemorySegment;

/**
 * What a {@link VnetHeader} leaves undone, checked against its frame and, where the next port cannot, done. A guest writes
 * these headers, so each number in them is hostile until {@link #check} has accepted it.
 */
public final class Offload {

    /** A segment carries at least this much: with less, one frame would become thousands. */
    public static final int SMALLEST_SEGMENT = 8;

    private Offload() {}

    /** Whether the frame is finished: nothing to sum, nothing to cut. */
    public static boolean isFinished(MemorySegment segment, long header) {
        return (VnetHeader.flags(segment, header) & VnetHeader.NEEDS_CSUM) == 0
                && VnetHeader.gsoType(segment, header) == VnetHeader.GSO_NONE;
    }

    /**
     * Whether what the header asks for can be done to its frame: the checksum's range lies in the frame, and a frame to be
     * cut is TCP or UDP of the kind it claims, with its headers within the frame and a segment size that is not silly.
     *
     * @param view the frame, parsed
     */
    public static boolean check(MemorySegment segment, long header, PacketView view) {
        int flags = VnetHeader.flags(segment, header);
        int gso = VnetHeader.gsoType(segment, header);
        int kind = gso & ~VnetHeader.GSO_ECN;
        boolean needsSum = (flags & VnetHeader.NEEDS_CSUM) != 0;
        if (needsSum && !isSumInside(segment, header, view)) {
            return false;
        }
        if (kind == VnetHeader.GSO_NONE) {
            return gso == VnetHeader.GSO_NONE;
        }
        // virtio 1.3, 5.1.6.2: a frame to be cut has its checksum left to be filled in.
        if (!needsSum || VnetHeader.gsoSize(segment, header) < SMALLEST_SEGMENT || view.isFragment()) {
            return false;
        }
        long start = view.frameOffset() + VnetHeader.checksumStart(segment, header);
        int offset = VnetHeader.checksumOffset(segment, header);
        return switch (kind) {
            case VnetHeader.GSO_TCPV4 -> view.isIpv4() && view.isTcp() && start == view.transportOffset()
                    && offset == TcpHeader.CHECKSUM;
            case VnetHeader.GSO_TCPV6 -> view.isIpv6() && view.isTcp() && start == view.transportOffset()
                    && offset == TcpHeader.CHECKSUM;
            case VnetHeader.GSO_UDP_L4 -> gso == kind && view.isUdp() && start == view.transportOffset()
                    && offset == UdpHeader.CHECKSUM;
            // Cutting UDP into IP fragments was given up by Linux; nobody here offers it.
            default -> false;
        };
    }

    private static boolean isSumInside(MemorySegment segment, long header, PacketView view) {
        int start = VnetHeader.checksumStart(segment, header);
        int offset = VnetHeader.checksumOffset(segment, header);
        return start >= EthernetHeader.SIZE && start + offset + 2 <= view.frameLength();
    }

    /** Whether a port with {@code features} takes the frame as it is; its MTU is not looked at. */
    public static boolean isAccepted(MemorySegment segment, long header, LinkFeatures features) {
        int gso = VnetHeader.gsoType(segment, header);
        boolean cut = switch (gso & ~VnetHeader.GSO_ECN) {
            case VnetHeader.GSO_NONE -> true;
            case VnetHeader.GSO_TCPV4 -> features.tso4();
            case VnetHeader.GSO_TCPV6 -> features.tso6();
            case VnetHeader.GSO_UDP_L4 -> features.uso();
            default -> false;
        };
        return cut && ((gso & VnetHeader.GSO_ECN) == 0 || features.ecn())
                && ((VnetHeader.flags(segment, header) & VnetHeader.NEEDS_CSUM) == 0 || features.checksum());
    }

    /**
     * Fills in the checksum that the header leaves to be done, and clears the header. Only for a frame that {@link #check}
     * accepted and that is not to be cut.
     *
     * @param length bytes of header and frame
     */
    public static void finishChecksum(MemorySegment segment, long header, int length) {
        if ((VnetHeader.flags(segment, header) & VnetHeader.NEEDS_CSUM) != 0) {
            long frame = header + VnetHeader.SIZE;
            int start = VnetHeader.checksumStart(segment, header);
            int offset = VnetHeader.checksumOffset(segment, header);
            long sum = Checksum.add(0, segment, frame + start, length - VnetHeader.SIZE - start);
            // The field holds the pseudo-header's sum, which is thereby part of the whole. All ones instead of zero is
            // right for TCP as well, and what UDP asks for.
            Wire.put16(segment, frame + start + offset, Checksum.finishUdp(sum));
        }
        VnetHeader.clear(segment, header);
    }
}
