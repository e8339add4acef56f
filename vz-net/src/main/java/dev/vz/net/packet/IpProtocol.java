package dev.vz.net.packet;

/** Numbers of protocols over IP, and of IPv6 extension headers, which share the space (IANA protocol numbers). */
public final class IpProtocol {

    /** IPv6 hop-by-hop options. */
    public static final int HOP_BY_HOP = 0;
    /** ICMP. */
    public static final int ICMP = 1;
    /** IGMP. */
    public static final int IGMP = 2;
    /** TCP. */
    public static final int TCP = 6;
    /** UDP. */
    public static final int UDP = 17;
    /** IPv6 routing header. */
    public static final int ROUTING = 43;
    /** IPv6 fragment header. */
    public static final int FRAGMENT = 44;
    /** Encapsulating security payload. */
    public static final int ESP = 50;
    /** Authentication header. */
    public static final int AUTHENTICATION = 51;
    /** ICMPv6. */
    public static final int ICMPV6 = 58;
    /** Nothing follows. */
    public static final int NO_NEXT_HEADER = 59;
    /** IPv6 destination options. */
    public static final int DESTINATION_OPTIONS = 60;
    /** SCTP. */
    public static final int SCTP = 132;

    private IpProtocol() {}
}
