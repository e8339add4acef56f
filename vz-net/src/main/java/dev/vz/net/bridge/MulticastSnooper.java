package dev.vz.net.bridge;

import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.IcmpHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;

/**
 * Listens to what stations and routers say about multicast groups: IGMP versions 1 to 3 (RFC 3376) and MLD 1 and 2 (RFC
 * 3810), in the manner of RFC 4541. Sources are not told apart: whoever wants some sources of a group gets the group.
 */
final class MulticastSnooper {

    /** What to do with the frame that was listened to. */
    enum Verdict {
        /** It has nothing to do with membership. */
        OTHER,
        /** A question: everybody gets it. */
        QUERY,
        /** An answer: only routers get it, so that other members are not silenced by it (RFC 4541, 2.1.1). */
        REPORT,
        /** It claims to be one and is not; nobody gets it. */
        MALFORMED
    }

    private static final long SECOND = 1_000_000_000L;
    /** RFC 3376, 8.4: robustness times query interval, plus response interval. */
    private static final long MEMBERSHIP = 260 * SECOND;
    private static final long QUERIER = 255 * SECOND;
    /** RFC 3376, 8.8: how long after a leave a member has to object. */
    private static final long LAST_MEMBER = 2 * SECOND;

    private static final int IGMP_QUERY = 0x11;
    private static final int IGMP_REPORT_1 = 0x12;
    private static final int IGMP_REPORT_2 = 0x16;
    private static final int IGMP_LEAVE = 0x17;
    private static final int IGMP_REPORT_3 = 0x22;

    // Group record types, the same in IGMPv3 (RFC 3376, 4.2.12) and MLDv2 (RFC 3810, 5.2.12).
    private static final int MODE_IS_INCLUDE = 1;
    private static final int CHANGE_TO_INCLUDE = 3;
    private static final int BLOCK_OLD_SOURCES = 6;

    private final MulticastTable table;

    MulticastSnooper(MulticastTable table) {
        this.table = table;
    }

    Verdict listen(PacketView view, int vlan, int port, long now) {
        if (view.isIpv4() && view.protocol() == IpProtocol.IGMP && view.transportOffset() >= 0) {
            return igmp(view, vlan, port, now);
        }
        if (view.isIpv6() && view.protocol() == IpProtocol.ICMPV6 && view.transportOffset() >= 0) {
            return mld(view, vlan, port, now);
        }
        return Verdict.OTHER;
    }

    private Verdict igmp(PacketView view, int vlan, int port, long now) {
        MemorySegment segment = view.segment();
        long at = view.transportOffset();
        int length = view.transportLength();
        if (length < 8 || view.isFragment() || Checksum.finish(Checksum.add(0, segment, at, length)) != 0) {
            return Verdict.MALFORMED;
        }
        switch (Wire.u8(segment, at)) {
            case IGMP_QUERY -> {
                // RFC 4541, 2.1.1: a query from 0.0.0.0 is a switch's, not a router's.
                if (Wire.i32(segment, view.networkOffset() + 12) != 0) {
                    table.router(port, now + QUERIER);
                }
                return Verdict.QUERY;
            }
            case IGMP_REPORT_1, IGMP_REPORT_2 -> join4(Wire.i32(segment, at + 4), vlan, port, now);
            case IGMP_LEAVE -> leave4(Wire.i32(segment, at + 4), vlan, port, now);
            case IGMP_REPORT_3 -> {
                int records = Wire.u16(segment, at + 6);
                long next = at + 8;
                long end = at + length;
                for (int i = 0; i < records; i++) {
                    if (next + 8 > end) {
                        return Verdict.MALFORMED;
                    }
                    int sources = Wire.u16(segment, next + 2);
                    int group = Wire.i32(segment, next + 4);
                    if (leaves(Wire.u8(segment, next), sources)) {
                        leave4(group, vlan, port, now);
                    } else if (Wire.u8(segment, next) < BLOCK_OLD_SOURCES) {
                        join4(group, vlan, port, now);
                    }
                    next += 8 + sources * 4L + Wire.u8(segment, next + 1) * 4L;
                }
            }
            default -> {
                return Verdict.OTHER;
            }
        }
        return Verdict.REPORT;
    }

