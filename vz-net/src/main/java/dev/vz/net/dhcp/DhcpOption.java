package dev.vz.net.dhcp;

/** Codes of options (RFC 2132, and where said). */
public final class DhcpOption {

    /** Padding, one byte. */
    public static final int PAD = 0;
    /** The netmask. */
    public static final int SUBNET_MASK = 1;
    /** Routers, best first. */
    public static final int ROUTER = 3;
    /** Name servers. */
    public static final int DNS_SERVERS = 6;
    /** The client's name. */
    public static final int HOST_NAME = 12;
    /** The domain in which names are looked up. */
    public static final int DOMAIN_NAME = 15;
    /** The MTU of the link. */
    public static final int INTERFACE_MTU = 26;
    /** The broadcast address. */
    public static final int BROADCAST_ADDRESS = 28;
    /** Time servers. */
    public static final int NTP_SERVERS = 42;
    /** The address that a client would like. */
    public static final int REQUESTED_ADDRESS = 50;
    /** Seconds that a lease lasts. */
    public static final int LEASE_TIME = 51;
    /** Whether {@code sname} and {@code file} hold options. */
    public static final int OVERLOAD = 52;
    /** See {@link DhcpMessage}. */
    public static final int MESSAGE_TYPE = 53;
    /** Which server. */
    public static final int SERVER_IDENTIFIER = 54;
    /** The options that a client asks for. */
    public static final int PARAMETER_LIST = 55;
    /** Why a request was refused. */
    public static final int MESSAGE = 56;
    /** The largest message that a client takes. */
    public static final int MAXIMUM_SIZE = 57;
    /** T1: seconds until a client asks its server to renew. */
    public static final int RENEWAL_TIME = 58;
    /** T2: seconds until it asks any server. */
    public static final int REBINDING_TIME = 59;
    /** What a client calls itself instead of by its hardware address. */
    public static final int CLIENT_IDENTIFIER = 61;
    /** TFTP server by name, for network boot. */
    public static final int TFTP_SERVER = 66;
    /** Boot file, for network boot. */
    public static final int BOOT_FILE = 67;
    /** The client's processor architecture (RFC 4578), for network boot. */
    public static final int CLIENT_ARCHITECTURE = 93;
    /** Routes without classes (RFC 3442). */
    public static final int CLASSLESS_ROUTES = 121;
    /** The end of options. */
    public static final int END = 255;

    private DhcpOption() {}
}
