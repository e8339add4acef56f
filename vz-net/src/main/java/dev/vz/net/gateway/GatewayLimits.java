package dev.vz.net.gateway;

import dev.vz.error.ConfigurationException;
import java.time.Duration;

/**
 * How much a gateway lends its guests, and for how long.
 *
 * @param flows           flows of all guests together
 * @param flowsPerGuest   flows of one guest, that is of one Ethernet address
 * @param guests          guests that are known at a time
 * @param stagedBytes     bytes of all guests together that wait for host sockets which take no more
 * @param reassemblies    datagrams of all guests together that are being put together of fragments
 * @param errorsPerSecond ICMP errors that are sent to guests
 * @param tcpIdle         how long an open connection may say nothing
 * @param tcpClosing      how long a connection may take to open, or to end once one side has closed
 * @param udpIdle         how long a UDP flow without answer may say nothing
 * @param udpStream       how long a UDP flow that was answered may say nothing
 */
public record GatewayLimits(int flows, int flowsPerGuest, int guests, int stagedBytes, int reassemblies,
        int errorsPerSecond, Duration tcpIdle, Duration tcpClosing, Duration udpIdle, Duration udpStream) {

    /** Checks that all are positive. */
    public GatewayLimits {
        if (flows < 1 || flows > 1 << 20 || flowsPerGuest < 1 || guests < 1 || stagedBytes < 0 || reassemblies < 1
                || errorsPerSecond < 0) {
            throw new ConfigurationException("The limits of a gateway are positive and flows at most 1048576: " + flows
                    + " flows, " + flowsPerGuest + " per guest, " + guests + " guests, " + reassemblies
                    + " reassemblies");
        }
    }

    /** 16,384 flows, as many for each guest, 1024 guests, 64 MiB, 64 reassemblies, 1000 errors; 2 h, 2 min, 30 s, 3 min. */
    public static GatewayLimits standard() {
        return new GatewayLimits(16_384, 16_384, 1024, 64 << 20, 64, 1000, Duration.ofHours(2), Duration.ofMinutes(2),
                Duration.ofSeconds(30), Duration.ofMinutes(3));
    }

    /** The same with other numbers of flows. */
    public GatewayLimits withFlows(int flows, int flowsPerGuest) {
        return new GatewayLimits(flows, flowsPerGuest, guests, stagedBytes, reassemblies, errorsPerSecond, tcpIdle,
                tcpClosing, udpIdle, udpStream);
    }
}
