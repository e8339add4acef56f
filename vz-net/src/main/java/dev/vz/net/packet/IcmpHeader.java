package dev.vz.net.packet;

import java.lang.foreign.MemorySegment;

/** The common head of ICMP (RFC 792) and ICMPv6 (RFC 4443) messages: type, code, checksum, and four bytes more. */
public final class IcmpHeader {

    /** Bytes. */
    public static final int SIZE = 8;
    /** Where in it the checksum lies. */
    public static final int CHECKSUM = 2;

    /** ICMP: echo reply. */
    public static final int ECHO_REPLY = 0;
    /** ICMP: destination unreachable. */
    public static final int UNREACHABLE = 3;
    /** ICMP: redirect. */
    public static final int REDIRECT = 5;
    /** ICMP: echo. */
    public static final int ECHO = 8;
    /** ICMP: time exceeded. */
    public static final int TIME_EXCEEDED = 11;
    /** ICMP: parameter problem. */
    public static final int PARAMETER_PROBLEM = 12;

    /** ICMPv6: destination unreachable. */
    public static final int V6_UNREACHABLE = 1;
    /** ICMPv6: packet too big. */
    public static final int V6_PACKET_TOO_BIG = 2;
    /** ICMPv6: time exceeded. */
    public static final int V6_TIME_EXCEEDED = 3;
    /** ICMPv6: parameter problem. */
    public static final int V6_PARAMETER_PROBLEM = 4;
    /** ICMPv6: echo request. */
    public static final int V6_ECHO = 128;
    /** ICMPv6: echo reply. */
    public static final int V6_ECHO_REPLY = 129;
    /** ICMPv6: multicast listener query. */
    public static final int V6_LISTENER_QUERY = 130;
    /** ICMPv6: multicast listener report, version 1. */
    public static final int V6_LISTENER_REPORT = 131;
    /** ICMPv6: multicast listener done. */
    public static final int V6_LISTENER_DONE = 132;
    /** ICMPv6: router solicitation. */
    public static final int V6_ROUTER_SOLICITATION = 133;
    /** ICMPv6: router advertisement. */
    public static final int V6_ROUTER_ADVERTISEMENT = 134;
    /** ICMPv6: neighbor solicitation. */
    public static final int V6_NEIGHBOR_SOLICITATION = 135;
    /** ICMPv6: neighbor advertisement. */
    public static final int V6_NEIGHBOR_ADVERTISEMENT = 136;
    /** ICMPv6: redirect. */
    public static final int V6_REDIRECT = 137;
    /** ICMPv6: multicast listener report, version 2. */
    public static final int V6_LISTENER_REPORT_2 = 143;

    private IcmpHeader() {}

    /** {@code Type}. */
    public static int type(MemorySegment segment, long at) {
        return Wire.u8(segment, at);
    }

    /** {@code Code}. */
    public static int code(MemorySegment segment, long at) {
        return Wire.u8(segment, at + 1);
    }

    /** {@code Checksum}. */
    public static int checksum(MemorySegment segment, long at) {
        return Wire.u16(segment, at + CHECKSUM);
    }

    /** {@code Identifier} of an echo. */
    public static int identifier(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 4);
    }

    /** {@code Sequence Number} of an echo. */
    public static int sequence(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 6);
    }

    /** Writes the head, its checksum zero. */
    public static void set(MemorySegment segment, long at, int type, int code, int rest) {
        Wire.put32(segment, at, (type & 0xFF) << 24 | (code & 0xFF) << 16);
        Wire.put32(segment, at + 4, rest);
    }
}
