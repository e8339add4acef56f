package dev.vz.net.gateway;

import dev.vz.linux.socket.UnixSocket;
import java.net.InetAddress;

/** Answers connections that guests make to the gateway itself. */
@FunctionalInterface
public interface StreamService {

    /**
     * Takes a connection. Called on the gateway's thread; must not block, so the work is done elsewhere.
     *
     * @param stream the service's end, non-blocking; the service closes it
     * @param guest  who connects
     */
    void accept(UnixSocket stream, InetAddress guest);
}
