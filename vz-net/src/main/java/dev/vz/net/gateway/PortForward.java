package dev.vz.net.gateway;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.socket.SocketName;
import java.net.InetAddress;

/**
 * A port of the host that leads to a guest.
 *
 * @param protocol     {@link EgressRequest.Protocol#TCP} or {@link EgressRequest.Protocol#UDP}
 * @param hostAddress  where the host listens; the unspecified address for all of its family
 * @param hostPort     the host's port; 0 lets the host choose
 * @param guestAddress the guest
 * @param guestPort    the guest's port
 * @param proxyHeader  whether each TCP connection starts with a PROXY protocol header, version 1, that names the client
 */
public record PortForward(EgressRequest.Protocol protocol, InetAddress hostAddress, int hostPort,
        InetAddress guestAddress, int guestPort, boolean proxyHeader) {

    /** Checks that it makes sense. */
    public PortForward {
        if (protocol == EgressRequest.Protocol.ECHO || proxyHeader && protocol != EgressRequest.Protocol.TCP) {
            throw new ConfigurationException(
                    "A port forward carries TCP or UDP, and only TCP has a PROXY header; got " + protocol);
        }
        if (hostPort < 0 || hostPort > 0xFFFF || guestPort < 1 || guestPort > 0xFFFF) {
            throw new ConfigurationException("A port forward goes from port 0 to 65535 to port 1 to 65535, not from "
                    + hostPort + " to " + guestPort);
        }
    }

    /** A TCP forward. */
    public static PortForward tcp(InetAddress hostAddress, int hostPort, InetAddress guestAddress, int guestPort) {
        return new PortForward(EgressRequest.Protocol.TCP, hostAddress, hostPort, guestAddress, guestPort, false);
    }

    /** A UDP forward. */
    public static PortForward udp(InetAddress hostAddress, int hostPort, InetAddress guestAddress, int guestPort) {
        return new PortForward(EgressRequest.Protocol.UDP, hostAddress, hostPort, guestAddress, guestPort, false);
    }

    /** The same, listening at another port. */
    PortForward at(int port) {
        return new PortForward(protocol, hostAddress, port, guestAddress, guestPort, proxyHeader);
    }

    SocketName hostName() {
        return new SocketName().set(Address.high(hostAddress), Address.low(hostAddress), hostPort, 0);
    }
}
