package dev.vz.linux.socket;

/** Options of Internet sockets whose value is one integer, with the numbers of the kernel's headers. */
public enum InternetOption {
    /** Another socket may have been bound to the address a moment ago. */
    REUSE_ADDRESS("SOL_SOCKET", "SO_REUSEADDR", 1, 2),
    /** Several sockets of this user share the address. */
    REUSE_PORT("SOL_SOCKET", "SO_REUSEPORT", 1, 15),
    /** The pending error, which reading clears. */
    ERROR("SOL_SOCKET", "SO_ERROR", 1, 4),
    /** Bytes of the send buffer; setting it ends the kernel's own tuning. */
    SEND_BUFFER("SOL_SOCKET", "SO_SNDBUF", 1, 7),
    /** Bytes of the receive buffer; setting it ends the kernel's own tuning. */
    RECEIVE_BUFFER("SOL_SOCKET", "SO_RCVBUF", 1, 8),
    /** From which byte of the receive queue on {@code MSG_PEEK} reads; TCP has it since Linux 6.9. */
    PEEK_OFFSET("SOL_SOCKET", "SO_PEEK_OFF", 1, 42),
    /** Send small segments at once. */
    TCP_NO_DELAY("IPPROTO_TCP", "TCP_NODELAY", 6, 1),
    /** Time to live of what is sent. */
    IP_TTL("IPPROTO_IP", "IP_TTL", 0, 2),
    /** Whether to set "don't fragment", and what of: {@link #PMTU_DONT} or {@link #PMTU_DO}. */
    IP_MTU_DISCOVER("IPPROTO_IP", "IP_MTU_DISCOVER", 0, 10),
    /** Keep ICMP errors for {@link SocketErrorQueue}. */
    IP_RECEIVE_ERRORS("IPPROTO_IP", "IP_RECVERR", 0, 11),
    /** The MTU of the path to the peer. */
    IP_MTU("IPPROTO_IP", "IP_MTU", 0, 14),
    /** Hop limit of what is sent. */
    IPV6_HOPS("IPPROTO_IPV6", "IPV6_UNICAST_HOPS", 41, 16),
    /** Whether to fragment; as {@link #IP_MTU_DISCOVER}. */
    IPV6_MTU_DISCOVER("IPPROTO_IPV6", "IPV6_MTU_DISCOVER", 41, 23),
    /** The MTU of the path to the peer. */
    IPV6_MTU("IPPROTO_IPV6", "IPV6_MTU", 41, 24),
    /** Keep ICMPv6 errors for {@link SocketErrorQueue}. */
    IPV6_RECEIVE_ERRORS("IPPROTO_IPV6", "IPV6_RECVERR", 41, 25),
    /** Do not take IPv4, too. */
    IPV6_ONLY("IPPROTO_IPV6", "IPV6_V6ONLY", 41, 26),
    /** Join datagrams of one size when receiving: see {@link DatagramBatch#segmentSize}. */
    UDP_GRO("IPPROTO_UDP", "UDP_GRO", 17, 104);

    /** {@link #IP_MTU_DISCOVER}: fragments what is too large. */
    public static final int PMTU_DONT = 0;
    /** {@link #IP_MTU_DISCOVER}: refuses with {@code EMSGSIZE} what is too large. */
    public static final int PMTU_DO = 2;

    private final String levelName;
    private final String optionName;
    private final int level;
    private final int option;

    InternetOption(String levelName, String optionName, int level, int option) {
        this.levelName = levelName;
        this.optionName = optionName;
        this.level = level;
        this.option = option;
    }

    /** The constant's name in C. */
    public String levelName() {
        return levelName;
    }

    /** The constant's name in C. */
    public String optionName() {
        return optionName;
    }

    /** The protocol's number. */
    public int level() {
        return level;
    }

    /** The option's number. */
    public int option() {
        return option;
    }
}
