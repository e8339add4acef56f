package dev.vz.net.bridge;

/** Why a switch did not pass a frame on. */
public enum DropReason {
    /** A header claims what the frame does not hold. */
    MALFORMED,
    /** Its virtio header asks for what cannot be done to it. */
    BAD_OFFLOAD,
    /** Its source address is a group's. */
    BAD_SOURCE,
    /** It is in a VLAN that the port is not in. */
    VLAN,
    /** It is for the next bridge only: IEEE 802.1D, 7.12.6. */
    LINK_LOCAL,
    /** The spanning tree does not let frames through here. */
    BLOCKED,
    /** It came in on a port that only mirrors. */
    MIRROR_PORT,
    /** The port's rate is used up. */
    RATE,
    /** Too many broadcasts, multicasts or frames to unknown stations. */
    STORM,
    /** Its Ethernet address is not the port's. */
    SPOOFED_MAC,
    /** Its IP address is not the port's. */
    SPOOFED_IP,
    /** It claims somebody else's address in ARP or neighbor discovery. */
    SPOOFED_ARP,
    /** It offers addresses, and the port may not. */
    DHCP_SERVER,
    /** It advertises a router, and the port may not. */
    ROUTER_ADVERTISEMENT,
    /** It is a BPDU, and behind the port there must be no bridge. */
    BPDU,
    /** A rule denies it. */
    RULE,
    /** Nobody else may have it: the station is behind the same port, or behind one that is kept apart. */
    NO_DESTINATION,
    /** It is larger than the port's MTU. */
    TOO_LONG,
    /** The port's queue is full. */
    QUEUE_FULL,
    /** The port's other end is gone. */
    LINK_DOWN,
    /** It came back to the switch while it was still being forwarded, again and again. */
    LOOP
}
