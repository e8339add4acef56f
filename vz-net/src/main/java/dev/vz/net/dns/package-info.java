/**
 * Answers guests' questions for names: from its own zones, from a cache, or from the host's name servers.
 * {@link dev.vz.net.dns.DnsForwarder} is the service; a cached answer is found and sent without allocating, everything else
 * goes through dnsjava's messages. Names that guests were told are remembered for egress policies.
 */
@NullMarked
package dev.vz.net.dns;

import org.jspecify.annotations.NullMarked;