    private Verdict mld(PacketView view, int vlan, int port, long now) {
        MemorySegment segment = view.segment();
        long at = view.transportOffset();
        int length = view.transportLength();
        int type = IcmpHeader.type(segment, at);
        boolean about = type == IcmpHeader.V6_LISTENER_QUERY || type == IcmpHeader.V6_LISTENER_REPORT
                || type == IcmpHeader.V6_LISTENER_DONE || type == IcmpHeader.V6_LISTENER_REPORT_2;
        if (!about) {
            return Verdict.OTHER;
        }
        long network = view.networkOffset();
        int least = type == IcmpHeader.V6_LISTENER_REPORT_2 ? 8 : 24;
        if (length < least || view.isFragment() || Checksum.finish(Checksum.add(Checksum.pseudo6(segment,
                network + Ipv6Header.ADDRESSES, IpProtocol.ICMPV6, length), segment, at, length)) != 0) {
            return Verdict.MALFORMED;
        }
        switch (type) {
            case IcmpHeader.V6_LISTENER_QUERY -> {
                if (Ipv6Header.sourceHigh(segment, network) != 0 || Ipv6Header.sourceLow(segment, network) != 0) {
                    table.router(port, now + QUERIER);
                }
                return Verdict.QUERY;
            }
            case IcmpHeader.V6_LISTENER_REPORT -> join6(segment, at + 8, vlan, port, now);
            case IcmpHeader.V6_LISTENER_DONE -> leave6(segment, at + 8, vlan, port, now);
            default -> {
                int records = Wire.u16(segment, at + 6);
                long next = at + 8;
                long end = at + length;
                for (int i = 0; i < records; i++) {
                    if (next + 20 > end) {
                        return Verdict.MALFORMED;
                    }
                    int sources = Wire.u16(segment, next + 2);
                    if (leaves(Wire.u8(segment, next), sources)) {
                        leave6(segment, next + 4, vlan, port, now);
                    } else if (Wire.u8(segment, next) < BLOCK_OLD_SOURCES) {
                        join6(segment, next + 4, vlan, port, now);
                    }
                    next += 20 + sources * 16L + Wire.u8(segment, next + 1) * 4L;
                }
            }
        }
        return Verdict.REPORT;
    }

    /** Wanting no source is leaving. */
    private static boolean leaves(int recordType, int sources) {
        return sources == 0 && (recordType == MODE_IS_INCLUDE || recordType == CHANGE_TO_INCLUDE);
    }

    private void join4(int group, int vlan, int port, long now) {
        if (isRoutable4(group)) {
            table.join(vlan, mac4(group), port, now + MEMBERSHIP);
        }
    }

    private void leave4(int group, int vlan, int port, long now) {
        if (isRoutable4(group)) {
            table.leave(vlan, mac4(group), port, now + LAST_MEMBER);
        }
    }

    private void join6(MemorySegment segment, long group, int vlan, int port, long now) {
        if (Wire.u8(segment, group) == 0xFF) {
            table.join(vlan, mac6(segment, group), port, now + MEMBERSHIP);
        }
    }

    private void leave6(MemorySegment segment, long group, int vlan, int port, long now) {
        if (Wire.u8(segment, group) == 0xFF) {
            table.leave(vlan, mac6(segment, group), port, now + LAST_MEMBER);
        }
    }

    /** A group, and not of 224.0.0.0/24, which is always flooded. */
    private static boolean isRoutable4(int group) {
        return group >>> 28 == 0xE && group >>> 8 != 0xE00000;
    }

    private static long mac4(int group) {
        return 0x01005E000000L | group & 0x7FFFFF;
    }

    private static long mac6(MemorySegment segment, long group) {
        return 0x3333_0000_0000L | Wire.u32(segment, group + 12);
    }

    /** Whether frames to {@code address} go to members only: not what everybody on the link has to hear. */
    static boolean isSnooped(long address) {
        if (address >>> 24 == 0x01005E) {
            // 224.0.0.0/24, and the groups that share its Ethernet addresses.
            return (address & 0x7FFF00) != 0;
        }
        return address >>> 32 == 0x3333 && address != 0x3333_0000_0001L;
    }
}
