package dev.vz.samples.cli.net;

import dev.vz.net.IpPrefix;
import dev.vz.net.gateway.EgressPolicy;
import dev.vz.net.gateway.EgressRequest;
import dev.vz.net.gateway.EgressRequest.Protocol;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Where the command line lets guests go: by address and port, and on TLS's port by the server's name. */
final class NatPolicy implements EgressPolicy {

    private static final int HTTPS = 443;

    /**
     * Somewhere guests may go.
     *
     * @param port 0 for all
     */
    record Rule(Protocol protocol, IpPrefix range, int port) {
        boolean matches(EgressRequest request) {
            return protocol == request.protocol() && range.contains(request.destination())
                    && (port == 0 || port == request.port());
        }
    }

    private final List<Rule> rules;
    private final List<String> servers;

    /**
     * A policy.
     *
     * @param rules   none for everywhere
     * @param servers names, or {@code *.} and the end of names; none for every name
     */
    NatPolicy(List<Rule> rules, List<String> servers) {
        this.rules = List.copyOf(rules);
        this.servers = servers.stream().map(name -> name.toLowerCase(Locale.ROOT)).toList();
    }

    @Override
    public Decision decide(EgressRequest request) {
        // QUIC says its server's name where nobody on the way reads it: without it clients fall back to TCP.
        boolean hidden = !servers.isEmpty() && request.protocol() == Protocol.UDP && request.port() == HTTPS;
        return !hidden && (rules.isEmpty() || rules.stream().anyMatch(rule -> rule.matches(request)))
                ? Decision.ALLOW
                : Decision.REJECT;
    }

    @Override
    public boolean readsServerNames(int port) {
        return !servers.isEmpty() && port == HTTPS;
    }

    @Override
    public Decision decideServerName(EgressRequest request, @Nullable String serverName) {
        return serverName != null && servers.stream().anyMatch(server -> matches(server, serverName))
                ? Decision.ALLOW
                : Decision.REJECT;
    }

    private static boolean matches(String server, String name) {
        return server.startsWith("*.") ? name.endsWith(server.substring(1)) && name.length() >= server.length()
                : name.equals(server);
    }
}
