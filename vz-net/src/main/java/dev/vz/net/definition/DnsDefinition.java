package dev.vz.net.definition;

import java.net.InetAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a network's DNS server knows.
 *
 * @param enabled           whether there is one
 * @param forwardPlainNames whether names without a dot are asked elsewhere
 * @param forwarders        who is asked what is not known here; empty for whoever the host asks
 * @param hosts             addresses and their names
 * @param texts             names and their texts
 * @param services          services
 */
public record DnsDefinition(boolean enabled, boolean forwardPlainNames, List<Forwarder> forwarders, List<Host> hosts,
        List<Text> texts, List<Service> services) {

    /**
     * Who is asked.
     *
     * @param domain  about which domain; {@code null} for all
     * @param address where; {@code null} for whoever the host asks
     */
    public record Forwarder(@Nullable String domain, @Nullable InetAddress address) {}

    /**
     * An address and its names.
     *
     * @param address the address
     * @param names   at least one
     */
    public record Host(InetAddress address, List<String> names) {

        /** Takes a copy. */
        public Host {
            names = List.copyOf(names);
        }
    }

    /**
     * A name and its text: TXT.
     *
     * @param name  the name
     * @param value the text
     */
    public record Text(String name, String value) {}

    /**
     * A service: SRV, RFC 2782.
     *
     * @param service  its name, without underscore
     * @param protocol {@code tcp} or {@code udp}
     * @param domain   {@code null} for the network's
     * @param target   the host; {@code null} says that there is none
     * @param port     its port; 0 where there is no target
     * @param priority lower first
     * @param weight   share among equals
     */
    public record Service(String service, String protocol, @Nullable String domain, @Nullable String target, int port,
            int priority, int weight) {}

    /** Takes copies. */
    public DnsDefinition {
        forwarders = List.copyOf(forwarders);
        hosts = List.copyOf(hosts);
        texts = List.copyOf(texts);
        services = List.copyOf(services);
    }
}
