package dev.vz.storage.nbd;

import dev.vz.error.ConfigurationException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a server allows.
 *
 * @param loops            threads that serve connections, 1 to 64
 * @param maxConnections   clients at a time; more wait until one leaves
 * @param handshakeTimeout for how long a client may negotiate before it is cut off
 * @param maxRequestMemory bytes of request data over all clients; a request beyond fails with {@code ENOMEM}
 * @param tls              the server's certificate; {@code null} offers no TLS
 * @param tlsRequired      whether clients without TLS are refused
 */
public record NbdServerOptions(int loops, int maxConnections, Duration handshakeTimeout, long maxRequestMemory,
        @Nullable NbdTls tls, boolean tlsRequired) {

    /** Two loops, 256 clients, ten seconds, 512 MiB, no TLS. */
    public static final NbdServerOptions DEFAULT = new NbdServerOptions(2, 256, Duration.ofSeconds(10), 512L << 20,
            null, false);

    /** Checks the numbers. */
    public NbdServerOptions {
        if (loops < 1 || loops > 64 || maxConnections < 1) {
            throw new ConfigurationException("An NBD server has 1 to 64 loops and at least one client, not " + loops
                    + " and " + maxConnections);
        }
        if (handshakeTimeout.isNegative() || handshakeTimeout.isZero()) {
            throw new ConfigurationException("Clients need some time to negotiate, not " + handshakeTimeout);
        }
        if (maxRequestMemory < Nbd.MAX_PAYLOAD) {
            throw new ConfigurationException("A server needs memory for one request of " + Nbd.MAX_PAYLOAD
                    + " bytes at least, not " + maxRequestMemory);
        }
        if (tlsRequired && tls == null) {
            throw new ConfigurationException("TLS cannot be required without a certificate");
        }
    }

    /** The same with another number of threads. */
    public NbdServerOptions withLoops(int loops) {
        return new NbdServerOptions(loops, maxConnections, handshakeTimeout, maxRequestMemory, tls, tlsRequired);
    }

    /** The same with another number of clients. */
    public NbdServerOptions withMaxConnections(int maxConnections) {
        return new NbdServerOptions(loops, maxConnections, handshakeTimeout, maxRequestMemory, tls, tlsRequired);
    }

    /** The same with another time for the handshake. */
    public NbdServerOptions withHandshakeTimeout(Duration handshakeTimeout) {
        return new NbdServerOptions(loops, maxConnections, handshakeTimeout, maxRequestMemory, tls, tlsRequired);
    }

    /** The same with another limit of memory. */
    public NbdServerOptions withMaxRequestMemory(long maxRequestMemory) {
        return new NbdServerOptions(loops, maxConnections, handshakeTimeout, maxRequestMemory, tls, tlsRequired);
    }

    /** The same with TLS, offered or required. */
    public NbdServerOptions withTls(NbdTls tls, boolean required) {
        return new NbdServerOptions(loops, maxConnections, handshakeTimeout, maxRequestMemory, tls, required);
    }
}
