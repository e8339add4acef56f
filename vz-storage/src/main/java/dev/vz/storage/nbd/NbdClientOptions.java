package dev.vz.storage.nbd;

import dev.vz.error.ConfigurationException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a client connects.
 *
 * @param connections   connections to use if the server allows several, 1 to 64
 * @param depth         requests in flight on each, 1 to 4096; more wait
 * @param structured    whether structured replies are asked for
 * @param contexts      what to be able to ask about ranges
 * @param timeout       for how long the server may keep the handshake, and a close, waiting
 * @param tls           whom to trust; {@code null} speaks in the clear
 */
public record NbdClientOptions(int connections, int depth, boolean structured, List<String> contexts,
        Duration timeout, @Nullable NbdTls tls) {

    /** One connection, 128 requests, structured replies, allocation, thirty seconds, in the clear. */
    public static final NbdClientOptions DEFAULT = new NbdClientOptions(1, 128, true, List.of(Nbd.BASE_ALLOCATION),
            Duration.ofSeconds(30), null);

    /** Checks the numbers. */
    public NbdClientOptions {
        if (connections < 1 || connections > 64 || depth < 1 || depth > 4096) {
            throw new ConfigurationException("A client has 1 to 64 connections with 1 to 4096 requests each, not "
                    + connections + " with " + depth);
        }
        if (timeout.toMillis() < 1) {
            throw new ConfigurationException("A server needs some time to answer, not " + timeout);
        }
        contexts = List.copyOf(contexts);
    }

    /** The same with another number of connections. */
    public NbdClientOptions withConnections(int connections) {
        return new NbdClientOptions(connections, depth, structured, contexts, timeout, tls);
    }

    /** The same, asking for structured replies or not. */
    public NbdClientOptions withStructured(boolean structured) {
        return new NbdClientOptions(connections, depth, structured, contexts, timeout, tls);
    }

    /** The same with other contexts. */
    public NbdClientOptions withContexts(List<String> contexts) {
        return new NbdClientOptions(connections, depth, structured, contexts, timeout, tls);
    }

    /** The same with another patience. */
    public NbdClientOptions withTimeout(Duration timeout) {
        return new NbdClientOptions(connections, depth, structured, contexts, timeout, tls);
    }

    /** The same over TLS. */
    public NbdClientOptions withTls(@Nullable NbdTls tls) {
        return new NbdClientOptions(connections, depth, structured, contexts, timeout, tls);
    }
}
