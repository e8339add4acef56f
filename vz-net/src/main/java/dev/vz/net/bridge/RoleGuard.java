package dev.vz.net.bridge;

import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IcmpHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.UdpHeader;
import org.jspecify.annotations.Nullable;

/** Who may be a DHCP server (RFC 7610 for IPv6) or a router (RFC 6105) on the network. */
final class RoleGuard {

    private static final int DHCP_SERVER = 67;
    private static final int DHCPV6_SERVER = 547;

    private RoleGuard() {}

    /** Why a frame must not pass, or {@code null} if it may. Malformed frames have been dropped before. */
    static @Nullable DropReason objection(PacketView view, PortSettings settings) {
        if (!settings.mayServeDhcp() && view.isUdp()) {
            int from = UdpHeader.sourcePort(view.segment(), view.transportOffset());
            if (from == (view.isIpv4() ? DHCP_SERVER : DHCPV6_SERVER)) {
                return DropReason.DHCP_SERVER;
            }
        }
        if (!settings.mayRoute() && view.type() == EthernetHeader.IPV6 && view.protocol() == IpProtocol.ICMPV6) {
            // RFC 7113, 3: a first fragment that does not show what it is may be an advertisement in hiding; such a
            // frame is malformed to the view and did not come so far.
            int type = view.transportOffset() < 0 ? -1 : IcmpHeader.type(view.segment(), view.transportOffset());
            if (type == IcmpHeader.V6_ROUTER_ADVERTISEMENT || type == IcmpHeader.V6_REDIRECT) {
                return DropReason.ROUTER_ADVERTISEMENT;
            }
        }
        return null;
    }
}
