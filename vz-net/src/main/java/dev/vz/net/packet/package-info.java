/**
 * Headers of frames and packets where they lie: Ethernet, VLAN, ARP, IPv4, IPv6, TCP, UDP, ICMP, and the Internet
 * checksum. An accessor takes a segment and the offset of its header and makes no object; all fields are in network byte
 * order. Nothing here trusts a frame: {@link dev.vz.net.packet.PacketView} says which headers lie within it, and accessors
 * are used on those only.
 */
@NullMarked
package dev.vz.net.packet;

import org.jspecify.annotations.NullMarked;
