package dev.vz.net.gateway;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.SocketName;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixSocket;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the gateway's own addresses answer, by port. */
final class LocalServices {

    private static final System.Logger LOGGER = System.getLogger(Gateway.class.getName());

    private final PortForwards forwards;
    private final LocalDatagram datagram;
    private final Map<Integer, DatagramService> datagrams = new HashMap<>();
    private final Map<Integer, StreamService> streams = new HashMap<>();

    LocalServices(PortForwards forwards, PacketWriter writer) {
        this.forwards = forwards;
        datagram = new LocalDatagram(writer);
    }

    void bind(int port, DatagramService service) {
        if (datagrams.putIfAbsent(port, service) != null) {
            throw new ConfigurationException("UDP port " + port + " of the gateway has a service already");
        }
    }

    void bind(int port, StreamService service) {
        if (streams.putIfAbsent(port, service) != null) {
            throw new ConfigurationException("TCP port " + port + " of the gateway has a service already");
        }
    }

    /** Hands a datagram to its service; whether there is one. */
    boolean deliver(MemorySegment payload, long offset, int length, long mac, long sourceHigh, long sourceLow,
            int sourcePort, long destinationHigh, long destinationLow, int destinationPort, long answerHigh,
            long answerLow) {
        DatagramService service = datagrams.get(destinationPort);
        if (service == null) {
            return false;
        }
        try {
            service.receive(datagram.set(payload, offset, length, mac, sourceHigh, sourceLow, sourcePort,
                    destinationHigh, destinationLow, destinationPort, answerHigh, answerLow));
        } catch (RuntimeException failure) {
            LOGGER.log(System.Logger.Level.WARNING, "The gateway's service at UDP port " + destinationPort
                    + " failed on a datagram, which is dropped", failure);
        }
        return true;
    }

    /** Connects with the service at a TCP port: the gateway's end; {@code null} if there is none. */
    @Nullable
    InternetSocket connect(int port, long guestHigh, long guestLow) {
        StreamService service = streams.get(port);
        if (service == null) {
            return null;
        }
        UnixSocket.Pair pair;
        try {
            pair = UnixSocket.pair(SocketType.STREAM, true);
        } catch (HostException full) {
            LOGGER.log(System.Logger.Level.DEBUG, "No sockets for a connection with the gateway", full);
            return null;
        }
        try {
            service.accept(pair.second(), Address.toInet(guestHigh, guestLow));
            return InternetSocket.adoptLocal(pair.first().descriptor());
        } catch (RuntimeException failure) {
            LOGGER.log(System.Logger.Level.WARNING, "The gateway's service at TCP port " + port
                    + " failed on a connection", failure);
            pair.close();
            return null;
        }
    }

    /** Whether a port of the gateway is one of the host that leads to a guest; {@code name} is then set to it. */
    boolean hairpin(EgressRequest.Protocol protocol, long high, long low, int port, SocketName name) {
        return forwards.locate(protocol, Address.isIpv4(high, low), port, name);
    }
}
