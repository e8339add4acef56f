package dev.vz.net.dns;

import java.io.IOException;

/** Asks somebody else. Called on a thread that may wait; must be safe for several at a time. */
@FunctionalInterface
public interface DnsUpstream {

    /**
     * The answer to a query, both in wire format. The answer's id is the query's, and it is about the query's question.
     *
     * @throws IOException if nobody answers in time
     */
    byte[] query(byte[] query) throws IOException;
}
